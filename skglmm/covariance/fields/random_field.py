"""Effects at points: a random field with one standard deviation."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance.correlation.field import Field, Points, points_of
from skglmm.covariance.homogeneous import Homogeneous

__all__ = ["RandomField"]

# Where a search may begin: ranges in shares of the largest distance, and times the usual spread.
SHARES, TIMES = (0.01, 0.05, 0.25, 1.0, 4.0), (1.0, 4.0)


@dataclass(frozen=True, init=False)
class RandomField(Homogeneous):
    """Effects at points, whose correlations depend on distances alone.

    `theta` is the standard deviation, signed, and an angle for the range, and for each other
    number that the correlations depend on. Their logarithms grow like the sines of these angles
    between two ends, which are ordinary inner points: at the least range hardly any two points
    are correlated, and the field is independent noise; at the largest all points move together.
    There, an estimate is its end, without standard error. Beyond them the likelihood is flat: a
    long range and a large standard deviation, or a short one and a residual, are the same model.

    Correlations of different points are divided by ``1 + JITTER``, 1e-10: that is a nugget
    without which smooth fields at many close points are not positive definite in floating point.

    Parameters
    ----------
    points : array-like, shape (q, d) or (q,)
        Distinct, of all effects of one level.
    """

    points: Points

    def __init__(self, points: Sequence[Sequence[float]] | Sequence[float] | Floats) -> None:
        object.__setattr__(self, "points", points_of(points))
        object.__setattr__(self, "size", len(self.points))

    def __repr__(self) -> str:
        dimensions = len(self.points[0])
        return f"{type(self).__name__}({self.size} points in {dimensions} dimensions)"

    @property
    def blurs(self) -> bool:
        return True

    def starts(self, theta: Floats) -> Iterator[Floats]:
        yield theta
        for share, times in product(SHARES, TIMES):
            yield np.array([times * theta[0], self.correlation.angle(share), *theta[2:]])

    @property
    @abstractmethod
    def correlation(self) -> Field:
        """The correlation of the effects."""
