"""Observed information about the random effects at the mode, and their posterior covariance."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.mode.system import congruence
from skglmm.engine.prior import Coupling, EffectInformation
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.records import Mode
from skglmm.engine.rows.shard import CrossProducts, Shard
from skglmm.linalg import Posterior

__all__ = ["effect_information", "posterior"]


def effect_information(problem: Problem, mode: Mode) -> EffectInformation:
    """Observed information of the rows about the spherical effects, in the order of the layout."""
    order, lambdas = problem.order, mode.point.lambdas
    blocks = {f: _block(problem, mode, i) for i, f in enumerate(order)}
    pairs = {}
    for i, f in enumerate(order):
        for j in range(i + 1, len(order)):
            common = {"i": i, "j": j, "left": lambdas[i], "right": lambdas[j]}
            coupling = _joined(list(problem.shards.map(_part, mode.cross_products, **common)))
            g = order[j]
            pairs[min(f, g), max(f, g)] = (coupling if f < g else coupling.swapped()).merged()
    return EffectInformation(tuple(blocks[f] for f in range(len(order))), pairs)


def posterior(problem: Problem, mode: Mode) -> Posterior:
    """Posterior covariance of the effects u between any two levels, leading factor first."""
    return mode.system.posterior(problem.shards.map(_levels), problem.sizes)


def _levels(shard: Shard) -> tuple[Ints, ...]:
    return shard.levels


def _block(problem: Problem, mode: Mode, i: int) -> Floats:
    lambda_ = mode.point.lambdas[i]
    sums = list(mode.cross_products.map(_own, place=i))
    if i >= problem.n_nested:
        return congruence(lambda_, np.sum(sums, axis=0), lambda_)
    whole = np.empty((*lambda_.shape, problem.n_levels[i]))
    for levels, part in zip(problem.levels, sums, strict=True):
        whole[:, :, levels[i]] = part
    return congruence(lambda_, whole, lambda_)


def _own(cross_products: CrossProducts, place: int) -> Floats:
    return cross_products[place, place]


def _part(
    shard: Shard, cross_products: CrossProducts, i: int, j: int, left: Floats, right: Floats
) -> Coupling:
    pair, values = shard.pairs[i, j], congruence(left, cross_products[i, j], right)
    nested = dict(enumerate(shard.levels))
    return Coupling(
        nested[i][pair.left] if i in nested else pair.left,
        nested[j][pair.right] if j in nested else pair.right,
        values,
    )


def _joined(parts: Sequence[Coupling]) -> Coupling:
    left, right, values = zip(*parts, strict=True)
    return Coupling(np.concatenate(left), np.concatenate(right), np.concatenate(values, axis=-1))
