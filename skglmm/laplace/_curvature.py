"""What the rows of a problem say of the spherical effects at the mode, for later use as a prior."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.laplace._mode import Mode
from skglmm.laplace._prior import Curvature, Meeting
from skglmm.laplace._problem import Problem
from skglmm.laplace._shard import Shard
from skglmm.laplace._system import sandwich

__all__ = ["curvature"]


def curvature(problem: Problem, mode: Mode) -> Curvature:
    """Curvature of the log likelihood of the rows, factors in the order of the layout."""
    order, roots = problem.order, mode.point.roots
    blocks = {f: _block(mode, i) for i, f in enumerate(order)}
    pairs = {}
    for i, f in enumerate(order):
        for j in range(i + 1, len(order)):
            parts = [
                _part(shard, sandwich(roots[i], sums[i, j], roots[j]), i, j)
                for shard, sums in zip(problem.shards, mode.moments, strict=True)
            ]
            meeting, g = _joined(parts), order[j]
            pairs[min(f, g), max(f, g)] = (meeting if f < g else meeting.swapped()).merged()
    return Curvature(tuple(blocks[f] for f in range(len(order))), pairs)


def _block(mode: Mode, i: int) -> Floats:
    root = mode.point.roots[i]
    sums = [moments[i, i] for moments in mode.moments]
    whole = np.concatenate(sums, axis=-1) if i == 0 else np.sum(sums, axis=0)
    return sandwich(root, whole, root)


def _part(shard: Shard, values: Floats, i: int, j: int) -> Meeting:
    pair = shard.pairs[i, j]
    return Meeting(pair.left + (shard.levels.start if i == 0 else 0), pair.right, values)


def _joined(parts: Sequence[Meeting]) -> Meeting:
    left, right, values = zip(*parts, strict=True)
    return Meeting(np.concatenate(left), np.concatenate(right), np.concatenate(values, axis=-1))
