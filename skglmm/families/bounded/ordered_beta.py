"""The ordered beta family: one linear predictor orders 0, the proportions between, and 1."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import expit, log_expit

from skglmm.arrays import Floats
from skglmm.families.base import LogDensity
from skglmm.families.bounded.beta import MEAN, PRECISION
from skglmm.families.bounded.two_part_beta import TwoPartBeta
from skglmm.families.calculus.chain_rule import through_links
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.combined.masses import PartProbabilities
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Identity, Link, Log, Logit
from skglmm.response import Support

__all__ = ["OrderedBeta"]

LOWER_CUT = Parameter("lower_cut", Role.SHAPE, (Identity(),))
CUT_GAP = Parameter("cut_gap", Role.SHAPE, (Log(),))

_AT = (0, 2, 3)  # the predictors of the mean, the lower cut and the gap
_LINKS: tuple[Link, ...] = (Identity(), Identity(), Log())


@final
@dataclass(frozen=True)
class OrderedBeta(TwoPartBeta):
    r"""A beta distribution whose mean also moves the probabilities of 0 and of 1.

    With the linear predictor :math:`\eta` of the mean and cut points :math:`c_0 < c_1`,
    :math:`P(y = 0) = 1 / (1 + e^{\eta - c_0})` and :math:`P(y = 1) = 1 / (1 + e^{c_1 - \eta})`,
    whatever the link of the mean; a beta distribution otherwise [1]_.

    Parameters
    ----------
    links : tuple of four links
        Of the mean and the precision of responses between 0 and 1, of the lower cut point, which
        is itself a linear predictor, and of the gap :math:`c_1 - c_0`, which is always a
        logarithm.

    References
    ----------
    .. [1] Kubinec, R. (2022). Ordered beta regression: a parsimonious, well-fitting model for
       continuous data with lower and upper bounds. Political Analysis, 31(4), 519-536.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import OrderedBeta
    >>> eta = np.zeros(1), np.zeros(1), np.array([-2.0]), np.log([5.0])  # cut points -2 and 3
    >>> OrderedBeta().part_probabilities(eta).ravel().round(3)
    array([0.119, 0.833, 0.047])
    """

    parameters = (MEAN, PRECISION, LOWER_CUT, CUT_GAP)
    support = Support(0.0, 1.0, masses=(0.0, 1.0))

    links: tuple[Link, ...] = (Logit(), Log(), Identity(), Log())

    @property
    def part_model(self) -> PartProbabilities:
        return _CumulativeLogit()

    def derived(self, eta: Sequence[float]) -> Mapping[str, tuple[float, Floats]]:
        gap = float(np.exp(eta[3]))
        return {"upper_cut": (eta[2] + gap, np.array([0.0, 0.0, 1.0, gap]))}


@final
@dataclass(frozen=True)
class _CumulativeLogit(PartProbabilities):
    """Cut points on the scale of the linear predictor of the mean."""

    @property
    def predictors(self) -> tuple[int, ...]:
        return _AT

    def log_probability(self, y: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
        r"""Return the log probabilities of the parts.

        With :math:`a = \eta - c_0`, :math:`b = \eta - c_1` and the gap d, the probability of the
        interior is :math:`F(a) F(-b) (1 - e^{-d})`, F the logistic distribution function.
        """
        jets = [link.inverse(eta[k], order) for k, link in zip(_AT, _LINKS, strict=True)]
        center, lower, gap = (jet.value for jet in jets)
        a, b = center - lower, center - lower - gap
        value = np.where(y > 0.0, log_expit(a), log_expit(-a)) * (y < 1.0)
        value += np.where(y < 1.0, log_expit(-b), log_expit(b)) * (y > 0.0)
        value += np.log(-np.expm1(-gap)) * ((y > 0.0) & (y < 1.0))
        slopes = _slopes(y, a, b, gap)
        parts = [_derivatives([each[m] for each in slopes], m + 1) for m in range(order)]
        return through_links(LogDensity(value, *parts), jets)

    def probabilities(self, eta: Sequence[Floats]) -> Floats:
        pairs = zip(_AT, _LINKS, strict=True)
        center, lower, gap = (link.inverse(eta[k]).value for k, link in pairs)
        a, b = center - lower, center - lower - gap
        inner = expit(a) * expit(-b) * -np.expm1(-gap)
        return np.stack(np.broadcast_arrays(expit(-a), inner, expit(b)))

    def endless_predictors(self, present: Collection[float]) -> Mapping[int, float]:
        _, lower, gap = _AT
        if 0.0 not in present:
            return {lower: -1.0, gap: 1.0}  # the gap, too: the upper cut point stays
        return {} if 1.0 in present else {gap: 1.0}

    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        cuts = set(_AT[1:]).intersection(endless)
        return tuple(bound for bound in (0.0, 1.0) if bound not in present) if cuts else ()

    def start(self, shares: Floats, inner: Floats) -> Floats:
        odds = shares / (shares.sum() - shares)
        lower, upper = inner[0] + np.log(odds[0]), inner[0] - np.log(odds[2])
        return np.concatenate([inner, [lower, np.log(upper - lower)]])


def _slopes(y: Floats, a: Floats, b: Floats, gap: Floats) -> Sequence[Sequence[Floats]]:
    """Three derivatives each in a, in b and in the gap of what these add, shape (n,)."""
    first = [
        np.where(y > 0.0, expit(-a), -expit(a)) * (y < 1.0),
        np.where(y < 1.0, -expit(b), expit(-b)) * (y > 0.0),
    ]
    curved = [-expit(x) * expit(-x) * at for x, at in ((a, y < 1.0), (b, y > 0.0))]
    bent = [each * (expit(-x) - expit(x)) for each, x in zip(curved, (a, b), strict=True)]
    inside = (y > 0.0) & (y < 1.0)
    g = np.exp(-gap) / -np.expm1(-gap)
    of_gap = [g * inside, -g * (1.0 + g) * inside, g * (1.0 + g) * (1.0 + 2.0 * g) * inside]
    return [*([f, s, t] for f, s, t in zip(first, curved, bent, strict=True)), of_gap]


def _derivatives(slopes: Sequence[Floats], order: int) -> Floats:
    """Packed derivatives in the predictor of the mean, the lower cut and the gap."""
    of_a, of_b, of_gap = slopes
    rows = []
    for key in packed_rows(3, order):
        sign = (-1.0) ** sum(k > 0 for k in key)  # of the factors -1 in b
        row = sign * of_b
        if 2 not in key:
            row = row + sign * of_a
        rows.append(row + of_gap if set(key) == {2} else row)
    return np.stack(rows)
