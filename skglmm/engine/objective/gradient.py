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

from collections.abc import Sequence
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.mode.system import inverse_blocks, level_sums, solve
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import Mode, State
from skglmm.engine.rows.rows import AnyRows, moved
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import NestedEffects
from skglmm.parts import added

__all__ = ["effective_residual", "gradient", "logdet_slopes"]

Lambdas = tuple[Floats, ...]
Common = tuple[tuple[Sequence[Floats], Sequence[Floats]], Lambdas]  # crossed u and v


def gradient(problem: Problem, mode: Mode) -> tuple[Floats, float, float]:
    """Gradient of the objective in the parameter vector, shape (n_params,), at the mode.

    Where a step is left to the mode, the gradient of h is that at its end, by Taylor's formula,
    and the slopes of the log determinant are those where it begins: off by the order of the
    step, of which they are a small part.

    Returns
    -------
    gradient : ndarray, shape (n_params,)
    end : float
        The value of h where the step ends.
    rise : float
        By how much half the log determinant grows along the step.
    """
    point, shards = mode.point, problem.shards
    inverse = mode.system.inverse()
    blocks = shards.map(inverse_blocks, inverse.pieces, crossed=inverse.crossed)
    slopes = shards.map(logdet_slopes, point.states, blocks, lambdas=point.lambdas)
    kernels = shards.map(_level_kernels, mode.cross_products, blocks, lambdas=point.lambdas)
    del inverse, blocks  # as large as the rows, where all pairs of levels are different
    sums = level_sums(problem, slopes, point.lambdas)
    v = solve(mode.system, sums)
    u = mode.u
    common = (problem.cut_crossed(u.crossed), problem.cut_crossed(v.crossed)), point.lambdas
    parts = (slopes, kernels, u.nested, v.nested)
    if mode.step is None:
        rows, end = point.states.map(_rows), point.value
        beta, whole = shards.map(_shares, rows, *parts, common=common).total()
    else:
        move = u.plus(point.u, -1.0)  # to the last digit of its end
        step = problem.cut_crossed(move.crossed)
        after = shards.map(
            _shares_after, point.states, move.nested, *parts, step=step, common=common
        )
        (beta, whole), value = after.total()
        end = problem.prior.halves(u).total() - value
    theta: dict[int, Floats] = {}
    for kernel, f in zip(whole, problem.order, strict=True):
        theta[f] = problem.covariances[f].slope(point.params.theta[f], kernel)
    packed_slopes = Params(tuple(beta), tuple(theta[f] for f in range(len(theta)))).pack()
    return packed_slopes, end, 0.0 if mode.step is None else sums.dot(mode.step)


def _level_kernels(
    shard: Shard, sums: CrossProducts, blocks: CrossProducts, lambdas: Lambdas
) -> list[Floats]:
    return shard.level_kernels(sums, blocks, lambdas)


def _rows(state: State) -> AnyRows:
    return state.rows


def _shares_after(
    shard: Shard,
    state: State,
    nested: NestedEffects,
    *parts: Any,
    step: Sequence[Floats],
    common: Common,
) -> tuple[tuple[list[Floats], list[Floats]], float]:
    """The same after a step of the effects, by Taylor's formula, and the log density there."""
    pairs = zip(common[1], (*nested, *step), strict=True)
    change = shard.random_move([lambda_ @ part for lambda_, part in pairs])
    rows, (slopes, kernels, u, v) = moved(state.rows, change, shard.packing, shard.active), parts
    return _shares(shard, rows, slopes, kernels, u, v, common), rows.value


def _shares(
    shard: Shard,
    rows: AnyRows,
    slopes: list[Floats],
    kernels: list[Floats],
    u: NestedEffects,
    v: NestedEffects,
    common: Common,
) -> tuple[list[Floats], list[Floats]]:
    """A shard's share of the gradients in beta, and in the factors of the covariances."""
    (crossed, lambdas), rows = common, rows.to_second()
    u, v = (*u, *crossed[0]), (*v, *crossed[1])
    lifted = [lambda_ @ part for lambda_, part in zip(lambdas, v, strict=True)]
    residual = effective_residual(shard, rows, slopes, lifted)
    sums = zip(shard.level_sums(residual), shard.level_sums(rows.grad), u, v, strict=True)
    outer = [r_bar @ here.T + g_bar @ there.T for r_bar, g_bar, here, there in sums]
    return [shard.pull(k, row) for k, row in enumerate(residual)], added(kernels, outer)


def logdet_slopes(
    shard: Shard, state: State, blocks: CrossProducts, lambdas: Lambdas
) -> list[Floats]:
    """Derivative of half the log determinant in each row's predictors: K of shape (n,)."""
    rows = state.rows
    third = rows.third
    assert third is not None
    slopes: list[Floats | None] = [None] * len(shard.fixed)
    for (j, k), covariance in shard.row_covariances(blocks, lambdas).items():
        weighted = np.multiply(-0.5 if j == k else -1.0, covariance, out=covariance)
        for m, row in shard.packing.further((j, k)):
            part, before = weighted * third[row], slopes[m]
            slopes[m] = part if before is None else np.add(before, part, out=part)
    return [np.zeros(shard.n_rows) if slope is None else slope for slope in slopes]


def effective_residual(
    shard: Shard, rows: AnyRows, slopes: list[Floats], lifted: list[Floats]
) -> list[Floats]:
    """The effective residual r of each predictor, K of shape (n,)."""
    moved = shard.random_part(lifted)
    residual = []
    for m, slope in enumerate(slopes):
        row = slope - rows.grad[m]
        for j in shard.active:
            place = shard.packing.row(j, m)
            if place is not None:
                row += rows.hess[place] * moved[j]
        residual.append(row)
    return residual
