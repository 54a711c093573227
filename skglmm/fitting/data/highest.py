"""The row in which the fixed part of a linear predictor is the largest."""

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Problem, Shard

__all__ = ["highest_row"]


def highest_row(problem: Problem, k: int, beta: Floats) -> list[Floats]:
    """Return the fixed columns, for all predictors, of the row with the largest ``x_k @ beta``."""
    rows = list(problem.shards.map(_highest_of, k=k, beta=beta))
    return max(rows, key=lambda row: float(row[k] @ beta))


def _highest_of(shard: Shard, k: int, beta: Floats) -> list[Floats]:
    place = int(np.argmax(shard.fixed[k] @ beta))
    return [x[place if len(x) > 1 else 0] for x in shard.fixed]
