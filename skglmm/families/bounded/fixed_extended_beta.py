"""The extended-support beta: it reaches beyond its bounds by a fixed amount."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families.base import LogDensity
from skglmm.families.bounded.beta import MEAN, PRECISION
from skglmm.families.bounded.exceedance import below, groups
from skglmm.families.bounded.stretched_beta import StretchedBeta
from skglmm.families.bounded.stretched_rows import StretchedRows, StretchedShape
from skglmm.links import Link, Log, Logit

__all__ = ["FixedExtendedBeta"]


@final
@dataclass(frozen=True)
class FixedExtendedBeta(StretchedBeta):
    r"""A beta on (-u, 1 + u), censored to [0, 1], with a known u: the XB model.

    With B a beta of mean :math:`\mu` and precision :math:`\phi`, the response is
    :math:`(1 + 2 u) B - u`, or the nearer bound where that is outside [1]_.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and the precision of B.
    exceedance : float, default=0.1
        By how much the beta reaches beyond each bound, positive.

    References
    ----------
    .. [1] Kosmidis, I. & Zeileis, A. (2026). Extended-support beta regression for [0, 1]
       responses. Journal of the Royal Statistical Society, Series C, 75(1), 139-157.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import FixedExtendedBeta
    >>> eta = np.zeros(1), np.log([2.0])  # B is uniform
    >>> FixedExtendedBeta(exceedance=0.5).part_probabilities(eta).ravel().round(12)
    array([0.25, 0.5 , 0.25])
    """

    parameters = (MEAN, PRECISION)

    links: tuple[Link, ...] = (Logit(), Log())
    exceedance: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 < self.exceedance < inf:
            msg = f"the exceedance must be positive and finite, got {self.exceedance!r}"
            raise ValueError(msg)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        inner = self.beta.sample(np.broadcast_arrays(*eta), rng)
        return np.clip(inner + self.exceedance * (2.0 * inner - 1.0), 0.0, 1.0)

    def _anchor(self, y: Floats) -> Floats:
        return np.asarray((y + self.exceedance) / (1.0 + 2.0 * self.exceedance))

    def _averages(self, rows: StretchedRows, order: int) -> Iterator[tuple[Ints, LogDensity]]:
        y = rows.prepared[3]
        inside = np.flatnonzero((y > 0.0) & (y < 1.0))
        zeros = (np.zeros((m + 1, len(inside))) for m in range(1, order + 1))
        yield inside, LogDensity(np.full(len(inside), -np.log1p(2.0 * self.exceedance)), *zeros)
        shape = rows.shape
        for bound, power, near in ((0.0, shape.a, shape.mu), (1.0, shape.b, shape.nu)):
            there = np.flatnonzero(y == bound)
            afar = 1.0 + (np.log(np.maximum(self.exceedance / near[there], 1.0)) / np.pi) ** 2
            for part, step in groups(np.zeros(len(there), dtype=np.intp), power[there] * afar):
                at = there[part]
                rule = below(self.exceedance, step, float(power[at].min()))
                yield at, rows.take(at).average(rule, bound, order)

    def _exceedances(self, shape: StretchedShape) -> Iterator[tuple[Ints, Floats, Floats]]:
        yield np.arange(len(shape.mu)), np.array([[self.exceedance]]), np.ones((1, 1))
