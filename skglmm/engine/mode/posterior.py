"""Observed information about the random effects at the mode, and their posterior covariance."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.prior import Coupling, EffectInformation
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.records import Mode
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import Posterior, congruence
from skglmm.parts import Parts

__all__ = [
    "cross_product_information",
    "effect_information",
    "level_blocks",
    "n_pairs",
    "posterior",
]


def effect_information(problem: Problem, mode: Mode) -> EffectInformation:
    """Observed information of the rows about the spherical effects, in the order of the layout."""
    return cross_product_information(problem, mode.cross_products, mode.point.lambdas)


def cross_product_information(
    problem: Problem, cross_products: Parts[CrossProducts], lambdas: Sequence[Floats]
) -> EffectInformation:
    """Cross-products of all shards, in the order of the layout, of effects ``lambda @ u``.

    Parameters
    ----------
    problem : Problem
    cross_products : Parts of mapping
        Of the factors of the problem; others may follow.
    lambdas : sequence of ndarray, each of shape (k, k)
        Leading factor first.
    """
    order = problem.order
    blocks = {f: _block(problem, cross_products, lambdas[i], i) for i, f in enumerate(order)}
    pairs = {}
    for i, f in enumerate(order):
        for j in range(i + 1, len(order)):
            common = {"i": i, "j": j, "left": lambdas[i], "right": lambdas[j]}
            coupling = _joined(list(problem.shards.map(_part, cross_products, **common)))
            g = order[j]
            pairs[min(f, g), max(f, g)] = (coupling if f < g else coupling.swapped()).merged()
    return EffectInformation(tuple(blocks[f] for f in range(len(order))), pairs)


def n_pairs(problem: Problem) -> int:
    """Return how many pairs of levels of two factors meet in some row."""
    return int(problem.shards.map(_n_pairs).total())


def _n_pairs(shard: Shard) -> int:
    return sum(len(pair.left) for pair in shard.pairs.values())


def posterior(problem: Problem, mode: Mode) -> Posterior:
    """Posterior covariance of the effects u between any two levels, leading factor first."""
    return mode.system.posterior(problem.shards.map(_levels), problem.sizes)


def _levels(shard: Shard) -> tuple[Ints, ...]:
    return shard.levels


def _block(
    problem: Problem, cross_products: Parts[CrossProducts], lambda_: Floats, i: int
) -> Floats:
    whole = level_blocks(problem, list(cross_products.map(_own, place=(i, i))), i)
    return congruence(lambda_, whole, lambda_)


def level_blocks(problem: Problem, sums: Sequence[Floats], i: int) -> Floats:
    """Blocks of all levels, (..., L), of the i-th factor, from those of each shard."""
    if i >= problem.n_nested:
        return np.asarray(np.sum(sums, axis=0))
    whole = np.empty((*sums[0].shape[:-1], problem.n_levels[i]))
    for levels, part in zip(problem.levels, sums, strict=True):
        whole[..., levels[i]] = part
    return whole


def _own(cross_products: CrossProducts, place: tuple[int, int]) -> Floats:
    return cross_products[place]


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
