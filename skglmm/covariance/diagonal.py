"""Uncorrelated effects."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.covariance.base import Covariance

__all__ = ["Diagonal"]


@final
@dataclass(frozen=True)
class Diagonal(Covariance):
    """Uncorrelated effects, ``(1 + x || g)``; `theta` is the signed diagonal of the factor.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    Examples
    --------
    >>> from skglmm.covariance import Diagonal
    >>> Diagonal(2).rectify([0.7, -0.3])
    array([0.7, 0.3])
    """

    @property
    def n_params(self) -> int:
        return self.size

    @property
    def mask(self) -> Bools:
        return np.eye(self.size, dtype=np.bool_)

    @property
    def mixes(self) -> bool:
        return self.size == 1

    def factor(self, theta: Floats) -> Floats:
        return np.diag(np.asarray(theta, dtype=np.float64))

    def factor_grad(self, theta: Floats) -> Floats:
        del theta  # the factor is linear in it
        grad = np.zeros((self.size, self.size, self.size))
        every = np.arange(self.size)
        grad[every, every, every] = 1.0
        return grad

    def start(self) -> Floats:
        return np.ones(self.size)

    def rectify(self, theta: Floats) -> Floats:
        return np.abs(np.asarray(theta, dtype=np.float64))
