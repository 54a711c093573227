"""Freely correlated effects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, Ends, NaturalParameter, entries
from skglmm.covariance.reparametrized import Rotated

__all__ = ["Unstructured"]


@final
@dataclass(frozen=True)
class Unstructured(Covariance):
    """Freely correlated effects, ``(1 + x | g)``; `theta` is the factor row by row.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    Examples
    --------
    >>> from skglmm.covariance import Unstructured
    >>> Unstructured(2).factor([0.7, 0.1, 0.3])
    array([[0.7, 0. ],
           [0.1, 0.3]])
    """

    @property
    def n_params(self) -> int:
        return self.size * (self.size + 1) // 2

    @property
    def spreads(self) -> Ints:
        rows = np.arange(self.size)
        return rows * (rows + 3) // 2

    @property
    def rebases(self) -> bool:
        return True

    def factor(self, theta: Floats) -> Floats:
        lower = np.zeros((self.size, self.size))
        lower[_mask(self.size)] = theta
        return lower

    def move(self, theta: Floats, step: Floats) -> Floats:
        del theta  # the factor is linear in it
        return self.factor(step)

    def moves(self, theta: Floats) -> Iterator[Floats]:
        del theta
        return iter(_units(self.size))

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        del theta
        return np.asarray(kernel[_mask(self.size)])

    def start(self, sds: Floats) -> Floats:
        return np.asarray(np.diag(sds)[_mask(self.size)], dtype=np.float64)

    def rectify(self, theta: Floats) -> Floats:
        lower = self.factor(theta)
        signs = np.where(np.diag(lower) < 0, -1.0, 1.0)  # of the columns: L D (L D)' = L L'
        return np.asarray((lower * signs)[_mask(self.size)])

    def zeros(self, theta: Floats) -> Bools:
        # The covariance is even in a column of zeros, so that the objective is flat there.
        found = np.zeros(self.n_params, dtype=np.bool_)
        for column in _columns(self.size):
            found[column[0]] = theta[column[0]] == 0.0
            found[column[1:]] = np.all(theta[column] == 0.0)
        return found

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return [
            Edge(column, np.zeros(len(column)), np.abs(theta[column]))
            for column in _columns(self.size)
        ]

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        theta, diagonal = theta.copy(), self.spreads
        theta[diagonal] = np.where(np.abs(theta[diagonal]) < least, least, theta[diagonal])
        return theta

    def turned(self, theta: Floats, small: float, least: float) -> Floats | None:
        # With a zero on the diagonal the covariance does not change when later columns of the
        # factor are rotated into that column, so that an optimizer may stop with nothing in it.
        lower = self.factor(theta)
        for j in range(self.size - 1):
            if abs(lower[j, j]) < small < np.linalg.norm(lower[j + 1 :, j + 1 :]):
                lower[j + 1 :, j:-1] = np.asarray(np.linalg.qr(lower[j + 1 :, j:].T, mode="r")).T
                lower[j + 1 :, -1] = 0.0
                every = np.arange(j, self.size)
                lower[every, every] = np.where(
                    np.abs(lower[every, every]) < least, least, lower[every, every]
                )
                return np.asarray(lower[_mask(self.size)])
        return None

    def governing(self, effect: int) -> Ints:
        rows, columns = np.nonzero(_mask(self.size))
        return np.flatnonzero((rows == effect) | (columns == effect))

    def names(self, labels: EffectNames) -> list[str]:
        places = zip(*np.nonzero(_mask(self.size)), strict=True)
        return [labels.sd(i) if i == j else labels.correlation(j, i) for i, j in places]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        yield from entries(self, theta, basis, labels)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        factor = self.factor(theta)
        if which < self.size:
            back = partial(np.multiply, float(np.linalg.norm(basis[which])))
            turned: Covariance = self
            if self.size > 1:
                turned = Rotated.beginning_with(basis, [which])
                theta = turned.of_factor(factor)
            return Coordinate(turned, theta, 0, (0.0, np.inf), (0.0, np.inf), back)
        rows, columns = np.triu_indices(self.size, 1)
        pair = [int(rows[which - self.size]), int(columns[which - self.size])]
        if not np.all(np.linalg.norm((basis @ factor)[pair], axis=1) > 0):
            return (-1.0, 1.0)
        turned = Rotated.beginning_with(basis, pair)
        limits = (-np.pi / 2, np.pi / 2)
        return Coordinate(
            turned, turned.of_factor(factor), 2, limits, (-1.0, 1.0), np.sin, floors=(0, 1)
        )

    def contains(self, other: Covariance) -> bool:
        return other.size == self.size


@cache
def _mask(size: int) -> Bools:
    mask = np.tri(size, dtype=np.bool_)
    mask.flags.writeable = False
    return mask


@cache
def _units(size: int) -> tuple[Floats, ...]:
    """Factors of which one parameter is 1, and all others are 0."""
    rows, columns = np.nonzero(_mask(size))
    units = np.zeros((len(rows), size, size))
    units[np.arange(len(rows)), rows, columns] = 1.0
    units.flags.writeable = False
    return tuple(units)


@cache
def _columns(size: int) -> tuple[Ints, ...]:
    """Places in `theta` of each column of the factor, from the diagonal down."""
    columns = np.nonzero(_mask(size))[1]
    return tuple(np.flatnonzero(columns == j) for j in range(size))
