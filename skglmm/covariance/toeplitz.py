"""Effects with variances of their own, whose correlations depend on the steps between them."""

from dataclasses import dataclass
from typing import final

from skglmm.covariance.autoregressive import Autoregressive
from skglmm.covariance.base import Covariance
from skglmm.covariance.compound_symmetry import CompoundSymmetry
from skglmm.covariance.correlation.bands import Bands
from skglmm.covariance.heterogeneous import Heterogeneous
from skglmm.covariance.heterogeneous_autoregressive import HeterogeneousAutoregressive
from skglmm.covariance.homogeneous_toeplitz import HomogeneousToeplitz

__all__ = ["Toeplitz"]


@final
@dataclass(frozen=True)
class Toeplitz(Heterogeneous):
    r"""Toeplitz covariance: standard deviations, and one correlation for each number of steps.

    `theta` holds a square root of each standard deviation, and angles whose sines are the
    partial autocorrelations: any `theta` has a covariance, and partial autocorrelations of -1
    and 1 are ordinary inner points. Effects are equally spaced, and predicted where they were
    learned: the correlation over more steps is not known.

    Parameters
    ----------
    size : int
        Number of effects of one level, at least two.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Toeplitz
    >>> factor = Toeplitz(3).factor(np.array([1.0, 1.0, 2.0**0.5, np.arcsin(0.5), 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[1. , 0.5, 0.5],
           [0.5, 1. , 1. ],
           [0.5, 1. , 4. ]])
    """

    def __post_init__(self) -> None:
        if self.size < 2:
            msg = f"a Toeplitz covariance needs at least 2 effects of a level, got {self.size}"
            raise ValueError(msg)

    @property
    def correlation(self) -> Bands:
        return Bands(self.size)

    def contains(self, other: Covariance) -> bool:
        if other.size != self.size:
            return False
        even = other == HeterogeneousAutoregressive(self.size, _shifted(other))
        return (
            self == other
            or even
            or CompoundSymmetry(self.size).contains(other)
            or HomogeneousToeplitz(self.size).contains(other)
        )


def _shifted(other: Covariance) -> tuple[int, ...]:
    """Consecutive times from the first of an autoregression on."""
    first = 0
    if isinstance(other, Autoregressive | HeterogeneousAutoregressive):
        first = other.times[0]
    return tuple(range(first, first + other.size))
