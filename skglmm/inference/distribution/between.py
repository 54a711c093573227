r"""Distributions of zero-one-inflated responses whose random effects are correlated between parts.

Predictors of the masses have shifts :math:`L t + M u`, of which the normal numbers t shift the
distribution in between, too. So its cdf is :math:`E_t[P(t) F(y \mid t)]`, with the average
:math:`P(t) = E_u[P(\text{between} \mid L t + M u)]`, which is smooth in t, and the same for all y.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander

from skglmm.arrays import Floats, Ints
from skglmm.families import Family
from skglmm.inference.distribution.chebyshev import chebyshev_transform
from skglmm.inference.distribution.ends import between_probability
from skglmm.inference.prediction.averages import NormalShift, Parted, averages

__all__ = ["Between", "Share"]

REACH = 5.2  # standard deviations; beyond, shares stand still
DIGITS = 14.0  # of the polynomials, as a natural logarithm
POLE = 2.0  # distance of the nearest pole of a link from the real line
MOST = 200  # degree


@dataclass(frozen=True)
class Share:
    """Probabilities that follow one standard normal number of each row.

    Parameters
    ----------
    coefficients : ndarray, shape (n, degree + 1)
        Of Chebyshev polynomials from one tail to the other.
    sd : ndarray, shape (n,)
        How far a unit of the number moves a linear predictor of the masses, at most.
    """

    coefficients: Floats
    sd: Floats

    def at(self, t: Floats) -> Floats:
        """Return the probabilities at numbers of shape (n, m)."""
        basis = chebvander(np.clip(t / REACH, -1.0, 1.0), self.coefficients.shape[1] - 1)
        return np.asarray(np.einsum("nmj,nj->nm", basis, self.coefficients))

    def take(self, rows: Ints) -> "Share":
        """Return the probabilities of some of the rows."""
        return Share(self.coefficients[rows], self.sd[rows])


class Between(NamedTuple):
    """Distributions of n responses between the masses, with the probabilities to lie there.

    Parameters
    ----------
    family : Family
        Distribution of the responses there.
    eta : list of ndarray, each of shape (n,)
        Its linear predictors.
    shift : NormalShift
        Their shifts.
    shares : list of Share
        How likely it is, for each node of the grid of `shift`.
    """

    family: Family
    eta: list[Floats]
    shift: NormalShift
    shares: list[Share]

    @classmethod
    def of(cls, family: Family, eta: Sequence[Floats], shift: NormalShift) -> "Between | None":
        """Return the distributions, if the masses of the family have predictors of their own."""
        interior = family.interior
        if interior is None or interior.location != shift.first or family.support.is_discrete:
            return None
        places = interior.predictors
        if not set(places).isdisjoint(family.part_predictors):
            return None
        parted = shift.parted([k for k in shift.moving if k in places])
        inner = parted.inner.placed(places)
        return cls(interior.family, [eta[k] for k in places], inner, _shares(family, eta, parted))


def _shares(family: Family, eta: Sequence[Floats], parted: Parted) -> list[Share]:
    """Return the probabilities to lie between the masses, at each node of the grid."""
    follow, left = parted.follow, parted.left
    sd = np.abs(follow[:, :, -1]).max(axis=1, initial=0.0)
    reach = REACH * float(sd.max(initial=0.0))
    degree = min(int(np.ceil(DIGITS / np.arcsinh(POLE / reach))), MOST) if reach > 0.0 else 0
    nodes, points = np.array([t for _, t in parted.inner.grid()]), REACH * chebpts1(degree + 1)
    shape = len(sd), len(nodes), len(points)
    moved = [np.repeat(row, shape[1] * shape[2]) for row in eta]
    for q, k in enumerate(left.others):
        at_nodes = follow[:, q, :-1] @ nodes.T
        moved[k] += (at_nodes[:, :, None] + follow[:, q, -1, None, None] * points).ravel()
    rows = np.repeat(np.arange(shape[0]), shape[1] * shape[2])
    found = averages(
        lambda each, _: between_probability(family, each)[None], moved, left.take(rows)
    )
    table = found.reshape(shape) @ chebyshev_transform(degree).T
    return [Share(table[:, k], sd) for k in range(shape[1])]
