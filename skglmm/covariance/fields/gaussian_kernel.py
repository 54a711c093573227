"""Effects at points whose correlation is a Gaussian curve of the distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance.correlation.field import Field
from skglmm.covariance.fields.random_field import RandomField

__all__ = ["GaussianKernel"]


@final
@dataclass(frozen=True, init=False, repr=False)
class GaussianKernel(RandomField):
    r"""Gaussian (squared exponential) covariance: :math:`\sigma^2 e^{-(d / \text{range})^2}`.

    The field has all derivatives. `theta` is the standard deviation, signed, and the angle of the
    range, which lies between 0.33 of the smallest distance and 32 times the largest; see
    `RandomField`.

    Parameters
    ----------
    points : array-like, shape (q, d) or (q,)
        Distinct, of all effects of one level.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import GaussianKernel
    >>> covariance = GaussianKernel([0.0, 1.0])
    >>> factor = covariance.factor(np.array([2.0, 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[4.   , 3.639],
           [3.639, 4.   ]])
    """

    @property
    def correlation(self) -> "GaussianField":
        return GaussianField(self.size, self.points)


@dataclass(frozen=True)
class GaussianField(Field):
    """Correlations that fall as a Gaussian curve."""

    near: ClassVar[float] = 0.33  # where the correlation of the closest points is 0.0001
    far: ClassVar[float] = 32.0  # and that of the farthest 0.999

    def values(self, distances: Floats, numbers: Sequence[float]) -> Floats:
        squared = np.square(distances / numbers[0])
        value = np.exp(-squared)
        return np.stack([value, 2.0 * squared * value])
