"""P-splines: B-splines with even knots and a penalty of differences of coefficients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.interpolate import BSpline

from skglmm.arrays import Floats
from skglmm.bases.spline import CURVE, LearnedSpline, Powers, linear_beyond

__all__ = ["PSpline"]

DEGREE = 3
MARGIN = 0.001  # of the range of the values, at either end: as mgcv's


@final
@dataclass(frozen=True, eq=False)
class PSpline(LearnedSpline):
    """Cubic B-splines with squared second differences as penalty, ``bs="ps"`` [1]_.

    Beyond the inner knots curves are linear.

    Parameters
    ----------
    knots : ndarray, shape (k + 4,)

    References
    ----------
    .. [1] Eilers, P. H. C. & Marx, B. D. (1996). Flexible smoothing with B-splines and penalties.
       Statistical Science, 11(2), 89-121.
    """

    title: ClassVar[str] = "P-spline"
    values_at_knots: ClassVar[bool] = False
    knots: Floats

    @classmethod
    def least_size(cls, n_variables: int) -> int:
        del n_variables
        return DEGREE + 1

    @classmethod
    def learn(cls, x: Floats, size: int, columns: Sequence[str]) -> LearnedSpline:
        del columns
        low, high = float(x.min()), float(x.max())
        edge = MARGIN * (high - low)
        width = (high - low + 2 * edge) / (size - DEGREE)
        steps = np.arange(-DEGREE, size + 1, dtype=np.float64)
        return cls(np.asarray(low - edge + width * steps))

    @property
    def powers(self) -> Powers:
        return CURVE

    @property
    def kernel(self) -> Floats:
        steps = np.arange(self._size, dtype=np.float64)
        return np.column_stack([np.ones_like(steps), steps - steps.mean()])

    @property
    def penalties(self) -> tuple[Floats, ...]:
        differences = np.diff(np.eye(self._size), 2, axis=0)
        return (differences.T @ differences,)

    @property
    def _size(self) -> int:
        return len(self.knots) - DEGREE - 1

    def columns(self, x: Floats) -> Floats:
        curve = BSpline(self.knots, np.eye(self._size), DEGREE)
        return linear_beyond(curve, x[:, 0], self.knots[DEGREE], self.knots[-DEGREE - 1])
