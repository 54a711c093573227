r"""Triangular factor of a covariance: the axes of quadrature nodes, whatever its own factor is.

A product rule has axes, and the error that it leaves depends on them. They are those of a
triangular root L: with :math:`D` lower triangular, the nodes :math:`L D z` of the effects have the
Cholesky factor of their covariance as axes, and the objective is one of the covariance alone.
"""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats

__all__ = ["TriangularFactor"]

SINGULAR = 1e-10  # of the root: an entry on the diagonal of L that is zero but for rounding


@dataclass(frozen=True)
class TriangularFactor:
    """LQ decomposition of a covariance factor: u of ``lower @ turn`` are ``turn @ u`` of `lower`.

    Parameters
    ----------
    lower : ndarray, shape (q, q)
        Triangular.
    turn : ndarray, shape (q, q)
        Orthogonal.
    """

    lower: Floats
    turn: Floats

    @classmethod
    def of(cls, factor: Floats) -> "TriangularFactor":
        """Decompose a covariance factor; a triangular one is its own, with no turn."""
        if not np.any(np.triu(factor, 1)):
            return cls(factor, np.eye(len(factor)))
        back, upper = np.linalg.qr(factor.T)
        return cls(np.asarray(upper.T), np.asarray(back.T))

    def slopes(self, kernel: Floats) -> Floats:
        r"""Return the derivative in the covariance factor, given that in `lower`, (q, q, L).

        With the strict upper triangle U of :math:`L^{-1}\, dR\, Q^T` the triangular root moves by
        :math:`dR\, Q^T - L (U - U^T)`.
        """
        pull = np.einsum("ba,bcl->acl", self.lower, kernel)
        twist = (pull - np.swapaxes(pull, 0, 1)) * np.triu(np.ones_like(self.turn), 1)[..., None]
        kernel = kernel - np.einsum("ba,bcl->acl", self._inverse(), twist)
        return np.asarray(np.einsum("acl,cb->abl", kernel, self.turn))

    def _inverse(self) -> Floats:
        """Inverse of L; where an effect does not vary, its axis stays as it is."""
        least = SINGULAR * np.max(np.abs(self.lower))
        absent = np.abs(np.diag(self.lower)) <= least
        inverse = np.linalg.inv(np.where(np.diag(absent), 1.0, self.lower))
        inverse[absent] = 0.0
        return inverse
