r"""The Hessian of the penalized log density in the spherical effects.

:math:`H = I + \Lambda^T Z^T W Z \Lambda`, assembled from sums over levels and over pairs of
levels, so that the factors :math:`\Lambda` are applied to levels, never to rows.
"""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.laplace._problem import Modes, Problem
from skglmm.laplace._shard import Moments, Shard
from skglmm.linalg import Arrowhead, Elimination, Inverse, factorize

__all__ = ["hessian", "inverse_moments", "prior_hessian", "sandwich", "scale", "solve"]


def sandwich(left: Floats, middle: Floats, right: Floats) -> Floats:
    """``left.T @ middle @ right`` for middle (k, k', P), along its last axis."""
    if left.size == right.size == 1:
        return np.asarray(middle * (left[0, 0] * right[0, 0]))
    rows, columns, n = middle.shape
    half = (left.T @ middle.reshape(rows, columns * n)).reshape(-1, columns, n)
    return np.asarray(right.T @ half)


def scale(roots: Sequence[Floats], sums: Sequence[Floats]) -> list[Floats]:
    """``root.T @ sums`` for each factor: derivatives in b become derivatives in u."""
    return [root.T @ part for root, part in zip(roots, sums, strict=True)]


def hessian(
    problem: Problem, moments: Sequence[Moments], roots: Sequence[Floats]
) -> Arrowhead | None:
    """Factorize H from the moments of each shard; None when it is not positive definite."""
    rest = problem.prior.rest(problem.n_rest)
    pieces = []
    for index, (shard, sums) in enumerate(zip(problem.shards, moments, strict=True)):
        blocks, coupling = _leading(sums, roots)
        problem.prior.add_to(index, blocks, coupling)
        pieces.append(Elimination.of(shard.pattern, blocks, coupling))
        _add_rest(shard, sums, roots, rest)
    return factorize(pieces, rest)


def prior_hessian(problem: Problem) -> Arrowhead | None:
    """Factorize H as it is before the rows are seen, on the pattern of the problem."""
    pieces = []
    for index, shard in enumerate(problem.shards):
        size, pattern = len(shard.loads[0].columns) if shard.loads else 0, shard.pattern
        blocks = np.zeros((size, size, pattern.n_levels))
        coupling = np.zeros((size, len(pattern.levels)))
        problem.prior.add_to(index, blocks, coupling)
        pieces.append(Elimination.of(pattern, blocks, coupling))
    return factorize(pieces, problem.prior.rest(problem.n_rest))


def _leading(sums: Moments, roots: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Blocks of the leading factor, and its coupling to the rest, in u."""
    if not roots:
        return np.zeros((0, 0, 0)), np.zeros((0, 0))
    size = len(roots[0])
    coupling = [
        sandwich(roots[0], sums[0, g], roots[g]).reshape(size, -1) for g in range(1, len(roots))
    ]
    blocks = sandwich(roots[0], sums[0, 0], roots[0])
    return blocks, np.hstack([np.zeros((size, 0)), *coupling])


def _add_rest(shard: Shard, sums: Moments, roots: Sequence[Floats], rest: Floats) -> None:
    """Add a shard's share of A_RR to the upper triangle of `rest`, in place."""
    for (f, g), (rows, columns) in shard.places.items():
        share = sandwich(roots[f], sums[f, g], roots[g])
        rest[rows, columns] += share  # every place occurs once, in the upper triangle


def solve(problem: Problem, system: Arrowhead, modes: Modes) -> Modes:
    """``inv(H)`` times a right-hand side in the shape of the modes."""
    return problem.join(*system.solve(*problem.split(modes)))


def inverse_moments(problem: Problem, shard: Shard, inverse: Inverse, index: int) -> Moments:
    """The blocks of ``inv(H)``, in u, that the rows of shard `index` meet."""
    if not problem.order:
        return {}
    blocks: Moments = {(0, 0): inverse.blocks[index]}
    size, start = len(inverse.blocks[index]), 0
    for g in range(1, len(problem.order)):
        n_columns, n_pairs = problem.sizes[g][0], len(shard.pairs[0, g].left)
        entries = inverse.cross[index][:, start : start + n_columns * n_pairs]
        blocks[0, g] = entries.reshape(size, n_columns, n_pairs)
        start += n_columns * n_pairs
    for (f, g), (rows, columns) in shard.places.items():
        blocks[f, g] = inverse.rest[rows, columns]
    return blocks
