"""Fixed effects as the random effects of a factor with one level, whose prior is flat."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skglmm.engine.problem.cut import chain_of, places_of
from skglmm.engine.rows.shard import Load, Pair, Shard
from skglmm.linalg import Grouping

__all__ = ["with_flat"]


def with_flat(shard: Shard, predictors: Sequence[int]) -> Shard:
    """Return the shard in which the fixed columns of some predictors are those of a last factor.

    Parameters
    ----------
    shard : Shard
    predictors : sequence of int
        Those that keep no fixed column.
    """
    flat, last, n_owned = _load(shard, predictors), len(shard.loads), len(shard.levels)
    loads, pairs = (*shard.loads, flat), dict(shard.pairs)
    for f, load in enumerate(shard.loads):
        every = np.arange(load.grouping.size)
        pairs[f, last] = Pair(load.grouping, every, np.zeros_like(every))
    none = np.zeros((1, 0))
    return replace(
        shard,
        fixed=tuple(none if k in predictors else x for k, x in enumerate(shard.fixed)),
        loads=loads,
        pairs=pairs,
        places=places_of(loads, pairs, n_owned),
        chain=chain_of(loads, pairs, n_owned),
    )


def _load(shard: Shard, predictors: Sequence[int]) -> Load:
    columns, feeds = [], []
    for k in predictors:
        for column in shard.fixed[k].T:
            constant = bool(np.all(column == 1.0))
            whole = np.broadcast_to(column, shard.n_rows)
            columns.append(None if constant else np.ascontiguousarray(whole))
            feeds.append(k)
    one_level = Grouping(np.zeros(shard.n_rows, dtype=np.intp), 1)
    return Load(one_level, tuple(columns), tuple(feeds))
