r"""The exact gradient of the Laplace objective.

With g, W and T the first derivatives, minus the second and the third derivatives of the
weighted log density of a row, :math:`C_i = A_i H^{-1} A_i^T` and :math:`A_i = Z_i \Lambda`:

.. math::

    s_{il} = -\tfrac12 \sum_{jk} C_{ijk} T_{ijkl}, \quad
    v = H^{-1} \sum_i A_i^T s_i, \quad
    r_i = -g_i + s_i - W_i A_i v .

Then :math:`\partial L / \partial \beta_k = X_k^T r_k` and, for a parameter of a factor,
:math:`\langle d\Lambda, \bar r u^T + \bar g v^T + K \rangle` with the level sums
:math:`\bar r, \bar g` of r and g, and :math:`K = \sum Z^T W A H^{-1}` [1]_.

References
----------
.. [1] Kristensen, K., Nielsen, A., Berg, C. W., Skaug, H. & Bell, B. M. (2016). TMB:
   Automatic differentiation and Laplace approximation. Journal of Statistical Software,
   70(5), 1-21.
"""

import numpy as np

from skglmm.arrays import Floats
from skglmm.families import packed
from skglmm.laplace._mode import Mode, add_level_sums
from skglmm.laplace._params import Params
from skglmm.laplace._problem import Modes, Problem
from skglmm.laplace._shard import Moments, Rows, Shard
from skglmm.laplace._system import inverse_moments, sandwich, scale, solve

__all__ = ["effective_residual", "gradient", "logdet_slopes"]


def gradient(problem: Problem, mode: Mode) -> Floats:
    """Gradient of the objective in the parameter vector, shape (n_params,)."""
    point, roots = mode.point, mode.point.roots
    inverse = mode.system.inverse()
    kernels = [np.zeros((k, k)) for k, _ in problem.sizes]
    slopes = []
    for index, (shard, rows) in enumerate(zip(problem.shards, point.rows, strict=True)):
        blocks = inverse_moments(problem, shard, inverse, index)
        _add_kernels(kernels, mode.moments[index], blocks, roots)
        slopes.append(logdet_slopes(shard, rows, blocks, roots))
    pulled = [s.level_sums(row) for s, row in zip(problem.shards, slopes, strict=True)]
    v = solve(problem, mode.system, tuple(scale(roots, add_level_sums(problem, pulled))))
    lifted = [root @ part for root, part in zip(roots, v, strict=True)]
    residuals = [
        effective_residual(shard, rows, slope, lifted)
        for shard, rows, slope in zip(problem.shards, point.rows, slopes, strict=True)
    ]
    beta = [
        np.sum([s.pull(k, r[k]) for s, r in zip(problem.shards, residuals, strict=True)], axis=0)
        for k in range(len(problem.shape.n_coefficients))
    ]
    theta = _theta_gradient(problem, mode, residuals, v, kernels)
    return Params(tuple(beta), theta).pack()


def logdet_slopes(
    shard: Shard, rows: Rows, blocks: Moments, roots: tuple[Floats, ...]
) -> list[Floats]:
    """Derivative of half the log determinant in each row's predictors: K of shape (n,)."""
    assert rows.third is not None
    n_predictors = len(shard.fixed)
    slopes = [np.zeros(shard.n_rows) for _ in range(n_predictors)]
    for (j, k), spread in _row_covariances(shard, blocks, roots).items():
        factor = -0.5 if j == k else -1.0
        weighted = factor * spread
        for m in range(n_predictors):
            slopes[m] += weighted * rows.third[packed(n_predictors, j, k, m)]
    return slopes


def _row_covariances(
    shard: Shard, blocks: Moments, roots: tuple[Floats, ...]
) -> dict[tuple[int, int], Floats]:
    """Posterior covariance of each row's predictors j <= k, shape (n,)."""
    found: dict[tuple[int, int], Floats] = {}
    for (f, g), block in blocks.items():
        left, right = shard.loads[f], shard.loads[g]
        grouping = left.grouping if f == g else shard.pairs[f, g].grouping
        spread = sandwich(roots[f].T, block, roots[g].T)
        for c, (z, j) in enumerate(zip(left.columns, left.predictors, strict=True)):
            for d in range(c if f == g else 0, len(right.columns)):
                k, same = right.predictors[d], f == g and c == d
                twice = 2.0 if j == k and not same else 1.0  # the mirrored block
                part = grouping.spread(twice * spread[c, d])
                for column in (z, right.columns[d]):
                    if column is not None:
                        part = part * column
                key = (min(j, k), max(j, k))
                found[key] = found[key] + part if key in found else part
    return found


def _add_kernels(
    kernels: list[Floats], moments: Moments, blocks: Moments, roots: tuple[Floats, ...]
) -> None:
    """Add a shard's share of K = sum of Z'W A inv(H) to the kernels of the factors."""
    for (f, g), block in blocks.items():
        weights = moments[f, g]
        kernels[f] += _contract(weights, roots[g] @ block)
        if f != g:
            lifted = (roots[f] @ block.reshape(len(block), -1)).reshape(-1, *block.shape[1:])
            kernels[g] += _contract(np.swapaxes(weights, 0, 1), np.swapaxes(lifted, 0, 1))


def _contract(left: Floats, right: Floats) -> Floats:
    """Sum over the last two axes: (c, d, P) and (a, d, P) to (c, a)."""
    return np.asarray(left.reshape(len(left), -1) @ right.reshape(len(right), -1).T)


def effective_residual(
    shard: Shard, rows: Rows, slopes: list[Floats], lifted: list[Floats]
) -> list[Floats]:
    """The effective residual r of each predictor, K of shape (n,)."""
    n_predictors = len(slopes)
    moved = shard.random_part(lifted)
    residual = []
    for m, slope in enumerate(slopes):
        row = slope - rows.grad[m]
        for j in shard.active:
            row += rows.hess[packed(n_predictors, j, m)] * moved[j]
        residual.append(row)
    return residual


def _theta_gradient(
    problem: Problem, mode: Mode, residuals: list[list[Floats]], v: Modes, kernels: list[Floats]
) -> tuple[Floats, ...]:
    """Gradient in the covariance parameters of each factor, in the order of the layout."""
    point = mode.point
    shards = problem.shards
    r_bar = add_level_sums(
        problem, [s.level_sums(r) for s, r in zip(shards, residuals, strict=True)]
    )
    g_bar = add_level_sums(
        problem, [s.level_sums(r.grad) for s, r in zip(shards, point.rows, strict=True)]
    )
    pieces: dict[int, Floats] = {}
    for i, f in enumerate(problem.order):
        kernel = kernels[i] + r_bar[i] @ point.u[i].T + g_bar[i] @ v[i].T
        change = problem.covariances[f].factor_grad(point.params.theta[f])
        pieces[f] = np.tensordot(change, kernel, axes=2)
    return tuple(pieces[f] for f in range(len(pieces)))
