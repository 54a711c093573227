"""Which fixed columns vary between the levels of a grouping factor only."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.shard import Shard

__all__ = ["LevelSquares", "constant_by_squares", "constant_within", "level_squares"]

LevelSquares = tuple[Floats, list[Floats]]

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
    return constant_by_squares(problem, problem.shards.map(level_squares).total())


def constant_by_squares(problem: Problem, squares: LevelSquares) -> tuple[tuple[Bools, ...], ...]:
    """Return what `constant_within` does, from the sum of the shards' `level_squares`."""
    whole, by_factor = squares
    between = [part if part.ndim == 1 else _between(part) for part in by_factor]
    cuts = np.cumsum(problem.shape.n_coefficients)[:-1]
    found = [tuple(np.split(whole - part <= VARYING * whole, cuts)) for part in between]
    return problem.in_layout_order(found)


def level_squares(shard: Shard) -> LevelSquares:
    """Sums of squares of all fixed columns, (p,), and what tells those of their means by level.

    That is, of each factor, these sums themselves, (p,), where all rows of a level are of one
    shard; and the sums of the columns by level, with the number of rows last, (p + 1, L), where
    they are not.
    """
    n = shard.n_rows
    columns = [np.broadcast_to(column, n) for x in shard.fixed for column in x.T]
    squares, by_factor = np.array([column @ column for column in columns]), []
    for i, factor in enumerate(shard.factors):
        sums = np.stack([factor.grouping.sum(column) for column in (*columns, np.ones(n))])
        by_factor.append(_between(sums) if i < len(shard.levels) else sums)
    return squares, by_factor


def _between(sums: Floats) -> Floats:
    """Sums of squares of the means of levels, each as often as it has rows."""
    *columns, counts = sums
    means: Sequence[Floats] = [column / np.sqrt(np.maximum(counts, 1.0)) for column in columns]
    return np.array([each @ each for each in means])
