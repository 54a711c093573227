r"""The Hessian of the penalized log density in the spherical effects.

:math:`H = I + \Lambda^T Z^T W Z \Lambda`, assembled from sums over levels and over pairs of
levels, so that the factors :math:`\Lambda` are applied to levels, never to rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Split
from skglmm.engine.rows.shard import Moments, Shard
from skglmm.linalg import Blocks, Elimination, LinearSystem, factorize
from skglmm.parts import Parts

__all__ = ["hessian", "inverse_moments", "prior_hessian", "sandwich", "scaled", "solve"]


def sandwich(left: Floats, middle: Floats, right: Floats) -> Floats:
    """Congruence ``left.T @ middle @ right`` for middle (k, k', P), along its last axis."""
    if left.size == right.size == 1:
        return np.asarray(middle * (left[0, 0] * right[0, 0]))
    rows, columns, n = middle.shape
    half = (left.T @ middle.reshape(rows, columns * n)).reshape(-1, columns, n)
    return np.asarray(right.T @ half)


def scaled(sums: Sequence[Floats], roots: Sequence[Floats]) -> list[Floats]:
    """``root.T @ sums`` for each factor: derivatives in b become derivatives in u."""
    return [root.T @ part for root, part in zip(roots, sums, strict=True)]


def hessian(
    problem: Problem, moments: Parts[Moments], roots: Sequence[Floats]
) -> LinearSystem | None:
    """Factorize H from the moments of each shard; None when it is not positive definite."""
    prior = problem.prior
    rest = prior.rest(problem.n_rest)
    pieces = problem.shards.map(_eliminated, moments, *prior.known, roots=roots, add=prior.add)
    if len(rest):
        rest = problem.shards.accumulate(_add_rest, rest, moments, roots=roots)
    return factorize(pieces, rest)


def prior_hessian(problem: Problem) -> LinearSystem | None:
    """Factorize H as it is before the rows are seen, on the pattern of the problem."""
    prior = problem.prior
    pieces = problem.shards.map(_prior_alone, *prior.known, add=prior.add)
    return factorize(pieces, prior.rest(problem.n_rest))


def _blocks(shard: Shard, sums: Moments, roots: Sequence[Floats]) -> Blocks:
    """Blocks of H in u: of nested factors, and between these and the crossed ones."""
    n_owned, found = len(shard.levels), Blocks([], {}, [])
    for i in range(n_owned):
        found.own.append(sandwich(roots[i], sums[i, i], roots[i]))
        coupling = [np.zeros((len(roots[i]), 0))]
        for g in range(i + 1, len(roots)):
            block = sandwich(roots[i], sums[i, g], roots[g])
            if g < n_owned:
                found.between[i, g] = block
            else:
                coupling.append(block.reshape(len(block), -1))
        found.rest.append(np.hstack(coupling))
    return found


def _no_blocks(shard: Shard) -> Blocks:
    found = Blocks([], {}, [])
    for i, pattern in enumerate(shard.chain.patterns):
        size = len(shard.loads[i].columns)
        found.own.append(np.zeros((size, size, pattern.n_levels)))
        found.rest.append(np.zeros((size, len(pattern.levels))))
        for j in range(i + 1, len(shard.levels)):
            found.between[i, j] = np.zeros((size, len(shard.loads[j].columns), pattern.n_levels))
    return found


def _eliminated(
    shard: Shard,
    sums: Moments,
    *known: Any,
    roots: Sequence[Floats],
    add: Callable[..., None],
) -> Elimination | None:
    blocks = _blocks(shard, sums, roots)
    add(blocks, *known)
    return Elimination.of(shard.chain, blocks)


def _prior_alone(shard: Shard, *known: Any, add: Callable[..., None]) -> Elimination | None:
    blocks = _no_blocks(shard)
    add(blocks, *known)
    return Elimination.of(shard.chain, blocks)


def _add_rest(shard: Shard, rest: Floats, sums: Moments, roots: Sequence[Floats]) -> None:
    """Add a shard's share of A_RR to the upper triangle of `rest`, in place."""
    for (f, g), (rows, columns) in shard.places.items():
        share = sandwich(roots[f], sums[f, g], roots[g])
        rest[rows, columns] += share  # every place occurs once, in the upper triangle


def solve(system: LinearSystem, right: Split) -> Split:
    """``inv(H)`` times a right-hand side in the shape of the modes."""
    return Split(*system.solve(right.tops, right.rest))


def inverse_moments(shard: Shard, piece: Blocks, rest: Floats) -> Moments:
    """The blocks of ``inv(H)``, in u, that the rows of a shard meet.

    `piece` is the inverse on the chain of the shard, and `rest` that of the rest.
    """
    n_owned = len(shard.levels)
    blocks: Moments = {(i, i): piece.own[i] for i in range(n_owned)}
    blocks.update(piece.between)
    for i in range(n_owned):
        size, start = len(piece.own[i]), 0
        for g in range(n_owned, len(shard.loads)):
            n_columns, n_pairs = len(shard.loads[g].columns), len(shard.pairs[i, g].left)
            entries = piece.rest[i][:, start : start + n_columns * n_pairs]
            blocks[i, g] = entries.reshape(size, n_columns, n_pairs)
            start += n_columns * n_pairs
    for (f, g), (rows, columns) in shard.places.items():
        blocks[f, g] = rest[rows, columns]
    return blocks
