r"""The inverse's block of the crossed effects: blocks of levels, and a product of few columns.

:math:`Z_{CC} \approx \mathrm{blocks} + \tfrac12 (U V^T + V U^T)`. It is the derivative of the
estimated log determinant: the blocks are such that those of :math:`A` times the estimated inverse
are the identity, as they are of the inverse itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.iterative.cut import Sizes, pieces_of
from skglmm.engine.iterative.reduced import Couplings
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import Elimination

__all__ = ["CrossedInverse", "sampled"]

CHUNK = 131_072  # numbers of a slice of gathered rows: they stay in the cache


@dataclass(frozen=True)
class CrossedInverse:
    """The inverse's block of the crossed effects, entry by entry.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Columns and levels of each crossed factor.
    blocks : list of ndarray, each of shape (k, k, L)
        What is added to the products in blocks of single levels.
    left, right : ndarray, shape (q, m)
    """

    sizes: Sizes
    blocks: list[Floats]
    left: Floats
    right: Floats

    @cached_property
    def own(self) -> list[Floats]:
        """Blocks of single levels, (k, k, L) for each factor."""
        found = []
        lefts, rights = (pieces_of(self.sizes, x) for x in (self.left, self.right))
        for block, left, right in zip(self.blocks, lefts, rights, strict=True):
            product = np.einsum("alm,blm->abl", left, right)
            found.append(block + 0.5 * (product + np.swapaxes(product, 0, 1)))
        return found

    def at_places(
        self, places: Mapping[tuple[int, int], tuple[Ints, Ints]], first: int
    ) -> dict[tuple[int, int], Floats]:
        """Return the blocks at the places of pairs of factors, numbered from the `first`."""
        return {
            (f, g): self.own[f - first] if f == g else self[rows, columns]
            for (f, g), (rows, columns) in places.items()
        }

    def __getitem__(self, places: Any) -> Floats:
        """Return entries at rows and columns: arrays that broadcast, or slices."""
        rows, columns = places
        if isinstance(rows, slice):
            every = np.arange(len(self.left))
            rows, columns = every[rows][:, None], every[columns][None, :]
        rows, columns = np.broadcast_arrays(rows, columns)
        shape, rows, columns = rows.shape, rows.ravel(), columns.ravel()
        found = sampled(self.left, self.right, rows, columns)
        found += sampled(self.right, self.left, rows, columns)
        found *= 0.5
        self._add_blocks(found, rows, columns)
        return found.reshape(shape)

    def _add_blocks(self, found: Floats, rows: Ints, columns: Ints) -> None:
        start = 0
        for block, (k, n) in zip(self.blocks, self.sizes, strict=True):
            end = start + k * n
            inside = (rows >= start) & (rows < end) & (columns >= start) & (columns < end)
            at = np.flatnonzero(inside)
            (a, level), (b, other) = (np.divmod(x[at] - start, n) for x in (rows, columns))
            same = level == other
            found[at[same]] += block[a[same], b[same], level[same]]
            start = end

    @cached_property
    def _short(self) -> Any:
        """The right columns with half of the digits: they are a small correction."""
        return self.right.astype(np.float32)

    def products(self, shard: Shard, piece: Elimination, couplings: Couplings) -> list[Floats]:
        """Return a shard's whitened entries times this block, on the pattern: (k_i, m_i) each."""
        found, rows = [], iter(couplings.rows)
        for i, stage in enumerate(piece.stages):
            pattern, out = piece.chain.patterns[i], self._by_blocks(shard, i, stage.crossed)
            for a in range(len(out)):
                part = np.asarray(next(rows) @ self.left, dtype=np.float32)
                out[a] += sampled(part, self._short, pattern.levels, pattern.columns)
            found.append(out)
        return found

    def _by_blocks(self, shard: Shard, i: int, entries: Floats) -> Floats:
        """Entries of factor i of the chain times the blocks of their levels."""
        out, start, n_nested = np.empty_like(entries), 0, len(shard.levels)
        for g, block in enumerate(self.blocks, n_nested):
            k, levels = len(block), shard.pairs[i, g].right
            end = start + k * len(levels)
            part, target = (x[:, start:end].reshape(len(x), k, -1) for x in (entries, out))
            if k == 1:
                np.multiply(part, block[0, 0].take(levels), out=target)
            else:
                np.einsum("acp,cdp->adp", part, block[:, :, levels], out=target)
            start = end
        return out


def sampled(left: Any, right: Any, rows: Ints, columns: Ints) -> Floats:
    """Return entries of ``left @ right.T`` at some places, (m,)."""
    found = np.empty(len(rows))
    step = max(1, CHUNK // max(1, left.shape[1]))
    first, second = (np.empty((step, left.shape[1]), dtype=left.dtype) for _ in range(2))
    for start in range(0, len(rows), step):
        own = slice(start, min(start + step, len(rows)))
        size = own.stop - start
        np.take(left, rows[own], axis=0, out=first[:size], mode="clip")
        np.take(right, columns[own], axis=0, out=second[:size], mode="clip")
        found[own] = np.einsum("pm,pm->p", first[:size], second[:size])
    return found
