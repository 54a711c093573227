"""The inverse of an arrowhead matrix between any two levels, without the rows behind it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Floats, Ints
from skglmm.linalg.batched import inverse as batched_inverse
from skglmm.linalg.batched import solve_upper, solve_upper_at
from skglmm.linalg.direct.elimination import Blocks, Elimination, Inverse
from skglmm.parts import Parts

__all__ = ["PaddedPosterior", "Posterior"]

CHUNK = 4_000_000  # terms summed at a time: a few arrays of 32 MB
LEVELS = 1_000  # of which products with all crossed columns are made at a time


@dataclass(frozen=True)
class _Slopes:
    """How the effects of one factor follow those of all later ones: ``M = inv(A_ii) A_iJ``.

    Parameters
    ----------
    chain : mapping from j to ndarray, shape (k, k_j, L)
        To the level of each later factor j of the chain that a level belongs to.
    parents : mapping from j to ndarray of int, shape (L,)
        That level.
    crossed : ndarray, shape (k, m)
        To columns of the crossed factors, level by level.
    columns : ndarray of int, shape (m,)
        These columns.
    starts : ndarray of int, shape (L + 1,)
        Where the entries of each level begin.
    """

    chain: Mapping[int, Floats]
    parents: Mapping[int, Ints]
    crossed: Floats
    columns: Ints
    starts: Ints

    def chunks(self, levels: Ints) -> Iterator[slice]:
        """Ranges of `levels` that have a limited number of entries."""
        counts = self.starts[levels + 1] - self.starts[levels]
        owners = np.cumsum(counts) // CHUNK
        cuts = np.concatenate([[0], np.flatnonzero(np.diff(owners)) + 1, [len(levels)]])
        for start, end in pairwise(cuts):
            yield slice(int(start), int(end))

    def squares(self, crossed: Floats) -> Floats:
        """Return ``M @ crossed @ M.T`` of each level, (k, k, L), for a symmetric matrix."""
        n_levels = len(self.starts) - 1
        found = np.zeros((len(self.crossed), len(self.crossed), n_levels))
        for start in range(0, n_levels, LEVELS):
            levels = np.arange(start, min(start + LEVELS, n_levels))
            owner, entry = self.entries(levels)
            shape, ends = (len(levels), len(crossed)), self.starts[start : levels[-1] + 2]
            for a, row in enumerate(self.crossed):
                parts = (row[entry], self.columns[entry], ends - ends[0])
                moved = (csr_array(parts, shape=shape) @ crossed)[owner, self.columns[entry]]
                for b, other in enumerate(self.crossed):
                    sums = np.bincount(owner, moved * other[entry], len(levels))
                    found[a, b, levels] = sums
        return found

    def entries(self, levels: Ints) -> tuple[Ints, Ints]:
        """Place in `levels` and number of each of their entries."""
        counts = self.starts[levels + 1] - self.starts[levels]
        owner = np.repeat(np.arange(len(levels)), counts)
        first = np.repeat(self.starts[levels] - (np.cumsum(counts) - counts), counts)
        return owner, first + np.arange(len(owner))


@dataclass(frozen=True)
class Posterior:
    """What is needed of an arrowhead matrix for any entry of its inverse.

    The entry between a level l of a factor of the chain and anything else, c, is
    ``-M_l Z[J, c]``, with M the slopes of l on what is later, J.

    Parameters
    ----------
    sizes : tuple of (int, int)
        Columns and levels of each factor, those of the chain first.
    blocks : tuple of ndarray, each of shape (k_i, k_i, L_i)
        Diagonal blocks of the inverse, for each factor of the chain; or only what they are if all
        later effects are known.
    slopes : tuple
        How each factor of the chain follows the later ones.
    crossed : ndarray, shape (n_crossed, n_crossed), or what has the entries of one
        Inverse of the Schur complement, which is the inverse's block of the crossed factors.
    is_whole : bool
        Whether the blocks are those of the inverse.
    """

    sizes: tuple[tuple[int, int], ...]
    blocks: tuple[Floats, ...]
    slopes: tuple[_Slopes, ...]
    crossed: Any
    is_whole: bool = True

    @cached_property
    def own(self) -> tuple[Floats, ...]:
        """Diagonal blocks of the inverse, (k_i, k_i, L_i) for each factor of the chain."""
        if self.is_whole:
            return self.blocks
        (block,), (slopes,) = self.blocks, self.slopes  # of a chain it costs little beforehand
        return (block + slopes.squares(self.crossed),)

    @classmethod
    def of(
        cls,
        inverse: Inverse | None,
        pieces: Parts[Elimination],
        levels: Parts[tuple[Ints, ...]],
        sizes: Sequence[tuple[int, int]],
        crossed: Any,
    ) -> "Posterior":
        """Collect what is needed of a factorized system, which is not kept.

        Parameters
        ----------
        inverse : Inverse or None
            None where it is left for later.
        pieces : Parts of Elimination
        levels : Parts of tuple of ndarray of int
            Levels of each factor of the chain that each piece owns.
        sizes : sequence of (int, int)
            Columns and levels of each factor, those of the chain first.
        crossed : ndarray, shape (n_crossed, n_crossed)
            Inverse of the Schur complement.
        """
        is_whole = inverse is not None
        known = () if inverse is None else (inverse.pieces.map(_own),)
        del inverse  # between levels it is as large as the rows
        shares = list(pieces.map(_shares, levels, *known))
        n_nested = min((len(share) for share in shares), default=0)
        joined = [_joined([share[i] for share in shares], sizes[i]) for i in range(n_nested)]
        blocks, slopes = (tuple(part) for part in zip(*joined, strict=True)) if joined else ((), ())
        return cls(tuple(sizes), blocks, slopes, crossed, is_whole)

    def between(self, i: int, j: int, left: Ints, right: Ints) -> Floats:
        """Blocks of the inverse, (k_i, k_j, P), between P pairs of levels of two factors.

        Parameters
        ----------
        i, j : int
            Places of the factors in `sizes`.
        left, right : ndarray of int, shape (P,)
            Their levels.
        """
        if i > j:
            return np.swapaxes(self.between(j, i, right, left), 0, 1)
        if i >= len(self.blocks):
            return np.asarray(
                self.crossed[self._columns(i, left)[:, None], self._columns(j, right)]
            )
        if j >= len(self.blocks):
            return np.stack(
                [self._to_crossed(i, left, columns) for columns in self._columns(j, right)], axis=1
            )
        if i < j:
            return self._to_chain(i, j, left, right)
        found = self.own[i][:, :, left]
        apart = np.flatnonzero(left != right)
        if len(apart):
            found[:, :, apart] = self._to_chain(i, i, left[apart], right[apart])
        return found

    def _columns(self, j: int, levels: Ints) -> Ints:
        """Columns of the crossed factors, (k, P), of levels of a crossed factor."""
        start = sum(k * n for k, n in self.sizes[len(self.blocks) : j])
        k, n = self.sizes[j]
        return np.asarray(start + n * np.arange(k)[:, None] + levels, dtype=np.intp)

    def _to_crossed(self, i: int, levels: Ints, columns: Ints) -> Floats:
        """Entries between levels of factor i and columns of the crossed factors, (k_i, P)."""
        slopes = self.slopes[i]
        found = np.zeros((self.sizes[i][0], len(levels)))
        for j, block in slopes.chain.items():
            above = self._to_crossed(j, slopes.parents[j][levels], columns)
            found -= np.einsum("abp,bp->ap", block[:, :, levels], above)
        for pairs in slopes.chunks(levels):
            owner, entry = slopes.entries(levels[pairs])
            values = self.crossed[slopes.columns[entry], columns[pairs][owner]]
            for a, row in enumerate(slopes.crossed):
                found[a, pairs] -= np.bincount(owner, row[entry] * values, len(levels[pairs]))
        return found

    def _to_chain(self, i: int, j: int, left: Ints, right: Ints) -> Floats:
        """Blocks between different levels of factors i <= j of the chain, (k_i, k_j, P)."""
        slopes = self.slopes[i]
        found = np.zeros((self.sizes[i][0], self.sizes[j][0], len(left)))
        for other, block in slopes.chain.items():
            above = self.between(other, j, slopes.parents[other][left], right)
            found -= np.einsum("abp,bcp->acp", block[:, :, left], above)
        for pairs in slopes.chunks(left):
            owner, entry = slopes.entries(left[pairs])
            values = self._to_crossed(j, right[pairs][owner], slopes.columns[entry])
            for a, row in enumerate(slopes.crossed):
                for c, value in enumerate(values):
                    products = row[entry] * value
                    found[a, c, pairs] -= np.bincount(owner, products, len(left[pairs]))
        return found


class _Share(NamedTuple):
    """What one piece adds to the posterior of one factor of the chain."""

    levels: Ints
    own: Floats
    chain: dict[int, Floats]
    parents: dict[int, Ints]
    crossed: Floats
    entry_levels: Ints
    columns: Ints


def _own(blocks: Blocks) -> list[Floats]:
    return blocks.own


def _shares(
    piece: Elimination, levels: tuple[Ints, ...], known: list[Floats] | None = None
) -> list[_Share]:
    found = []
    for i, (stage, pattern) in enumerate(zip(piece.stages, piece.chain.patterns, strict=True)):
        lower = stage.lower
        chain = {j: solve_upper(lower[:, :, None], white) for j, white in stage.chain.items()}
        parents = {j: levels[j][piece.chain.parents[i, j].codes] for j in chain}
        crossed = solve_upper_at(lower, pattern.levels, stage.crossed)
        at = levels[i][pattern.levels]
        own = batched_inverse(lower) if known is None else known[i]
        found.append(_Share(levels[i], own, chain, parents, crossed, at, pattern.columns))
    return found


def _joined(shares: Sequence[_Share], size: tuple[int, int]) -> tuple[Floats, _Slopes]:
    """Put the levels of all pieces in order."""
    place = np.argsort(np.concatenate([share.levels for share in shares]))
    at = np.concatenate([share.entry_levels for share in shares])
    order = np.argsort(at, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=size[1]))])
    slopes = _Slopes(
        chain={j: _gathered([s.chain[j] for s in shares], place) for j in shares[0].chain},
        parents={j: _gathered([s.parents[j] for s in shares], place) for j in shares[0].parents},
        crossed=_gathered([share.crossed for share in shares], order),
        columns=_gathered([share.columns for share in shares], order),
        starts=starts.astype(np.intp),
    )
    return _gathered([share.own for share in shares], place), slopes


def _gathered(parts: Sequence[Any], order: Ints) -> Any:
    return np.concatenate(parts, axis=-1)[..., order]


@dataclass(frozen=True)
class PaddedPosterior:
    """The same with further effects of each level, of which nothing is to be added.

    Parameters
    ----------
    known : Posterior or PaddedPosterior
    more : tuple of int
        Number of effects after the known ones, for each factor.
    """

    known: "Posterior | PaddedPosterior"
    more: tuple[int, ...]

    def between(self, i: int, j: int, left: Ints, right: Ints) -> Floats:
        """Blocks between P pairs of levels of two factors; see `Posterior.between`."""
        blocks = self.known.between(i, j, left, right)
        return np.pad(blocks, [(0, self.more[i]), (0, self.more[j]), (0, 0)])
