"""The contract of a spline: columns that are functions of one or two variables, and penalties."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.bases.refusals import listed
from skglmm.exceptions import DesignError

__all__ = [
    "CURVE",
    "LearnedSpline",
    "Powers",
    "Spline",
    "Transformed",
    "knots_of",
    "linear_beyond",
    "roughness",
]

Powers = tuple[tuple[int, ...], ...]
CURVE = ((0,), (1,))  # a constant and a slope are not penalized


@dataclass(frozen=True, eq=False)
class Spline(ABC):
    """Columns, functions of d variables, with penalties of the sums of their multiples.

    Which columns these are, and not only what they span, matters: the maximum likelihood of a
    model depends on which functions beside the unpenalized ones are penalized.
    """

    @property
    @abstractmethod
    def powers(self) -> Powers:
        """Exponents of the variables in each function that is not penalized, the constant first.

        ``((0,), (1,))`` are 1 and x; ``((0, 0), (1, 0), (0, 1))`` are 1, x and z.
        """

    @property
    @abstractmethod
    def kernel(self) -> Floats:
        """Coefficients of these functions, shape (k, M); of each but for multiples of the first."""

    @property
    @abstractmethod
    def penalties(self) -> tuple[Floats, ...]:
        """Quadratic forms of coefficients, each of shape (k, k)."""

    @abstractmethod
    def columns(self, x: Floats) -> Floats:
        """Return the columns, shape (n, k), at rows of shape (n, d)."""


@dataclass(frozen=True, eq=False)
class LearnedSpline(Spline):
    """A spline that is learned from rows: a new one is a class, and a line in `SPLINES`."""

    title: ClassVar[str] = "spline"
    n_variables: ClassVar[tuple[int, ...]] = (1,)
    values_at_knots: ClassVar[bool] = True  # are its coefficients

    @classmethod
    def default_size(cls, n_variables: int) -> int:
        """Return how many columns it has unless told otherwise."""
        del n_variables
        return 10

    @classmethod
    @abstractmethod
    def least_size(cls, n_variables: int) -> int:
        """Return how many columns it has at least."""

    @classmethod
    @abstractmethod
    def learn(cls, x: Floats, size: int, columns: Sequence[str]) -> "LearnedSpline":
        """Learn it from rows.

        Parameters
        ----------
        x : ndarray, shape (n, d)
        size : int
            How many columns with the constant, k.
        columns : sequence of str, length d
            Names of the variables, for errors.

        Raises
        ------
        DesignError
            If the rows do not support it.
        """


@final
@dataclass(frozen=True, eq=False)
class Transformed(Spline):
    """Linear combinations of the columns of a spline.

    Parameters
    ----------
    spline : Spline
    matrix : ndarray, shape (k, p)
        Coefficients of each new column.
    free : ndarray, shape (p, M)
        The kernel of the new columns.
    exponents : tuple
        The powers of that kernel.
    """

    spline: Spline
    matrix: Floats
    free: Floats
    exponents: Powers

    @property
    def powers(self) -> Powers:
        return self.exponents

    @property
    def kernel(self) -> Floats:
        return self.free

    @property
    def penalties(self) -> tuple[Floats, ...]:
        return tuple(self.matrix.T @ each @ self.matrix for each in self.spline.penalties)

    def columns(self, x: Floats) -> Floats:
        return np.asarray(self.spline.columns(x) @ self.matrix)


def linear_beyond(curve: Callable[..., Floats], x: Floats, low: float, high: float) -> Floats:
    """Return curves between two ends, and beyond these the tangents there.

    Parameters
    ----------
    curve : callable
        Of x, (m,), and of the order of the derivative, to shape (m, k).
    x : ndarray, shape (n,)
    low, high : float
    """
    inside = np.clip(x, low, high)
    found = np.asarray(curve(inside))
    outside = np.flatnonzero(inside != x)
    if len(outside):
        run = (x - inside)[outside, None]
        found[outside] += run * curve(inside[outside], 1)
    return found


def knots_of(x: Floats, size: int, columns: Sequence[str]) -> Floats:
    """Return quantiles of the distinct values, evenly spaced in rank, from first to last."""
    distinct = np.unique(x)
    knots = np.quantile(distinct, np.linspace(0.0, 1.0, size))
    if np.any(np.diff(knots) <= 0):
        msg = f"values of {listed(columns)} differ by less than numbers can tell apart"
        raise DesignError(msg)
    return np.asarray(knots)


def roughness(knots: Floats, bends: Floats) -> Floats:
    """Return the integrals of products of second derivatives, linear between knots.

    Parameters
    ----------
    knots : ndarray, shape (m,)
    bends : ndarray, shape (m, k)
        The second derivatives there.
    """
    widths = np.diff(knots)[:, None]
    left, right = bends[:-1], bends[1:]
    both = left + right
    found = (left.T @ (widths * left) + right.T @ (widths * right) + both.T @ (widths * both)) / 6.0
    return np.asarray(0.5 * (found + found.T))
