"""Symmetric systems whose leading part falls into small blocks: solve, determinant, inverse.

A matrix of this kind is::

    [ A_00   A_0C ]     A_00: nested factors, many small blocks
    [ A_C0   A_CC ]     A_0C: sparse, known on a fixed pattern

The leading part is eliminated block by block; what is left, the Schur complement
``S = A_CC - A_C0 inv(A_00) A_0C``, is dense. The leading part comes in pieces that share no
level, one for each shard: each keeps its own factors and only adds its share to S.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs

from skglmm.arrays import Floats, Ints
from skglmm.linalg.direct.elimination import Chain, Elimination, Inverse, NestedEffects
from skglmm.linalg.direct.posterior import Posterior
from skglmm.linalg.system import LinearSystem
from skglmm.parts import Parts

__all__ = ["Arrowhead", "factorize"]

MIRRORED = 256  # rows of a matrix whose transposes are copied at a time: they stay in the cache


@dataclass(frozen=True)
class Arrowhead(LinearSystem):
    """A factorized arrowhead system, by direct elimination.

    Parameters
    ----------
    pieces : Parts of Elimination
    lower : ndarray, shape (n_crossed, n_crossed)
        Cholesky factor of the Schur complement, in LAPACK's layout.
    known : ndarray, shape (n_crossed, n_crossed), or None
        The inverse of that, where it is there already.
    """

    pieces: Parts[Elimination]
    lower: Floats
    known: Floats | None = None

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant of the whole matrix."""
        return float(self.log_diagonal[1].sum()) + self.pieces.map(_half_logdet).total()

    @property
    def log_diagonal(self) -> tuple[Parts[NestedEffects], Floats]:
        """Logarithm of the diagonal of the Cholesky factor, in the shapes of `solve`."""
        return self.pieces.map(_log_diagonal), np.log(np.diagonal(self.lower))

    def solve(
        self, nested: Parts[NestedEffects], crossed: Floats
    ) -> tuple[Parts[NestedEffects], Floats]:
        """Solve for right-hand sides `nested`, those of each piece, and `crossed`, (n_crossed,)."""
        white = self.pieces.map(Elimination.forward, nested)
        if len(crossed):
            crossed = crossed - self.pieces.map(Elimination.project, white).total()
            crossed = np.asarray(dpotrs(self.lower, crossed, lower=1)[0])
        return self.pieces.map(Elimination.backward, white, crossed=crossed), crossed

    def draw(
        self, nested: Parts[NestedEffects], crossed: Floats
    ) -> tuple[Parts[NestedEffects], Floats]:
        """Give independent standard normal numbers the inverse of the matrix as covariance."""
        if len(crossed):
            crossed = np.asarray(dtrtrs(self.lower, crossed, lower=1, trans=1)[0])
        return self.pieces.map(Elimination.backward, nested, crossed=crossed), crossed

    def without_last(self, n: int, chains: Parts[Chain]) -> "Arrowhead":
        """Return the matrix without its last crossed columns.

        Parameters
        ----------
        n : int
            Their number.
        chains : Parts of Chain
            What is left of those of the pieces.
        """
        kept = len(self.lower) - n
        whole = self.crossed_inverse
        share = whole[:kept, kept:] @ np.linalg.solve(whole[kept:, kept:], whole[kept:, :kept])
        lower = np.asfortranarray(self.lower[:kept, :kept])
        pieces = self.pieces.map(Elimination.on, chains)
        return Arrowhead(pieces, lower, whole[:kept, :kept] - share)

    def inverse(self) -> Inverse:
        """Return the inverse on the observed pattern."""
        crossed = self.crossed_inverse
        return Inverse(self.pieces.map(Elimination.inverse, crossed=crossed), crossed)

    @cached_property
    def crossed_inverse(self) -> Floats:
        """Inverse of the Schur complement, which is the inverse's block of the crossed factors."""
        if not len(self.lower):
            return self.lower
        if self.known is not None:
            return self.known
        return _mirrored(dpotri(self.lower, lower=1)[0].T)

    def corner(self, n: int) -> Floats:
        """Return the inverse's block of the last crossed effects."""
        return self.crossed_inverse[-n:, -n:]

    def level_sums(self, crossed: Floats) -> list[Floats]:
        """Return the diagonal blocks of the inverse summed over the levels of nested factors."""
        sums: list[Floats] = self.pieces.map(Elimination.level_sums, crossed=crossed).total()
        return sums

    def posterior(
        self, levels: Parts[tuple[Ints, ...]], sizes: Sequence[tuple[int, int]]
    ) -> Posterior:
        """Return what is needed of the inverse between any two levels; the system is not kept."""
        is_costly = all(self.pieces.map(Elimination.has_costly_inverse))
        inverse = None if is_costly else self.inverse()
        return Posterior.of(inverse, self.pieces, levels, sizes, self.crossed_inverse)


def factorize(pieces: Parts[Elimination | None], crossed: Floats) -> Arrowhead | None:
    """Finish the factorization of the eliminated `pieces` and A_CC, (n_crossed, n_crossed).

    None when the matrix is not positive definite. Only the upper triangle of `crossed` is read; it
    is overwritten.
    """
    done: Parts[Elimination] = pieces  # type: ignore[assignment]  # or there is no result
    if len(crossed) == 0:
        return None if pieces.map(_is_none).total() else Arrowhead(done, crossed)
    crossed = pieces.accumulate(_subtract_gram, crossed)
    lower, info = dpotrf(
        crossed.T, lower=1, overwrite_a=True
    )  # in Fortran order the upper is the lower
    if info != 0 or not np.all(np.isfinite(np.diagonal(lower))):
        return None
    return Arrowhead(done, lower)


def _mirrored(upper: Floats) -> Floats:
    """Fill the lower triangle of a symmetric matrix from its upper one, in place."""
    for start in range(0, len(upper), MIRRORED):
        own = slice(start, start + MIRRORED)
        upper[own, :start] = upper[:start, own].T
        corner = upper[own, own]
        corner[:] = np.triu(corner) + np.triu(corner, 1).T
    return upper


def _is_none(piece: Elimination | None) -> int:
    return int(piece is None)


def _subtract_gram(piece: Elimination | None, out: Floats) -> None:
    if piece is None:
        out[:] = np.nan  # which has no Cholesky factor
    else:
        piece.subtract_gram(out)


def _half_logdet(piece: Elimination) -> float:
    return piece.half_logdet


def _log_diagonal(piece: Elimination) -> NestedEffects:
    return piece.log_diagonal
