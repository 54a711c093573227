"""Symmetric systems whose leading part falls into small blocks: solve, determinant, inverse.

A matrix of this kind is::

    [ A_00   A_0R ]     A_00: nested factors, many small blocks
    [ A_R0   A_RR ]     A_0R: sparse, known on a fixed pattern

The leading part is eliminated block by block; what is left, the Schur complement
``S = A_RR - A_R0 inv(A_00) A_0R``, is dense. The leading part comes in pieces that share no
level, one for each shard: each keeps its own factors and only adds its share to S.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs

from skglmm.arrays import Floats, Ints
from skglmm.linalg.direct.elimination import Elimination, Inverse, Own
from skglmm.linalg.direct.posterior import Posterior
from skglmm.linalg.system import LinearSystem
from skglmm.parts import Parts

__all__ = ["Arrowhead", "factorize"]


@dataclass(frozen=True)
class Arrowhead(LinearSystem):
    """A factorized arrowhead system, by direct elimination.

    Parameters
    ----------
    pieces : Parts of Elimination
    lower : ndarray, shape (n_rest, n_rest)
        Cholesky factor of the Schur complement, in LAPACK's layout.
    """

    pieces: Parts[Elimination]
    lower: Floats

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant of the whole matrix."""
        return float(self.log_diagonal[1].sum()) + self.pieces.map(_half_logdet).total()

    @property
    def log_diagonal(self) -> tuple[Parts[Own], Floats]:
        """Logarithm of the diagonal of the Cholesky factor, in the shapes of `solve`."""
        return self.pieces.map(_log_diagonal), np.log(np.diagonal(self.lower))

    def solve(self, tops: Parts[Own], rest: Floats) -> tuple[Parts[Own], Floats]:
        """Solve for right-hand sides `tops`, those of each piece, and `rest`, (n_rest,)."""
        white = self.pieces.map(Elimination.forward, tops)
        if len(rest):
            rest = rest - self.pieces.map(Elimination.project, white).total()
            rest = np.asarray(dpotrs(self.lower, rest, lower=1)[0])
        return self.pieces.map(Elimination.backward, white, rest=rest), rest

    def draw(self, tops: Parts[Own], rest: Floats) -> tuple[Parts[Own], Floats]:
        """Give independent standard normal numbers the inverse of the matrix as covariance."""
        if len(rest):
            rest = np.asarray(dtrtrs(self.lower, rest, lower=1, trans=1)[0])
        return self.pieces.map(Elimination.backward, tops, rest=rest), rest

    def inverse(self) -> Inverse:
        """Return the inverse on the observed pattern."""
        rest = self.lower
        if len(rest):
            half = dpotri(self.lower, lower=1)[0]  # its upper triangle is zero, as the factor's
            rest = np.ascontiguousarray(half) + half.T
            rest[np.diag_indices_from(rest)] /= 2.0
        return Inverse(self.pieces.map(Elimination.inverse, rest=rest), rest)

    def posterior(
        self, levels: Parts[tuple[Ints, ...]], sizes: Sequence[tuple[int, int]]
    ) -> Posterior:
        """Return what is needed of the inverse between any two levels; the system is not kept."""
        return Posterior.of(self.inverse(), self.pieces, levels, sizes)


def factorize(pieces: Parts[Elimination | None], rest: Floats) -> Arrowhead | None:
    """Finish the factorization of the eliminated `pieces` and A_RR, (n_rest, n_rest).

    None when the matrix is not positive definite. Only the upper triangle of `rest` is read; it
    is overwritten.
    """
    done: Parts[Elimination] = pieces  # type: ignore[assignment]  # or there is no result
    if len(rest) == 0:
        return None if pieces.map(_is_none).total() else Arrowhead(done, rest)
    rest = pieces.accumulate(_subtract_gram, rest)
    lower, info = dpotrf(
        rest.T, lower=1, overwrite_a=True
    )  # in Fortran order the upper is the lower
    if info != 0 or not np.all(np.isfinite(np.diagonal(lower))):
        return None
    return Arrowhead(done, lower)


def _is_none(piece: Elimination | None) -> int:
    return int(piece is None)


def _subtract_gram(piece: Elimination | None, out: Floats) -> None:
    if piece is None:
        out[:] = np.nan  # which has no Cholesky factor
    else:
        piece.subtract_gram(out)


def _half_logdet(piece: Elimination) -> float:
    return piece.half_logdet


def _log_diagonal(piece: Elimination) -> Own:
    return piece.log_diagonal
