"""Effects at points whose correlation falls exponentially with the distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance.correlation.field import Field
from skglmm.covariance.fields.random_field import RandomField

__all__ = ["Exponential"]


@final
@dataclass(frozen=True, init=False, repr=False)
class Exponential(RandomField):
    r"""Exponential covariance of a random field: :math:`\sigma^2 e^{-d / \text{range}}`.

    `theta` is the standard deviation, signed, and the angle of the range, which lies between
    0.1 of the smallest distance and 1,000 times the largest; see `RandomField`.

    Parameters
    ----------
    points : array-like, shape (q, d) or (q,)
        Distinct, of all effects of one level.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Exponential
    >>> covariance = Exponential([[0.0, 0.0], [3.0, 4.0]])
    >>> factor = covariance.factor(np.array([2.0, 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[4.   , 3.619],
           [3.619, 4.   ]])
    """

    @property
    def correlation(self) -> "ExponentialField":
        return ExponentialField(self.size, self.points)


@dataclass(frozen=True)
class ExponentialField(Field):
    """Correlations that fall exponentially."""

    def values(self, distances: Floats, numbers: Sequence[float]) -> Floats:
        scaled = distances / numbers[0]
        value = np.exp(-scaled)
        return np.stack([value, scaled * value])
