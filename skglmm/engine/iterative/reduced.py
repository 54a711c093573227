r"""The Schur complement of the crossed effects as a product, scaled to a unit diagonal.

With the nested effects eliminated, :math:`A_{00} = L L^T` and :math:`W = L^{-1} A_{0C}`, what is
left is :math:`S = A_{CC} - W^T W`, which is never formed. :math:`G G^T` are its blocks of single
levels, and :math:`A = G^{-1} S G^{-T} = I - M` has unit blocks, so that M has the trace zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array

from skglmm.arrays import Floats
from skglmm.engine.iterative.cut import Sizes, block_times, inverse_lower, total
from skglmm.engine.prior import Corner
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import Elimination, Pattern, cholesky, congruence
from skglmm.parts import Parts

__all__ = ["Couplings", "Reduced", "reduced", "sparse_rows"]


class Couplings(NamedTuple):
    """What one shard adds to the Schur complement, sparse."""

    rows: list[csr_array]  # W, (L_i, q), for each factor of the chain and each effect of a level
    turned: list[Any]  # their transposes
    direct: csr_array | None  # (q, q), above the diagonal: between factors that are both crossed


@dataclass(frozen=True)
class Reduced:
    """The Schur complement of the crossed effects, scaled.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Columns and levels of each crossed factor.
    couplings : Parts of Couplings
    own : list of ndarray, each of shape (k, k, L)
        Blocks of single levels of A_CC.
    roots : list of ndarray, each of shape (k, k, L)
        Cholesky factors G of those of S.
    above : sparse array, shape (q, q), or None
        What the prior adds between crossed factors, above the diagonal.
    """

    sizes: Sizes
    couplings: Parts[Couplings]
    own: list[Floats]
    roots: list[Floats]
    above: Any = None

    @cached_property
    def n_crossed(self) -> int:
        """Number of crossed effects."""
        return total(self.sizes)

    @cached_property
    def inverse_roots(self) -> list[Floats]:
        """The inverses of G, (k, k, L) each."""
        return [inverse_lower(root) for root in self.roots]

    @property
    def log_diagonal(self) -> Floats:
        """Logarithm of the diagonal of G, (q,)."""
        parts = [np.log(np.einsum("aal->al", root)).ravel() for root in self.roots]
        return np.concatenate(parts)

    def scaled(self, x: Floats) -> Floats:
        """``inv(G)`` times rows of crossed effects, (q, m)."""
        return block_times(self.sizes, self.inverse_roots, x)

    def unscaled(self, x: Floats) -> Floats:
        """``inv(G).T`` times rows of crossed effects, (q, m)."""
        return block_times(self.sizes, self.inverse_roots, x, turned=True)

    def times(self, x: Floats) -> Floats:
        """``A`` times rows of crossed effects, (q, m)."""
        y = self.unscaled(x)
        found = block_times(self.sizes, self.own, y)
        found -= self.couplings.map(_taken, y=y).total()
        if self.above is not None:
            found += self.above @ y
            found += self.above.T @ y
        return self.scaled(found)


def reduced(
    shards: Parts[Shard],
    pieces: Parts[Elimination],
    cross_products: Parts[CrossProducts],
    lambdas: Sequence[Floats],
    known: Corner,
) -> Reduced | None:
    """Return the scaled Schur complement; None where a block of it is not positive definite.

    Parameters
    ----------
    shards : Parts of Shard
    pieces : Parts of Elimination
    cross_products : Parts of mapping
    lambdas : sequence of ndarray
        Factors of the covariances, leading one first.
    known : Corner
        What the prior adds.
    """
    blocks = shards.map(_blocks, pieces, cross_products, lambdas=lambdas).total()
    own, taken = blocks
    sizes = [(len(block), block.shape[2]) for block in own]
    own = [block + more for block, more in zip(own, known.own, strict=True)]
    roots = []
    for block, less in zip(own, taken, strict=True):
        root = cholesky(block - less)
        if root is None:
            return None
        roots.append(root)
    couplings = shards.renewably(_couplings, pieces, cross_products, lambdas=lambdas)
    return Reduced(sizes, couplings, own, roots, known.above)


def _blocks(
    shard: Shard, piece: Elimination, sums: CrossProducts, lambdas: Sequence[Floats]
) -> tuple[list[Floats], list[Floats]]:
    """A shard's share of the blocks of A_CC, and of what elimination takes from them."""
    n_nested = len(shard.levels)
    crossed = range(n_nested, len(shard.factors))
    own = [np.array(congruence(lambdas[g], sums[g, g], lambdas[g])) for g in crossed]
    taken = [np.zeros_like(block) for block in own]
    for i, stage in enumerate(piece.stages):
        start = 0
        for g, out in zip(crossed, taken, strict=True):
            pair, k = shard.pairs[i, g], len(out)
            end = start + k * len(pair.left)
            entries = stage.crossed[:, start:end].reshape(len(stage.crossed), k, -1)
            start = end
            for c in range(k):
                for d in range(c, k):
                    product = np.einsum("ap,ap->p", entries[:, c], entries[:, d])
                    out[c, d] += np.bincount(pair.right, product, out.shape[2])
    for out in taken:
        for c in range(len(out)):
            for d in range(c):
                out[c, d] = out[d, c]
    return own, taken


def _couplings(
    shard: Shard, piece: Elimination, sums: CrossProducts, lambdas: Sequence[Floats]
) -> Couplings:
    rows = [
        row
        for stage, pattern in zip(piece.stages, piece.chain.patterns, strict=True)
        for row in sparse_rows(pattern, stage.crossed)
    ]
    return Couplings(rows, [row.T for row in rows], _direct(shard, sums, lambdas))


def sparse_rows(pattern: Pattern, entries: Floats) -> list[csr_array]:
    """Return entries on a pattern, (k, m), as sparse matrices, one for each row."""
    order, columns, starts = pattern.compressed
    shape = (pattern.n_levels, pattern.n_crossed)
    return [csr_array((row[order], columns, starts), shape=shape) for row in entries]


def _direct(shard: Shard, sums: CrossProducts, lambdas: Sequence[Floats]) -> csr_array | None:
    places = {key: place for key, place in shard.places.items() if key[0] != key[1]}
    if not places:
        return None
    size = shard.chain.patterns[0].n_crossed
    rows, columns, values = [], [], []
    for (f, g), (row, column) in places.items():
        block = congruence(lambdas[f], sums[f, g], lambdas[g])
        rows.append(np.broadcast_to(row, block.shape).ravel())
        columns.append(np.broadcast_to(column, block.shape).ravel())
        values.append(block.ravel())
    places_of = (np.concatenate(rows), np.concatenate(columns))
    return coo_array((np.concatenate(values), places_of), shape=(size, size)).tocsr()


def _taken(couplings: Couplings, y: Floats) -> Floats:
    """What couplings take from the product of the blocks with y, (q, m)."""
    right = y[:, 0] if y.shape[1] == 1 else y
    found = np.zeros_like(right)
    for row, turned in zip(couplings.rows, couplings.turned, strict=True):
        found += turned @ (row @ right)
    if couplings.direct is not None:
        found -= couplings.direct @ right
        found -= couplings.direct.T @ right
    return found.reshape(y.shape)
