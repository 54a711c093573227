"""The contract of a covariance: a smooth map from `theta` to a lower-triangular factor."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from skglmm.arrays import Bools, Floats, Ints

__all__ = ["Covariance"]


@dataclass(frozen=True)
class Covariance(ABC):
    r"""Covariance :math:`\Sigma = \Lambda \Lambda^T` of the effects of one level.

    The diagonal of :math:`\Lambda(\theta)` is signed and `theta` has no bounds, so a
    variance of zero is an ordinary inner point [1]_.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    References
    ----------
    .. [1] Bates, D., Maechler, M., Bolker, B. & Walker, S. (2015). Fitting linear
       mixed-effects models using lme4. Journal of Statistical Software, 67(1), 1-48.
    """

    size: int

    @property
    @abstractmethod
    def n_params(self) -> int:
        """Length of `theta`."""

    @property
    @abstractmethod
    def mask(self) -> Bools:
        """Entries of the factor that may differ from zero, shape (q, q)."""

    @property
    def diagonal(self) -> Ints:
        """Places in `theta` of the diagonal of the factor, shape (q,)."""
        rows, columns = np.nonzero(self.mask)
        return np.flatnonzero(rows == columns)

    @property
    def blocks(self) -> "tuple[Covariance, ...]":
        """Independent covariances of consecutive effects."""
        return (self,)

    @property
    def components(self) -> tuple[tuple[int, ...], ...]:
        """Effects that may be correlated with each other, whatever `theta`: ``((0, 1), (2,))``."""
        linked = self.mask | self.mask.T
        _, numbers = connected_components(linked, directed=False)
        return tuple(
            tuple(np.flatnonzero(numbers == j).tolist()) for j in dict.fromkeys(numbers.tolist())
        )

    @property
    def mixes(self) -> bool:
        """Whether every change of basis of the effects stays within this covariance."""
        return False

    @abstractmethod
    def factor(self, theta: Floats) -> Floats:
        """Return the lower-triangular factor, shape (q, q), of `theta`, shape (n_params,)."""

    @abstractmethod
    def factor_grad(self, theta: Floats) -> Floats:
        """Return the derivative of the factor, shape (n_params, q, q)."""

    def move(self, theta: Floats, step: Floats) -> Floats:
        """Return the change of the factor, shape (q, q), along a `step`, shape (n_params,)."""
        grad = self.factor_grad(theta).reshape(self.n_params, -1)
        return np.asarray((step @ grad).reshape(self.size, self.size))

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        """Return the inner products, shape (n_params,), of the derivative with a matrix, (q, q)."""
        return np.asarray(self.factor_grad(theta).reshape(self.n_params, -1) @ kernel.ravel())

    @abstractmethod
    def start(self) -> Floats:
        """Return the `theta`, shape (n_params,), whose factor is the identity."""

    @abstractmethod
    def rectify(self, theta: Floats) -> Floats:
        """Return the `theta` of the same covariance whose factor has no negative diagonal."""

    def from_factor(self, factor: Floats) -> Floats:
        """Return the `theta`, shape (n_params,), of a lower-triangular factor, (q, q)."""
        return np.asarray(factor[self.mask], dtype=np.float64)
