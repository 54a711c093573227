"""Freely correlated effects."""

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.covariance.base import Covariance

__all__ = ["Unstructured"]


@final
@dataclass(frozen=True)
class Unstructured(Covariance):
    """Freely correlated effects, ``(1 + x | g)``; `theta` is the factor row by row.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    Examples
    --------
    >>> from skglmm.covariance import Unstructured
    >>> Unstructured(2).factor([0.7, 0.1, 0.3])
    array([[0.7, 0. ],
           [0.1, 0.3]])
    """

    @property
    def n_params(self) -> int:
        return self.size * (self.size + 1) // 2

    @property
    def mask(self) -> Bools:
        return _mask(self.size)

    @property
    def mixes(self) -> bool:
        return True

    def factor(self, theta: Floats) -> Floats:
        lower = np.zeros((self.size, self.size))
        lower[self.mask] = theta
        return lower

    def factor_grad(self, theta: Floats) -> Floats:
        del theta  # the factor is linear in it
        return _grad(self.size)

    def start(self) -> Floats:
        return np.eye(self.size)[self.mask]

    def rectify(self, theta: Floats) -> Floats:
        lower = self.factor(theta)
        signs = np.where(np.diag(lower) < 0, -1.0, 1.0)  # of the columns: L D (L D)' = L L'
        return np.asarray((lower * signs)[self.mask])


@cache
def _mask(size: int) -> Bools:
    mask = np.tri(size, dtype=np.bool_)
    mask.flags.writeable = False
    return mask


@cache
def _grad(size: int) -> Floats:
    mask = _mask(size)
    grad = np.zeros((np.count_nonzero(mask), size, size))
    grad[np.arange(len(grad)), *np.nonzero(mask)] = 1.0
    grad.flags.writeable = False
    return grad
