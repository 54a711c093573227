r"""The Hessian of the penalized log density in the spherical effects.

:math:`H = I + \Lambda^T Z^T W Z \Lambda`, assembled from sums over levels and over pairs of
levels, so that the factors :math:`\Lambda` are applied to levels, never to rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import iterative
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import (
    Blocks,
    Elimination,
    LinearSystem,
    congruence,
    factorize,
    without_chain,
)
from skglmm.parts import Parts

__all__ = [
    "chain_blocks",
    "hessian",
    "inverse_blocks",
    "level_sums",
    "no_blocks",
    "prior_hessian",
    "scaled",
    "solve",
]


def scaled(sums: Sequence[Floats], lambdas: Sequence[Floats]) -> list[Floats]:
    """``lambda_.T @ sums`` for each factor: derivatives in b become derivatives in u."""
    return [lambda_.T @ part for lambda_, part in zip(lambdas, sums, strict=True)]


def level_sums(problem: Problem, rows: Parts[Any], lambdas: Sequence[Floats]) -> Effects:
    """``A.T @ rows``: derivatives in the predictors of each row become those in u."""
    return problem.gather(problem.shards.map(_level_sums, rows, lambdas=lambdas))


def _level_sums(shard: Shard, rows: Any, lambdas: Sequence[Floats]) -> list[Floats]:
    return scaled(shard.level_sums(rows), lambdas)


def hessian(
    problem: Problem, cross_products: Parts[CrossProducts], lambdas: Sequence[Floats]
) -> LinearSystem | None:
    """Factorize H from the cross-products of each shard; None when it is not positive definite."""
    prior = problem.prior
    if problem.n_crossed and not problem.n_nested:
        crossed = prior.crossed(problem.n_crossed)
        crossed = problem.shards.accumulate(_add_crossed, crossed, cross_products, lambdas=lambdas)
        return without_chain(problem.no_chain, crossed)
    pieces = problem.renewably(
        _eliminated, cross_products, *prior.known, lambdas=lambdas, add=prior.add
    )
    if problem.plan is not None:
        return _iterative(problem, pieces, cross_products, lambdas)
    crossed = prior.crossed(problem.n_crossed)
    if len(crossed):
        crossed = problem.shards.accumulate(_add_crossed, crossed, cross_products, lambdas=lambdas)
    return factorize(pieces, crossed)


def _iterative(
    problem: Problem,
    pieces: Parts[Any],
    cross_products: Parts[CrossProducts],
    lambdas: Sequence[Floats],
) -> LinearSystem | None:
    """The same where the crossed effects are too many for a dense matrix."""
    if pieces.map(_is_none).total():
        return None
    known = problem.prior.corner_on(problem.sizes[problem.n_nested :])
    assert problem.plan is not None
    return iterative.iterative_system(
        problem.shards, pieces, cross_products, lambdas, known, problem.plan
    )


def _is_none(piece: Elimination | None) -> int:
    return int(piece is None)


def _no_sums(shard: Shard) -> CrossProducts:
    """Cross-products of crossed factors that have no rows."""
    found = {}
    for f, g in shard.places:
        left, right = (shard.factors[h].n_columns for h in (f, g))
        n = shard.factors[f].grouping.size if f == g else len(shard.pairs[f, g].left)
        found[f, g] = np.zeros((left, right, n))
    return found


def prior_hessian(problem: Problem) -> LinearSystem | None:
    """Factorize H as it is before the rows are seen, on the pattern of the problem."""
    prior = problem.prior
    pieces = problem.shards.map(_prior_alone, *prior.known, add=prior.add)
    if problem.plan is not None:
        units = [np.eye(k) for k, _ in problem.sizes]
        return _iterative(problem, pieces, problem.shards.map(_no_sums), units)
    return factorize(pieces, prior.crossed(problem.n_crossed))


def chain_blocks(shard: Shard, sums: CrossProducts, lambdas: Sequence[Floats]) -> Blocks:
    """Blocks of H in u: of nested factors, and between these and the crossed ones."""
    n_nested, found = len(shard.levels), Blocks([], {}, [])
    for i in range(n_nested):
        found.own.append(congruence(lambdas[i], sums[i, i], lambdas[i]))
        coupling = [np.zeros((len(lambdas[i]), 0))]
        for g in range(i + 1, len(lambdas)):
            block = congruence(lambdas[i], sums[i, g], lambdas[g])
            if g < n_nested:
                found.between[i, g] = block
            else:
                coupling.append(block.reshape(len(block), -1))
        found.crossed.append(np.hstack(coupling))
    return found


def no_blocks(shard: Shard) -> Blocks:
    """Blocks of zeros on the pattern of a shard."""
    found = Blocks([], {}, [])
    for i, pattern in enumerate(shard.chain.patterns):
        size = shard.factors[i].n_columns
        found.own.append(np.zeros((size, size, pattern.n_levels)))
        found.crossed.append(np.zeros((size, len(pattern.levels))))
        for j in range(i + 1, len(shard.levels)):
            found.between[i, j] = np.zeros((size, shard.factors[j].n_columns, pattern.n_levels))
    return found


def _eliminated(
    shard: Shard,
    sums: CrossProducts,
    *known: Any,
    lambdas: Sequence[Floats],
    add: Callable[..., None],
) -> Elimination | None:
    blocks = chain_blocks(shard, sums, lambdas)
    add(blocks, *known)
    return Elimination.of(shard.chain, blocks)


def _prior_alone(shard: Shard, *known: Any, add: Callable[..., None]) -> Elimination | None:
    blocks = no_blocks(shard)
    add(blocks, *known)
    return Elimination.of(shard.chain, blocks)


def _add_crossed(
    shard: Shard, crossed: Floats, sums: CrossProducts, lambdas: Sequence[Floats]
) -> None:
    shard.add_crossed(crossed, sums, lambdas)


def solve(system: LinearSystem, right: Effects) -> Effects:
    """``inv(H)`` times a right-hand side in the shape of the modes."""
    return right.like(*system.solve(right.nested, right.crossed))


def inverse_blocks(
    shard: Shard, piece: Blocks, crossed: Floats | iterative.CrossedInverse
) -> CrossProducts:
    """The blocks of ``inv(H)``, in u, that the rows of a shard meet.

    `piece` is the inverse on the chain of the shard, and `crossed` that of the crossed factors.
    """
    n_nested = len(shard.levels)
    found: CrossProducts
    if isinstance(crossed, np.ndarray):
        found = shard.at_places(crossed)
    else:
        found = crossed.at_places(shard.places, n_nested)
    if not n_nested:
        return found
    blocks = {(i, i): piece.own[i] for i in range(n_nested)}
    blocks.update(piece.between)
    for i in range(n_nested):
        size, start = len(piece.own[i]), 0
        for g in range(n_nested, len(shard.factors)):
            n_columns, n_pairs = shard.factors[g].n_columns, len(shard.pairs[i, g].left)
            entries = piece.crossed[i][:, start : start + n_columns * n_pairs]
            blocks[i, g] = entries.reshape(size, n_columns, n_pairs)
            start += n_columns * n_pairs
    return {**blocks, **found}
