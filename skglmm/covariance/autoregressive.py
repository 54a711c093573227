"""Effects of whole times, whose correlation dies out with the distance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.base import Steps
from skglmm.covariance.homogeneous import Homogeneous
from skglmm.covariance.homogeneous_diagonal import HomogeneousDiagonal

__all__ = ["Autoregressive", "times_of"]

# Where a search may begin: correlations, and times the usual spread.
RHOS, TIMES = (-0.6, 0.5, 0.9), (1.0, 3.0)


@final
@dataclass(frozen=True)
class Autoregressive(Homogeneous):
    r"""First-order autoregression, AR(1): effects j steps apart correlate by :math:`\rho^j`.

    `theta` is their common standard deviation, signed, and the angle :math:`\omega` with
    :math:`\rho = \sin \omega`: correlations of -1 and 1 are ordinary inner points.

    Parameters
    ----------
    size : int
        Number of effects of one level, at least two.
    times : sequence of int, length q, default=consecutive ones
        Whole numbers, which increase; there may be gaps.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Autoregressive
    >>> factor = Autoregressive(3).factor(np.array([2.0, np.arcsin(0.5)]))
    >>> (factor @ factor.T).round(3)
    array([[4., 2., 1.],
           [2., 4., 2.],
           [1., 2., 4.]])
    """

    times: Sequence[int] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", times_of(self.size, self.times))

    def starts(self, theta: Floats) -> Iterator[Floats]:
        yield theta
        for rho, times in product(RHOS, TIMES):
            yield np.array([times * theta[0], np.arcsin(rho)])

    @property
    def correlation(self) -> Steps:
        return Steps(self.size, tuple(self.times))

    def contains(self, other: Covariance) -> bool:
        return self == other or other == HomogeneousDiagonal(self.size)


def times_of(size: int, times: Sequence[int]) -> tuple[int, ...]:
    """Return the times of an autoregression, from 0 on if there are none; refuse bad ones."""
    if size < 2:
        msg = f"an autoregression needs at least 2 effects of a level, got {size}"
        raise ValueError(msg)
    if not len(times):
        return tuple(range(size))
    found = np.asarray(times, dtype=np.float64)
    if found.shape != (size,) or np.any(found != np.round(found)) or np.any(np.diff(found) <= 0):
        msg = f"an autoregression needs {size} whole times that increase, got {list(times)}"
        raise ValueError(msg)
    return tuple(int(time) for time in found)
