"""Effects of whole times with variances of their own, whose correlation dies out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from skglmm.covariance.autoregressive import Autoregressive, times_of
from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.base import Steps
from skglmm.covariance.diagonal import Diagonal
from skglmm.covariance.heterogeneous import Heterogeneous
from skglmm.covariance.homogeneous_diagonal import HomogeneousDiagonal

__all__ = ["HeterogeneousAutoregressive"]


@final
@dataclass(frozen=True)
class HeterogeneousAutoregressive(Heterogeneous):
    r"""Heterogeneous AR(1): a standard deviation for each time, correlations :math:`\rho^j`.

    `theta` holds a square root of each standard deviation, and the angle :math:`\omega` with
    :math:`\rho = \sin \omega`. The standard deviation of a time between others is not known, so
    that effects can be predicted at the learned times only.

    Parameters
    ----------
    size : int
        Number of effects of one level, at least two.
    times : sequence of int, length q, default=consecutive ones
        Whole numbers, which increase; there may be gaps.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import HeterogeneousAutoregressive
    >>> covariance = HeterogeneousAutoregressive(3, times=(0, 1, 3))
    >>> factor = covariance.factor(np.array([1.0, 1.0, 2.0**0.5, np.arcsin(0.5)]))
    >>> (factor @ factor.T).round(3)
    array([[1.  , 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 4.  ]])
    """

    times: Sequence[int] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", times_of(self.size, self.times))

    @property
    def correlation(self) -> Steps:
        return Steps(self.size, tuple(self.times))

    def contains(self, other: Covariance) -> bool:
        if isinstance(other, Diagonal | HomogeneousDiagonal):
            return other.size == self.size
        return self == other or other == Autoregressive(self.size, self.times)
