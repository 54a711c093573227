"""Which fixed columns vary between the levels of a grouping factor only."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.shard import Shard

__all__ = ["constant_within"]

VARYING = 1e-9  # of a column's sum of squares: less within levels is rounding


def constant_within(problem: Problem) -> tuple[tuple[Bools, ...], ...]:
    """Return which fixed columns are the same in all rows of each level.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    tuple of tuple of ndarray of bool, each of shape (p_k,)
        For each factor in the order of the layout, of each linear predictor.
    """
    found = [_of_factor(problem, i) for i in range(len(problem.order))]
    return problem.in_layout_order(found)


def _of_factor(problem: Problem, i: int) -> tuple[Bools, ...]:
    """Compare sums of squares of columns with those of their means by level."""
    if i < problem.n_nested:  # whose levels have all rows in one shard
        squares, between = problem.shards.map(_squares, i=i).total()
    else:
        squares, sums = problem.shards.map(_level_sums, i=i).total()
        between = _between(sums)
    cuts = np.cumsum(problem.shape.n_coefficients)[:-1]
    return tuple(np.split(squares - between <= VARYING * squares, cuts))


def _squares(shard: Shard, i: int) -> tuple[Floats, Floats]:
    squares, sums = _level_sums(shard, i)
    return squares, _between(sums)


def _level_sums(shard: Shard, i: int) -> tuple[Floats, Floats]:
    """Sums of squares of all fixed columns, (p,), and their sums by level, numbers of rows last."""
    n, grouping = shard.n_rows, shard.factors[i].grouping
    columns = [np.broadcast_to(column, n) for x in shard.fixed for column in x.T]
    sums = [grouping.sum(column) for column in (*columns, np.ones(n))]
    return np.array([column @ column for column in columns]), np.stack(sums)


def _between(sums: Floats) -> Floats:
    """Sums of squares of the means of levels, each as often as it has rows."""
    *columns, counts = sums
    means: Sequence[Floats] = [column / np.sqrt(np.maximum(counts, 1.0)) for column in columns]
    return np.array([each @ each for each in means])
