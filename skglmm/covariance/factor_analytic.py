"""Many effects that are combinations of a few."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import (
    Coordinate,
    Edge,
    EffectNames,
    NaturalParameter,
    loading,
    unknown,
)

__all__ = ["FactorAnalytic"]

DIAGONAL = 0.5  # at the start, of the largest loading


@final
@dataclass(frozen=True)
class FactorAnalytic(Covariance):
    r"""Factor-analytic (reduced-rank) covariance: latent variables times loadings [1]_.

    The q effects are loadings, (q, d) and lower-triangular, times d independent normal numbers;
    there are no variances beside. `theta` holds the columns of the loadings from the diagonal
    down, one after the other. A column of zeros is a latent variable too many, and an ordinary
    inner point. The signs of columns are such that the diagonal is not negative.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    dimension : int
        Number of latent variables, d, from 1 to q.

    References
    ----------
    .. [1] McGillycuddy, M., Popovic, G., Bolker, B. M. & Warton, D. I. (2025). Parsimoniously
       fitting large multivariate random effects in glmmTMB. Journal of Statistical Software,
       112(1), 1-19.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import FactorAnalytic
    >>> FactorAnalytic(3, 1).factor(np.array([1.0, 0.5, 2.0]))
    array([[1. , 0. , 0. ],
           [0.5, 0. , 0. ],
           [2. , 0. , 0. ]])
    """

    dimension: int

    def __post_init__(self) -> None:
        if not 1 <= self.dimension <= self.size:
            msg = f"the rank must be from 1 to the {self.size} effects, got {self.dimension}"
            raise ValueError(msg)

    @property
    def n_params(self) -> int:
        d = self.dimension
        return self.size * d - d * (d - 1) // 2

    @property
    def ranked(self) -> Bools:
        return np.arange(self.size) < self.dimension

    @property
    def _places(self) -> tuple[Ints, Ints]:
        return _entries(self.size, self.dimension)

    @property
    def _columns(self) -> list[Ints]:
        """Places in `theta` of each column."""
        columns = self._places[1]
        return [np.flatnonzero(columns == j) for j in range(self.dimension)]

    @property
    def spreads(self) -> Ints:
        return np.arange(self.n_params)  # an effect varies by all of its loadings

    def factor(self, theta: Floats) -> Floats:
        lower = np.zeros((self.size, self.size))
        lower[self._places] = theta
        return lower

    def move(self, theta: Floats, step: Floats) -> Floats:
        del theta  # the factor is linear in it
        return self.factor(step)

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        del theta
        return np.asarray(kernel[self._places])

    def start(self, sds: Floats) -> Floats:
        rows, columns = self._places
        waves = np.cos(np.pi * columns * (rows + 0.5) / self.size)  # all columns are different
        waves[rows == columns] = DIAGONAL
        lower = self.factor(waves)
        lower /= np.linalg.norm(lower, axis=1)[:, None]
        return np.asarray((np.asarray(sds)[:, None] * lower)[rows, columns])

    def rectify(self, theta: Floats) -> Floats:
        lower = self.factor(theta)
        signs = np.where(np.diag(lower) < 0, -1.0, 1.0)
        return np.asarray((lower * signs)[self._places])

    def zeros(self, theta: Floats) -> Bools:
        found = np.zeros(self.n_params, dtype=np.bool_)
        for column in self._columns:
            found[column[0]] = theta[column[0]] == 0.0
            found[column[1:]] = np.all(theta[column] == 0.0)
        return found

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return [Edge(part, np.zeros(len(part)), np.abs(theta[part])) for part in self._columns]

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        theta, heads = theta.copy(), np.array([column[0] for column in self._columns])
        theta[heads] = np.where(np.abs(theta[heads]) < least, least, theta[heads])
        return theta

    def turned(self, theta: Floats, small: float, least: float) -> Floats | None:
        # As of freely correlated effects: where a diagonal entry is zero, later columns may be
        # rotated into its own, and an optimizer stops with nothing in it.
        lower, d = self.factor(theta), self.dimension
        for j in range(d - 1):
            if abs(lower[j, j]) < small < np.linalg.norm(lower[j + 1 :, j + 1 :]):
                below = np.asarray(np.linalg.qr(lower[j + 1 :, j:d].T, mode="r")).T
                lower[j + 1 :, j:d] = 0.0
                lower[j + 1 :, j : j + below.shape[1]] = below
                # entries above the diagonal are none: row i has columns up to i
                return self.off_boundary(np.asarray(lower[self._places]), least)
        return None

    def governing(self, effect: int) -> Ints:
        rows, columns = self._places
        return np.flatnonzero((rows == effect) | (columns == effect))

    def names(self, labels: EffectNames) -> list[str]:
        return [
            f"loading{j + 1}({labels.effects[i]} | {labels.group})"
            for i, j in zip(*self._places, strict=True)
        ]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        units, zeros = np.diag(basis), self.zeros(theta)
        for m, (i, name) in enumerate(zip(self._places[0], self.names(labels), strict=True)):
            if zeros[m]:
                yield unknown(name, self.n_params, 0.0)
                continue
            slope = np.zeros(self.n_params)
            slope[m] = units[i]
            yield loading(name, float(units[i] * theta[m]), slope)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate:
        theta = self.rectify(theta)
        i, j = (int(part[which]) for part in self._places)
        back = partial(np.multiply, float(basis[i, i]))
        limits = (0.0 if i == j else -np.inf, np.inf)
        return Coordinate(self, theta, which, limits, limits, back)

    def contains(self, other: Covariance) -> bool:
        if other.size != self.size:
            return False
        lower = isinstance(other, FactorAnalytic) and other.dimension <= self.dimension
        return lower or self.dimension == self.size


@cache
def _entries(size: int, dimension: int) -> tuple[Ints, Ints]:
    """Rows and columns of the loadings in the order of `theta`."""
    columns, rows = np.nonzero(np.tri(size, dimension, dtype=np.bool_).T)
    return rows, columns
