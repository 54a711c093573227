"""Uncorrelated effects with one variance."""

from dataclasses import dataclass
from typing import final

from skglmm.covariance.correlation.base import Uncorrelated
from skglmm.covariance.homogeneous import Homogeneous

__all__ = ["HomogeneousDiagonal"]


@final
@dataclass(frozen=True)
class HomogeneousDiagonal(Homogeneous):
    """Homogeneous diagonal: uncorrelated effects that have one standard deviation in common.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import HomogeneousDiagonal
    >>> HomogeneousDiagonal(2).factor(np.array([0.7]))
    array([[0.7, 0. ],
           [0. , 0.7]])
    """

    @property
    def correlation(self) -> Uncorrelated:
        return Uncorrelated(self.size)
