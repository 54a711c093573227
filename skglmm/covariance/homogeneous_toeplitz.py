"""Effects with one variance, whose correlations depend on the steps between them."""

from dataclasses import dataclass
from typing import final

from skglmm.covariance.autoregressive import Autoregressive
from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.bands import Bands
from skglmm.covariance.homogeneous import Homogeneous
from skglmm.covariance.homogeneous_compound_symmetry import HomogeneousCompoundSymmetry

__all__ = ["HomogeneousToeplitz"]


@final
@dataclass(frozen=True)
class HomogeneousToeplitz(Homogeneous):
    r"""Homogeneous Toeplitz: one standard deviation, a correlation for each number of steps.

    `theta` is the standard deviation, signed, and angles whose sines are the partial
    autocorrelations; see `Toeplitz`.

    Parameters
    ----------
    size : int
        Number of effects of one level, at least two.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import HomogeneousToeplitz
    >>> factor = HomogeneousToeplitz(3).factor(np.array([2.0, np.arcsin(0.5), 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[4., 2., 1.],
           [2., 4., 2.],
           [1., 2., 4.]])
    """

    def __post_init__(self) -> None:
        if self.size < 2:
            msg = f"a Toeplitz covariance needs at least 2 effects of a level, got {self.size}"
            raise ValueError(msg)

    @property
    def correlation(self) -> Bands:
        return Bands(self.size)

    def contains(self, other: Covariance) -> bool:
        if isinstance(other, Autoregressive):
            first = other.times[0]
            return tuple(other.times) == tuple(range(first, first + self.size))
        return self == other or HomogeneousCompoundSymmetry(self.size).contains(other)
