"""Symmetric systems whose leading part is block-diagonal: solve, determinant, inverse.

A matrix of this kind is::

    [ A_00   A_0R ]     A_00: many small diagonal blocks, one for each level
    [ A_R0   A_RR ]     A_0R: sparse, known on a fixed pattern

The leading part is eliminated block by block; what is left, the Schur complement
``S = A_RR - A_R0 inv(A_00) A_0R``, is dense. The leading part may come in several pieces
that share no level: each keeps its own factors and only adds its share to S.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from skglmm.arrays import Floats, Ints
from skglmm.linalg import _batched

__all__ = ["Arrowhead", "Elimination", "Inverse", "Pattern", "factorize"]

DENSE_CHUNK = 2_000_000  # numbers in a dense slice of A_0R: 16 MB
DENSE_RATE = 200.0  # multiply-adds of a dense product in the time of one scattered one
MEETINGS_MAX = 20_000_000  # listed meetings of one shard: their arrays stay below about 1 GB


@dataclass(frozen=True)
class Pattern:
    """Which columns of the rest each level of the leading part meets.

    Parameters
    ----------
    levels, columns : ndarray of int, shape (m,)
        The level and the column of the rest of each entry of A_0R.
    n_levels, n_rest : int
        Number of levels of this piece, and of columns of the rest.
    """

    levels: Ints
    columns: Ints
    n_levels: int
    n_rest: int

    @cached_property
    def is_dense(self) -> bool:
        """Whether dense products are cheaper than lists of what meets in each level."""
        counts = np.bincount(self.levels, minlength=self.n_levels).astype(float)
        meetings = float(counts @ counts)
        dense = float(self.n_levels) * self.n_rest**2
        return meetings > MEETINGS_MAX or meetings * DENSE_RATE > dense

    @cached_property
    def order(self) -> Ints:
        """The entries, level by level."""
        return np.argsort(self.levels, kind="stable")

    @cached_property
    def meetings(self) -> tuple[Ints, Ints]:
        """All ordered pairs of entries that share a level."""
        counts = np.bincount(self.levels, minlength=self.n_levels)
        own = self.levels[self.order]
        repeats = counts[own]
        left = np.repeat(self.order, repeats)
        first = np.repeat((np.cumsum(counts) - counts)[own], repeats)
        within = np.arange(len(left)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        return left, self.order[first + within]

    @cached_property
    def targets(self) -> tuple[Ints, Ints]:
        """The distinct places of S that the meetings reach, and the place of each meeting."""
        left, right = self.meetings
        places = self.columns[left] * self.n_rest + self.columns[right]
        distinct, index = np.unique(places, return_inverse=True)
        return distinct, index

    def slices(self, width: int) -> Iterator[tuple[slice, Ints]]:
        """Ranges of levels whose dense rows stay small, with their entries."""
        step = max(1, DENSE_CHUNK // max(1, self.n_rest * width))
        cuts = np.arange(0, self.n_levels + step, step)
        ends = np.searchsorted(self.levels[self.order], cuts)
        for start, first, last in zip(cuts, ends, ends[1:], strict=False):
            levels = slice(int(start), min(int(start) + step, self.n_levels))
            yield levels, self.order[first:last]


@dataclass(frozen=True)
class Elimination:
    """One piece of the leading part, factorized.

    Parameters
    ----------
    pattern : Pattern
    lower : ndarray, shape (k, k, n_levels)
        Cholesky factors of the diagonal blocks.
    white : ndarray, shape (k, m)
        ``inv(lower) A_0R`` on the entries of the pattern.
    """

    pattern: Pattern
    lower: Floats
    white: Floats

    @classmethod
    def of(cls, pattern: Pattern, blocks: Floats, coupling: Floats) -> "Elimination | None":
        """Eliminate `blocks` (k, k, n_levels) with A_0R entries `coupling` (k, m)."""
        lower = _batched.cholesky(blocks)
        if lower is None:
            return None
        return cls(pattern, lower, _batched.solve_lower(lower[:, :, pattern.levels], coupling))

    @property
    def log_diagonal(self) -> Floats:
        """Logarithm of the diagonal of the factors, shape (k, n_levels)."""
        every = np.arange(len(self.lower))
        return np.log(self.lower[every, every])

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant of this piece of A_00."""
        return float(self.log_diagonal.sum())

    def _dense(self, levels: slice, entries: Ints) -> Floats:
        rows = np.zeros((len(self.lower), levels.stop - levels.start, self.pattern.n_rest))
        row, column = self.pattern.levels[entries] - levels.start, self.pattern.columns[entries]
        rows[:, row, column] = self.white[:, entries]
        return rows.reshape(-1, self.pattern.n_rest)

    def subtract_gram(self, schur: Floats) -> None:
        """Subtract this piece's ``A_R0 inv(A_00) A_0R`` from `schur`, in place."""
        pattern = self.pattern
        if not self.white.size:
            return
        if pattern.is_dense:
            for levels, entries in pattern.slices(len(self.lower)):
                rows = self._dense(levels, entries)
                schur -= rows.T @ rows
            return
        left, right = pattern.meetings
        distinct, index = pattern.targets
        product = np.zeros(len(left))
        for row in self.white:
            product += row[left] * row[right]
        shares = np.bincount(index, weights=product, minlength=len(distinct))
        schur.reshape(-1)[distinct] -= shares

    def whiten(self, top: Floats) -> Floats:
        """``inv(lower)`` times the right-hand side `top`, shape (k, n_levels)."""
        return _batched.solve_lower(self.lower, top)

    def project(self, whitened: Floats) -> Floats:
        """``white.T`` times a whitened right-hand side: shape (n_rest,)."""
        pattern = self.pattern
        products = np.einsum("ce,ce->e", self.white, whitened[:, pattern.levels])
        sums = np.bincount(pattern.columns, products, pattern.n_rest)
        return np.asarray(sums, dtype=np.float64)

    def back(self, whitened: Floats, rest: Floats) -> Floats:
        """Solution of this piece, shape (k, n_levels), given that of the rest."""
        pattern = self.pattern
        if not self.white.size:
            return _batched.solve_upper(self.lower, whitened)
        products = self.white * rest[pattern.columns]
        moved = [np.bincount(pattern.levels, row, pattern.n_levels) for row in products]
        return _batched.solve_upper(self.lower, whitened - np.stack(moved))

    def _times(self, rest: Floats) -> Floats:
        """``white @ rest`` on the pattern, shape (k, m), for a symmetric `rest`."""
        pattern, out = self.pattern, np.empty_like(self.white)
        if pattern.is_dense:
            for levels, entries in pattern.slices(len(self.lower)):
                rows = self._dense(levels, entries) @ rest
                rows = rows.reshape(len(self.lower), -1, pattern.n_rest)
                row = pattern.levels[entries] - levels.start
                out[:, entries] = rows[:, row, pattern.columns[entries]]
            return out
        left, right = pattern.meetings
        distinct, index = pattern.targets
        values = rest.reshape(-1)[distinct][index]
        for row, target in zip(self.white, out, strict=True):
            target[:] = np.bincount(left, weights=row[right] * values, minlength=out.shape[1])
        return out

    def inverse(self, rest: Floats) -> tuple[Floats, Floats]:
        """Diagonal blocks (k, k, n_levels) and pattern entries (k, m) of the inverse."""
        if not self.white.size:
            return _batched.inverse(self.lower), np.zeros_like(self.white)
        pattern, times = self.pattern, self._times(rest)
        size = len(self.lower)
        middle = np.empty_like(self.lower)
        for i in range(size):
            for j in range(size):
                products = times[i] * self.white[j]
                middle[i, j] = np.bincount(pattern.levels, products, pattern.n_levels)
        cross = -_batched.solve_upper(self.lower[:, :, pattern.levels], times)
        return _batched.inverse(self.lower, middle), cross


