"""Observed information about the random effects at the mode, and their posterior covariance."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.mode.system import sandwich
from skglmm.engine.prior import Curvature, Meeting
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.records import Mode
from skglmm.engine.rows.shard import Moments, Shard
from skglmm.linalg import Posterior

__all__ = ["curvature", "posterior"]


def curvature(problem: Problem, mode: Mode) -> Curvature:
    """Observed information of the rows about the spherical effects, in the order of the layout."""
    order, roots = problem.order, mode.point.roots
    blocks = {f: _block(problem, mode, i) for i, f in enumerate(order)}
    pairs = {}
    for i, f in enumerate(order):
        for j in range(i + 1, len(order)):
            common = {"i": i, "j": j, "left": roots[i], "right": roots[j]}
            meeting = _joined(list(problem.shards.map(_part, mode.moments, **common)))
            g = order[j]
            pairs[min(f, g), max(f, g)] = (meeting if f < g else meeting.swapped()).merged()
    return Curvature(tuple(blocks[f] for f in range(len(order))), pairs)


def posterior(problem: Problem, mode: Mode) -> Posterior:
    """Posterior covariance of the effects u between any two levels, leading factor first."""
    return mode.system.posterior(problem.shards.map(_levels), problem.sizes)


def _levels(shard: Shard) -> tuple[Ints, ...]:
    return shard.levels


def _block(problem: Problem, mode: Mode, i: int) -> Floats:
    root = mode.point.roots[i]
    sums = list(mode.moments.map(_own, place=i))
    if i >= problem.n_owned:
        return sandwich(root, np.sum(sums, axis=0), root)
    whole = np.empty((*root.shape, problem.n_levels[i]))
    for levels, part in zip(problem.levels, sums, strict=True):
        whole[:, :, levels[i]] = part
    return sandwich(root, whole, root)


def _own(moments: Moments, place: int) -> Floats:
    return moments[place, place]


def _part(shard: Shard, moments: Moments, i: int, j: int, left: Floats, right: Floats) -> Meeting:
    pair, values = shard.pairs[i, j], sandwich(left, moments[i, j], right)
    owned = dict(enumerate(shard.levels))
    return Meeting(
        owned[i][pair.left] if i in owned else pair.left,
        owned[j][pair.right] if j in owned else pair.right,
        values,
    )


def _joined(parts: Sequence[Meeting]) -> Meeting:
    left, right, values = zip(*parts, strict=True)
    return Meeting(np.concatenate(left), np.concatenate(right), np.concatenate(values, axis=-1))
