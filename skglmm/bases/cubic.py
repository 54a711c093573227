"""Cubic regression splines, whose coefficients are their values at knots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.interpolate import CubicSpline

from skglmm.arrays import Floats
from skglmm.bases.spline import CURVE, LearnedSpline, Powers, knots_of, linear_beyond, roughness

__all__ = ["CubicRegression", "CyclicCubic"]


@final
@dataclass(frozen=True, eq=False)
class CubicRegression(LearnedSpline):
    """Natural cubic splines, ``bs="cr"``, linear beyond the outermost knots [1]_.

    Parameters
    ----------
    knots : ndarray, shape (k,)

    References
    ----------
    .. [1] Wood, S. N. (2017). Generalized Additive Models: an Introduction with R, 2nd edition,
       section 5.3.1. CRC Press.
    """

    title: ClassVar[str] = "cubic regression spline"
    knots: Floats

    @classmethod
    def least_size(cls, n_variables: int) -> int:
        del n_variables
        return 3

    @classmethod
    def learn(cls, x: Floats, size: int, columns: Sequence[str]) -> LearnedSpline:
        return cls(knots_of(x, size, columns))

    @property
    def powers(self) -> Powers:
        return CURVE

    @property
    def kernel(self) -> Floats:
        return np.column_stack([np.ones_like(self.knots), self.knots - self.knots.mean()])

    @property
    def penalties(self) -> tuple[Floats, ...]:
        return (roughness(self.knots, self._curve(self.knots, 2)),)

    @property
    def _curve(self) -> CubicSpline:
        return CubicSpline(self.knots, np.eye(len(self.knots)), bc_type="natural")

    def columns(self, x: Floats) -> Floats:
        return linear_beyond(self._curve, x[:, 0], self.knots[0], self.knots[-1])


@final
@dataclass(frozen=True, eq=False)
class CyclicCubic(LearnedSpline):
    """Periodic cubic splines, ``bs="cc"``: the last knot is the first one again.

    Parameters
    ----------
    knots : ndarray, shape (k + 1,)
    """

    title: ClassVar[str] = "cyclic cubic regression spline"
    knots: Floats

    @classmethod
    def least_size(cls, n_variables: int) -> int:
        del n_variables
        return 4

    @classmethod
    def learn(cls, x: Floats, size: int, columns: Sequence[str]) -> LearnedSpline:
        return cls(knots_of(x, size, columns))

    @property
    def powers(self) -> Powers:
        return CURVE[:1]

    @property
    def kernel(self) -> Floats:
        return np.ones((len(self.knots) - 1, 1))

    @property
    def penalties(self) -> tuple[Floats, ...]:
        return (roughness(self.knots, self._curve(self.knots, 2)),)

    @property
    def _curve(self) -> CubicSpline:
        values = np.eye(len(self.knots) - 1)
        return CubicSpline(self.knots, np.vstack([values, values[:1]]), bc_type="periodic")

    def columns(self, x: Floats) -> Floats:
        low, high = self.knots[0], self.knots[-1]
        turned = x[:, 0]
        if np.any((turned < low) | (turned > high)):
            turned = low + np.mod(turned - low, high - low)
        return np.asarray(self._curve(turned))
