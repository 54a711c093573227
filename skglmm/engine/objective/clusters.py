r"""The gradient of each cluster's share of the Laplace objective.

Where no two clusters share a level, H has no entries between them: the objective is a sum over
clusters, and so is each sum over rows, levels or pairs of levels that its gradient consists of.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.mode.point import score_sums
from skglmm.engine.mode.system import inverse_blocks, level_sums, solve
from skglmm.engine.objective.gradient import effective_residual, logdet_slopes
from skglmm.engine.problem.problem import Modes, Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.records import Mode, State
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import NestedEffects, left_product
from skglmm.parts import Parts

__all__ = ["add_up", "cluster_gradients"]

Shares = tuple[int, Floats, Ints]  # factor, (k, k, P) to be contracted with its slopes, clusters


def cluster_gradients(problem: Problem, mode: Mode, clusters: Ints) -> Floats:
    """Gradient of the objective of each cluster of rows, shape (n_clusters, n_params).

    Parameters
    ----------
    problem : Problem
    mode : Mode
    clusters : ndarray of int, shape (n,)
        Cluster of each row, from 0, in the order of the design. The rows of a level, of any
        factor, must be of one cluster.
    """
    point, shards = mode.point, problem.shards
    of_rows = _of_rows(problem, clusters)
    of_levels = _of_levels(problem, of_rows)
    inverse = mode.system.inverse()
    blocks = shards.map(inverse_blocks, inverse.pieces, crossed=inverse.crossed)
    slopes = shards.map(logdet_slopes, point.states, blocks, lambdas=point.lambdas)
    v = problem.join(solve(mode.system, level_sums(problem, slopes, point.lambdas)))
    lifted = problem.split(
        tuple(lambda_ @ part for lambda_, part in zip(point.lambdas, v, strict=True))
    )
    crossed = problem.cut_crossed(lifted.crossed)
    residuals = shards.map(_residual, point.states, slopes, lifted.nested, crossed=crossed)
    n_clusters = int(clusters.max(initial=-1)) + 1
    shares = [
        *_level_shares(problem, mode, residuals, v, of_levels),
        *_pair_shares(problem, mode, blocks, of_levels),
    ]
    beta = _fixed_part(problem, residuals, of_rows, n_clusters)
    return np.hstack([*beta, *_theta_part(problem, mode, shares, n_clusters)])


def add_up(
    problem: Problem,
    mode: Mode,
    clusters: Ints,
    residuals: Parts[list[Floats]],
    kernels: Parts[list[Floats]],
) -> Floats:
    """Add the gradients in rows and levels up, where no factors are crossed.

    Parameters
    ----------
    problem : Problem
    mode : Mode
    clusters : ndarray of int, shape (n,)
        See `cluster_gradients`.
    residuals : Parts of list of ndarray, each of shape (n,)
        Gradient of the objective in each linear predictor.
    kernels : Parts of list of ndarray, each of shape (k, k, L)
        Gradient in that of its covariance, of each level of each factor.
    """
    of_rows = _of_rows(problem, clusters)
    of_levels = _of_levels(problem, of_rows)
    n_clusters = int(clusters.max(initial=-1)) + 1
    shares = [
        (f, kernel, of_levels[f][_global(shard, f)])
        for shard, parts in zip(problem.shards, kernels, strict=True)
        for f, kernel in enumerate(parts)
    ]
    beta = _fixed_part(problem, residuals, of_rows, n_clusters)
    return np.hstack([*beta, *_theta_part(problem, mode, shares, n_clusters)])


def _of_rows(problem: Problem, clusters: Ints) -> list[Ints]:
    ends = np.cumsum([shard.n_rows for shard in problem.shards])[:-1]
    return np.split(clusters[problem.rows], ends)


def _residual(
    shard: Shard, state: State, slopes: list[Floats], own: NestedEffects, crossed: Sequence[Floats]
) -> list[Floats]:
    return effective_residual(shard, state.rows, slopes, [*own, *crossed])


def _of_levels(problem: Problem, of_rows: Sequence[Ints]) -> list[Ints]:
    """Cluster of each level of the factors, leading one first; 0 for levels without rows."""
    found = [np.zeros(n, dtype=np.intp) for _, n in problem.sizes]
    for shard, codes in zip(problem.shards, of_rows, strict=True):
        for f, factor in enumerate(shard.factors):
            found[f][_global(shard, f)[factor.grouping.codes]] = codes
    return found


def _global(shard: Shard, f: int) -> Ints:
    """The levels of factor f that a shard numbers 0, 1, …."""
    if f < len(shard.levels):
        return shard.levels[f]
    return np.arange(shard.factors[f].grouping.size)


def _fixed_part(
    problem: Problem, residuals: Parts[list[Floats]], of_rows: Sequence[Ints], n: int
) -> Iterator[Floats]:
    """Gradient in the fixed effects of each predictor, (n, p_k)."""
    for k, n_columns in enumerate(problem.shape.n_coefficients):
        part = np.zeros((n, n_columns))
        for shard, residual, codes in zip(problem.shards, residuals, of_rows, strict=True):
            for j, column in enumerate(shard.fixed[k].T):
                part[:, j] += np.bincount(codes, column * residual[k], n)
        yield part


def _level_shares(
    problem: Problem,
    mode: Mode,
    residuals: Parts[list[Floats]],
    v: Modes,
    of_levels: Sequence[Ints],
) -> Iterator[Shares]:
    """What levels add: sums of the residuals times u, sums of the scores times v."""
    r_bar = problem.join(problem.gather(problem.shards.map(_sums, residuals)))
    g_bar, u = problem.join(score_sums(problem, mode.point)), problem.join(mode.point.u)
    for f, codes in enumerate(of_levels):
        by_u = r_bar[f][:, None] * u[f]
        yield f, by_u + g_bar[f][:, None] * v[f], codes


def _sums(shard: Shard, residual: list[Floats]) -> list[Floats]:
    return shard.level_sums(residual)


def _pair_shares(
    problem: Problem, mode: Mode, blocks: Parts[CrossProducts], of_levels: Sequence[Ints]
) -> Iterator[Shares]:
    """What levels and pairs of levels add through the log determinant: Z'W A inv(H)."""
    lambdas = mode.point.lambdas
    for shard, cross_products, parts in zip(
        problem.shards, mode.cross_products, blocks, strict=True
    ):
        for (f, g), block in parts.items():
            codes = _of_pairs(shard, f, g, of_levels)
            weights = cross_products[f, g]
            if weights.ndim == 2:  # one-hot effects
                lifted = left_product(lambdas[f], block)
                yield f, weights[:, None] * lifted, codes
                continue
            yield f, np.einsum("cdp,de,aep->cap", weights, lambdas[g], block), codes
            if f != g:
                yield g, np.einsum("cdp,ca,aep->dep", weights, lambdas[f], block), codes


def _of_pairs(shard: Shard, f: int, g: int, of_levels: Sequence[Ints]) -> Ints:
    """Cluster of each level of f, or of each pair of levels of f and g, of a shard."""
    own = of_levels[f][_global(shard, f)]
    return own if f == g else own[shard.pairs[f, g].left]


def _theta_part(problem: Problem, mode: Mode, shares: Sequence[Shares], n: int) -> Iterator[Floats]:
    """Gradient in the covariance parameters of each factor, (n, n_theta), in layout order."""
    for f, covariance in enumerate(problem.covariances):
        theta = mode.point.params.theta[f]
        part = np.zeros((n, len(theta)))
        for owner, share, codes in shares:
            if owner == problem.order.index(f):
                for m, row in enumerate(covariance.slope(theta, share)):
                    part[:, m] += np.bincount(codes, row, n)
        yield part
