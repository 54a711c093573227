"""Symmetric systems of crossed effects alone: a dense matrix and its Cholesky factor."""

from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from skglmm.arrays import Floats
from skglmm.linalg.direct.arrowhead import Arrowhead
from skglmm.linalg.direct.elimination import Elimination, NestedEffects
from skglmm.parts import Parts

__all__ = ["DenseSystem", "without_chain"]


class DenseSystem(Arrowhead):
    """A factorized dense system, whose pieces have no effects of their own.

    Its parameters are those of `Arrowhead`.
    """

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant."""
        return float(np.log(np.diagonal(self.lower)).sum())

    def solve(
        self, nested: Parts[NestedEffects], crossed: Floats
    ) -> tuple[Parts[NestedEffects], Floats]:
        """Solve for a right-hand side `crossed`, (n_crossed,)."""
        return nested, np.asarray(dpotrs(self.lower, crossed, lower=1)[0])

    @cached_property
    def crossed_inverse(self) -> Floats:
        """The inverse."""
        if self.known is not None:
            return self.known
        half = dpotri(self.lower, lower=1)[0]  # above the diagonal there are zeros
        whole = half + half.T
        np.fill_diagonal(whole, np.diagonal(half))
        return np.asarray(whole)


def without_chain(pieces: Parts[Elimination], crossed: Floats) -> DenseSystem | None:
    """Factorize a matrix of crossed effects; None when it is not positive definite.

    Parameters
    ----------
    pieces : Parts of Elimination
        Of which nothing is eliminated.
    crossed : ndarray, shape (n_crossed, n_crossed)
        Only its upper triangle is read; it is overwritten.
    """
    lower, info = dpotrf(crossed.T, lower=1, overwrite_a=True)
    if info != 0 or not np.all(np.isfinite(np.diagonal(lower))):
        return None
    return DenseSystem(pieces, lower)