class Inverse(NamedTuple):
    """The inverse on the observed pattern.

    `blocks` and `cross` have one array for each piece: the diagonal blocks (k, k, n_levels)
    and the entries (k, m) of the pattern; `rest` is dense, (n_rest, n_rest).
    """

    blocks: tuple[Floats, ...]
    cross: tuple[Floats, ...]
    rest: Floats


@dataclass(frozen=True)
class Arrowhead:
    """A factorized arrowhead system.

    Parameters
    ----------
    pieces : tuple of Elimination
    lower : ndarray, shape (n_rest, n_rest)
        Cholesky factor of the Schur complement, in LAPACK's layout.
    """

    pieces: tuple[Elimination, ...]
    lower: Floats

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant of the whole matrix."""
        rest = float(self.log_diagonal[1].sum())
        return rest + sum(piece.half_logdet for piece in self.pieces)

    @property
    def log_diagonal(self) -> tuple[list[Floats], Floats]:
        """Logarithm of the diagonal of the Cholesky factor, in the shapes of `solve`.

        Its sum over effects that share no entry with others is half of their log determinant.
        """
        return [piece.log_diagonal for piece in self.pieces], np.log(np.diagonal(self.lower))

    def solve(self, tops: Sequence[Floats], rest: Floats) -> tuple[list[Floats], Floats]:
        """Solve for right-hand sides `tops`, one (k, n_levels) a piece, and `rest`, (n_rest,)."""
        white = [piece.whiten(top) for piece, top in zip(self.pieces, tops, strict=True)]
        if len(rest):
            for piece, top in zip(self.pieces, white, strict=True):
                rest = rest - piece.project(top)
            rest = np.asarray(dpotrs(self.lower, rest, lower=1)[0])
        solved = [piece.back(top, rest) for piece, top in zip(self.pieces, white, strict=True)]
        return solved, rest

    def inverse(self) -> Inverse:
        """Return the inverse on the observed pattern."""
        rest = self.lower
        if len(rest):
            half = dpotri(self.lower, lower=1)[0]  # its upper triangle is zero, as the factor's
            rest = np.ascontiguousarray(half) + half.T
            rest[np.diag_indices_from(rest)] /= 2.0
        pairs = [piece.inverse(rest) for piece in self.pieces]
        return Inverse(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), rest)


def factorize(pieces: Sequence[Elimination | None], rest: Floats) -> Arrowhead | None:
    """Finish the factorization of the eliminated `pieces` and A_RR, (n_rest, n_rest).

    None when the matrix is not positive definite. Only the upper triangle of `rest` is read; it
    is overwritten.
    """
    done = tuple(piece for piece in pieces if piece is not None)
    if len(done) < len(pieces):
        return None
    if len(rest) == 0:
        return Arrowhead(done, rest)
    for piece in done:
        piece.subtract_gram(rest)
    lower, info = dpotrf(
        rest.T, lower=1, overwrite_a=True
    )  # in Fortran order the upper is the lower
    if info != 0 or not np.all(np.isfinite(np.diagonal(lower))):
        return None
    return Arrowhead(done, lower)
