"""Uncorrelated effects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.homogeneous_diagonal import HomogeneousDiagonal
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, NaturalParameter, entries

__all__ = ["Diagonal"]


@final
@dataclass(frozen=True)
class Diagonal(Covariance):
    """Uncorrelated effects, ``(1 + x || g)``; `theta` is the signed diagonal of the factor.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    Examples
    --------
    >>> from skglmm.covariance import Diagonal
    >>> Diagonal(2).rectify([0.7, -0.3])
    array([0.7, 0.3])
    """

    @property
    def n_params(self) -> int:
        return self.size

    @property
    def pairs(self) -> Bools:
        return np.eye(self.size, dtype=np.bool_)

    @property
    def spreads(self) -> Ints:
        return np.arange(self.size)

    @property
    def rebases(self) -> bool:
        return self.size == 1

    def factor(self, theta: Floats) -> Floats:
        return np.diag(np.asarray(theta, dtype=np.float64))

    def move(self, theta: Floats, step: Floats) -> Floats:
        del theta  # the factor is linear in it
        return np.diag(step)

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        del theta
        every = np.arange(self.size)
        return np.asarray(kernel[every, every])

    def start(self, sds: Floats) -> Floats:
        return np.array(sds, dtype=np.float64)

    def rectify(self, theta: Floats) -> Floats:
        return np.abs(np.asarray(theta, dtype=np.float64))

    def zeros(self, theta: Floats) -> Bools:
        return np.asarray(theta == 0.0)

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return [
            Edge(np.array([place]), np.zeros(1), np.abs(theta[[place]]))
            for place in range(self.size)
        ]

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        return np.where(np.abs(theta) < least, least, theta)

    def governing(self, effect: int) -> Ints:
        return np.array([effect])

    def names(self, labels: EffectNames) -> list[str]:
        return [labels.sd(i) for i in range(self.size)]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        yield from entries(self, theta, basis, labels)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate:
        back = partial(np.multiply, float(np.linalg.norm(basis[which])))
        return Coordinate(self, theta, which, (0.0, np.inf), (0.0, np.inf), back)

    def contains(self, other: Covariance) -> bool:
        return self == other or other == HomogeneousDiagonal(self.size)
