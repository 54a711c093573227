"""The extended-support beta mixture: a beta that reaches beyond its bounds by a random amount."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families.base import LogDensity
from skglmm.families.bounded.beta import MEAN
from skglmm.families.bounded.exceedance import NEGLIGIBLE, exponential, groups
from skglmm.families.bounded.stretched_beta import StretchedBeta
from skglmm.families.bounded.stretched_rows import StretchedRows, StretchedShape
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Link, Log, Logit

__all__ = ["ExtendedBeta"]

LOG_PRECISION_CEILING = 11.0  # a precision of 60,000, up to which the rule has its digits
EXCEEDANCE = 2  # the place of its linear predictor
BOUNDS = (None, 0.0, 1.0)  # kinds of responses


@final
@dataclass(frozen=True)
class ExtendedBeta(StretchedBeta):
    r"""A beta on (-u, 1 + u), censored to [0, 1], with an exponential u: the XBX model.

    With B a beta of mean :math:`\mu` and precision :math:`\phi` and an exponential u of mean
    :math:`\nu`, the response is :math:`(1 + 2 u) B - u`, or the nearer bound where that is
    outside [1]_. The integral over u is taken by a rule whose error, relative to the density, is
    about 1e-11 up to the ceiling of the precision, and grows beyond.

    Parameters
    ----------
    links : tuple of three links
        Of the mean and the precision of B, and of the mean exceedance, always a logarithm.

    References
    ----------
    .. [1] Kosmidis, I. & Zeileis, A. (2026). Extended-support beta regression for [0, 1]
       responses. Journal of the Royal Statistical Society, Series C, 75(1), 139-157.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import ExtendedBeta
    >>> eta = np.zeros(1), np.log([2.0]), np.log([0.5])  # B is uniform
    >>> ExtendedBeta().part_probabilities(eta).ravel().round(3)
    array([0.202, 0.596, 0.202])
    """

    parameters = (
        MEAN,
        Parameter("precision", Role.DISPERSION, (Log(),), LOG_PRECISION_CEILING),
        Parameter("exceedance", Role.SHAPE, (Log(),)),
    )

    links: tuple[Link, ...] = (Logit(), Log(), Log())

    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        return () if present or EXCEEDANCE not in endless else self.masses

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        mean, precision, exceedance = np.broadcast_arrays(*eta)
        inner = self.beta.sample((mean, precision), rng)
        u = rng.exponential(self.links[2].inverse(exceedance).value)
        return np.clip(inner + u * (2.0 * inner - 1.0), 0.0, 1.0)

    def _anchor(self, y: Floats) -> Floats:
        return y

    def _averages(self, rows: StretchedRows, order: int) -> Iterator[tuple[Ints, LogDensity]]:
        y, scale = rows.shape.y, rows.shape.log_exceedance
        assert y is not None
        assert scale is not None
        kind = np.where(y <= 0.0, 1, np.where(y >= 1.0, 2, 0))
        sharpness, least = _sharpness(rows.shape), _least(rows)
        for at, step in groups(kind, sharpness):
            bound = BOUNDS[kind[at[0]]]
            rule = exponential(step, float(least[at].min()), float(sharpness[at].max()))
            found = rows.take(at).average(rule.scaled(scale[at]), bound, order)
            if bound is not None:  # there the density of the exceedance is integrated once more
                found.value[:] += scale[at]
            elif found.grad is not None:
                found.grad[2] -= 1.0
            yield at, found

    def _exceedances(self, shape: StretchedShape) -> Iterator[tuple[Ints, Floats, Floats]]:
        scale, sharpness = shape.log_exceedance, _sharpness(shape)
        assert scale is not None
        for at, step in groups(np.zeros(len(sharpness), dtype=np.intp), sharpness):
            rule = exponential(step, 1.0, float(sharpness[at].max()))
            weight = np.exp(rule.log_weight)
            yield at, np.exp(rule.log_v + scale[at]), weight / weight.sum()


def _sharpness(shape: StretchedShape) -> Floats:
    """Return shapes of gammas as sharp as the integrands, on the scale of the rule.

    Where the density of the beta hardly changes over an exceedance, nothing is sharp. Where the
    beta is much narrower than an exceedance is long, the rule has to see it from afar.
    """
    mu, nu, phi, log_exceedance, y = shape
    assert log_exceedance is not None
    a, b, exceedance = shape.a, shape.b, np.exp(log_exceedance)
    both, near, change = np.maximum(a, b), np.minimum(mu, nu), phi
    with np.errstate(divide="ignore", over="ignore"):
        if y is not None:
            both = np.where(y <= 0.0, a, np.where(y >= 1.0, b, both))
            near = np.maximum(np.abs(mu - y), phi**-0.5)
            change = a / y + b / (1.0 - y)
        smooth = 1.0 + 16.0 * (exceedance * change) ** 2
        afar = 1.0 + np.log(np.maximum(exceedance / near, 1.0)) / 3.0
    return np.asarray(np.minimum(both, smooth) * afar**2)


def _least(rows: StretchedRows) -> Floats:
    """Return powers of v with which integrands vanish at 0, as far as they have to be seen.

    That of a response between the bounds is 1, but the smaller shape of the beta as long as v is
    longer than the way to the bound.
    """
    shape = rows.shape
    assert shape.y is not None
    assert shape.log_exceedance is not None
    power = np.minimum(np.minimum(shape.a, shape.b), 1.0)
    inside = (shape.y > 0.0) & (shape.y < 1.0)
    way = np.where(inside, np.minimum(rows.prepared[0], rows.prepared[1]), -np.inf)
    seen = NEGLIGIBLE + np.maximum(shape.log_exceedance - way, 0.0)
    return np.asarray(np.maximum(power, NEGLIGIBLE / seen))
