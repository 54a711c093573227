"""Fixed effects as the random effects of a factor with one level, whose prior is flat."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from skglmm.arrays import Ints
from skglmm.engine.problem.cut import chain_of, places_of
from skglmm.engine.rows.factor_rows import FactorRows
from skglmm.engine.rows.shard import CommonLevels, Shard
from skglmm.linalg import Chain, Grouping

__all__ = ["for_sums", "with_flat"]

Pairs = Mapping[tuple[int, int], CommonLevels]


def with_flat(shard: Shard, predictors: Sequence[int]) -> Shard:
    """Return the shard in which the fixed columns of some predictors are those of a last factor.

    Parameters
    ----------
    shard : Shard
    predictors : sequence of int
        Those that keep no fixed column.
    """
    found, n_nested = for_sums(shard, predictors), len(shard.levels)
    chain = chain_of(found.factors, found.pairs, n_nested)
    return replace(
        found,
        pairs=_as_in(chain, found.pairs, n_nested),
        places=places_of(found.factors, found.pairs, n_nested),
        chain=chain,
    )


def _as_in(chain: Chain, pairs: Pairs, first: int) -> Pairs:
    """Return the pairs, of which those with the first crossed factor are views of the chain's."""
    found = dict(pairs)
    for i, pattern in enumerate(chain.patterns):
        (grouping, left, _) = pairs[i, first]
        found[i, first] = CommonLevels(
            grouping, pattern.levels[: len(left)], pattern.columns[: len(left)]
        )
    return found


def for_sums(shard: Shard, predictors: Sequence[int]) -> Shard:
    """Return what `with_flat` does for sums over rows alone: places and chain are as before."""
    flat, last, pairs = _factor_rows(shard, predictors), len(shard.factors), dict(shard.pairs)
    for f, factor in enumerate(shard.factors):
        every = np.arange(factor.grouping.size)
        pairs[f, last] = CommonLevels(factor.grouping, every, np.zeros_like(every))
    none = np.zeros((1, 0))
    return replace(
        shard,
        fixed=tuple(none if k in predictors else x for k, x in enumerate(shard.fixed)),
        factors=(*shard.factors, flat),
        pairs=pairs,
    )


def _factor_rows(shard: Shard, predictors: Sequence[int]) -> FactorRows:
    columns, feeds, stacked = [], [], {}
    for k in predictors:
        stacked[k] = shard.fixed[k]
        for column in shard.fixed[k].T:
            constant = bool(np.all(column == 1.0))
            whole = np.broadcast_to(column, shard.n_rows)
            columns.append(None if constant else np.ascontiguousarray(whole))
            feeds.append(k)
    one_level = Grouping(_zeros(shard.n_rows), 1)
    are_whole = all(len(x) == shard.n_rows for x in stacked.values())
    return FactorRows(one_level, tuple(columns), tuple(feeds), stacked if are_whole else None)


def _zeros(n: int) -> Ints:
    """Return n zeros, shared by all that ask for them."""
    return _many_zeros(1 << max(n - 1, 0).bit_length())[:n]


@cache
def _many_zeros(n: int) -> Ints:
    found = np.zeros(n, dtype=np.intp)
    found.setflags(write=False)
    return found
