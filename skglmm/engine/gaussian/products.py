"""Products with the cross-products of a linear mixed model, on the pattern of levels that meet."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.shard import Shard

__all__ = ["fixed_removed", "times"]


def times(shard: Shard, products: CrossProducts, effects: Sequence[Floats]) -> list[Floats]:
    """Return ``C' W C @ effects``, (k_f, L_f) for each factor, with the levels of the shard."""
    found = [_within(products[f, f], own) for f, own in enumerate(effects)]
    for (f, g), block in products.items():
        if f == g:
            continue
        left, right = _levels(shard, f, g)
        found[f] += _sums(np.einsum("cdp,dp->cp", block, _at(effects[g], right)), left, effects[f])
        found[g] += _sums(np.einsum("cdp,cp->dp", block, _at(effects[f], left)), right, effects[g])
    return found


def _within(block: Floats, own: Floats) -> Floats:
    if block.ndim == 2:  # of one-hot effects
        return block * own
    return np.asarray(np.einsum("cdl,dl->cl", block, own))


def _levels(shard: Shard, f: int, g: int) -> tuple[Ints | None, Ints]:
    """Levels of the pairs of two factors; None where they are all levels in order."""
    pair = shard.pairs[f, g]
    in_order = g < len(shard.levels) or shard.factors[g].is_alone
    return None if in_order else pair.left, pair.right


def _at(effects: Floats, levels: Ints | None) -> Floats:
    """Effects of the levels of pairs, (k, P)."""
    if levels is None:
        return effects
    return effects if effects.shape[1] == 1 else effects.take(levels, axis=1)


def _sums(values: Floats, levels: Ints | None, like: Floats) -> Floats:
    """Sums of values of pairs, (k, P), by level, in the shape of the effects."""
    if levels is None:
        return values
    n = like.shape[1]
    if n == 1:
        return np.asarray(values.sum(axis=1, keepdims=True))
    return np.stack([np.bincount(levels, row, n) for row in values])


def fixed_removed(shard: Shard, blocks: CrossProducts, fixed: Floats) -> CrossProducts:
    r"""Return the inverse of the matrix without its last factor, on the pattern of the others.

    With blocks Z of the whole inverse, :math:`Z_{fg} - Z_{fF} Z_{FF}^{-1} Z_{Fg}`.

    Parameters
    ----------
    shard : Shard
    blocks : mapping
        Of the whole inverse.
    fixed : ndarray, shape (p, p)
        :math:`Z_{FF}^{-1}`.
    """
    last = len(shard.factors) - 1
    found: dict[tuple[int, int], Floats] = {}
    for (f, g), block in blocks.items():
        if g == last:
            continue
        mine, theirs = blocks[f, last], blocks[g, last]
        if f != g:
            left, right = _levels(shard, f, g)
            mine = mine if left is None else mine.take(left, axis=2)
            theirs = theirs.take(right, axis=2)
        found[f, g] = block - np.einsum("apl,pq,bql->abl", mine, fixed, theirs, optimize=True)
    return found
