r"""How the mode moves with the parameters, and the information about the fixed effects.

Differentiating :math:`\nabla_u h(\hat u, \psi) = 0` gives
:math:`d\hat u = H^{-1} [d\Lambda^T \bar g - \Lambda^T Z^T W d\eta]` with
:math:`d\eta = X d\beta + Z\, d\Lambda\, \hat u`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance import Covariance
from skglmm.engine.mode.system import scaled, solve
from skglmm.engine.problem.problem import Modes, Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects, products
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import Mode, Point, State
from skglmm.engine.rows.rows import AnyRows, Move
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import (
    NestedEffects,
    block_diagonal,
    by_matrix,
    cholesky,
    congruence,
    full_matrices,
    is_large,
    left_product,
    solve_lower,
)
from skglmm.parts import Parts

__all__ = [
    "fixed_information",
    "fixed_score",
    "information",
    "jacobian",
    "level_totals",
    "observed_information",
    "tangent",
    "theta_information",
]


def tangent(problem: Problem, mode: Mode, direction: Floats) -> Effects:
    """Derivative of the mode along a direction, shape (n_params,), of the parameters."""
    return solve(mode.system, _force(problem, mode, direction))


def jacobian(problem: Problem, mode: Mode, before: Modes | None = None) -> Modes:
    """Derivative of the mode in each parameter: (n_params, k, L) for each factor.

    `before`, of the same shape, is how the mean of the prior moves, if it does; how its
    precision moves is left out.
    """
    columns = []
    for index, unit in enumerate(np.eye(problem.shape.n_params)):
        force = _force(problem, mode, unit)
        if before is not None:
            moved = problem.split(tuple(part[index] for part in before))
            force = force.plus(problem.prior.times(moved))
        columns.append(problem.join(solve(mode.system, force)))
    return tuple(np.stack(parts) for parts in zip(*columns, strict=True))


def information(problem: Problem, mode: Mode) -> Floats:
    """Hessian of h in the fixed effects with the random effects profiled out.

    Shape (n_beta, n_beta): X'WX less what the random effects can explain.
    """
    n_beta = problem.shape.n_beta
    full = observed_information(problem, mode.point)
    if not problem.order:
        return full
    units = np.eye(problem.shape.n_params)[:n_beta]
    forces = [_force(problem, mode, unit) for unit in units]
    explained = products(forces, [solve(mode.system, force) for force in forces])
    return np.asarray(full - 0.5 * (explained + explained.T))


def observed_information(problem: Problem, point: Point) -> Floats:
    """X'WX at a point, shape (n_beta, n_beta)."""
    return fixed_information(problem, point.states.map(_observed))


def _observed(state: State) -> Floats:
    return state.rows.hess


def _force(problem: Problem, mode: Mode, direction: Floats) -> Effects:
    """Minus the change of the gradient of h in u along a direction."""
    point = mode.point
    move = Params.unpack(direction, problem.shape)
    changes = [
        problem.covariances[f].move(point.params.theta[f], move.theta[f]) for f in problem.order
    ]
    forces = problem.shards.map(
        _shard_force,
        *(point.states, point.u.nested),
        crossed=problem.cut_crossed(point.u.crossed),
        beta=move.beta,
        changes=changes,
        lambdas=point.lambdas,
    )
    return problem.gather(forces)


def _shard_force(
    shard: Shard,
    state: State,
    own: NestedEffects,
    crossed: Sequence[Floats],
    beta: Sequence[Floats],
    changes: Sequence[Floats],
    lambdas: Sequence[Floats],
) -> list[Floats]:
    u = (*own, *crossed)
    move = shard.move(beta, [change @ part for change, part in zip(changes, u, strict=True)])
    bent = scaled(shard.level_sums(_bent(shard, state.rows, move)), lambdas)
    if not any(change.any() for change in changes):
        return bent
    moved = scaled(shard.level_sums(state.rows.grad), changes)
    return [a + b for a, b in zip(bent, moved, strict=True)]


def _bent(shard: Shard, rows: AnyRows, move: Move) -> dict[int, Floats]:
    """``hess @ move`` of each row, for the predictors that carry random effects, by predictor."""
    out: dict[int, Floats] = {}
    for j in shard.active:
        for k, step in enumerate(move):
            row = shard.packing.row(j, k)
            if step is not None and row is not None:
                part = rows.hess[row] * step
                out[j] = part if j not in out else np.add(out[j], part, out=part)
        out.setdefault(j, np.zeros(shard.n_rows))
    return out


def fixed_score(problem: Problem, point: Point) -> Floats:
    """Gradient of the log density in the fixed effects, shape (n_beta,)."""
    return np.concatenate(problem.shards.map(_pulled, point.states).total())


def _pulled(shard: Shard, state: State) -> list[Floats]:
    return [shard.pull(k, row) for k, row in enumerate(state.rows.grad)]


def fixed_information(problem: Problem, hessians: Parts[Floats]) -> Floats:
    """X'WX over all predictors, shape (n_beta, n_beta), with minus W in `hessians`."""
    return problem.shards.map(_fixed_information, hessians).total()


def _fixed_information(shard: Shard, hess: Floats) -> Floats:
    every = range(len(shard.fixed))
    return np.block([[_product(shard, hess, j, k) for k in every] for j in every])


def _product(shard: Shard, hess: Floats, j: int, k: int) -> Floats:
    """``-X_j.T @ diag(hess) @ X_k``, shape (p_j, p_k)."""
    left, right, row = shard.fixed[j], shard.fixed[k], shard.packing.row(j, k)
    if row is None:
        return np.zeros((left.shape[1], right.shape[1]))
    product = np.empty((left.shape[1], right.shape[1]))
    for column in range(right.shape[1]):
        product[:, column] = shard.pull(j, -hess[row] * right[:, column])
    return product


def theta_information(problem: Problem, mode: Mode) -> Floats:
    r"""Approximate expected information about the covariance parameters.

    With :math:`Q_l` the inverse of the marginal covariance of the effects estimated from one
    level alone, entry (m, n) is :math:`\tfrac12 \sum_l tr(Q_l d\Sigma_m Q_l d\Sigma_n)`. What
    the factors share is left out: good for scaling, not for inference.
    Shape (n_theta, n_theta), block-diagonal, in the order of the layout.
    """
    common = [(problem.covariances[f], mode.point.params.theta[f]) for f in problem.order]
    sums = level_totals(problem, mode.cross_products, _level_information, common)
    return block_diagonal(*problem.in_layout_order(sums))


def level_totals(
    problem: Problem,
    cross_products: Parts[CrossProducts],
    statistic: Callable[..., Any],
    common: Sequence[tuple[Any, ...]],
    *also: Effects,
) -> list[Any]:
    """Sum a function of the levels of each factor, leading one first.

    Parameters
    ----------
    problem : Problem
    cross_products : Parts of mapping
        Sums of z W z' over the rows of each level.
    statistic : callable
        Takes these sums, (k, k, L), what is common to the levels of the factor, and (k, L) of
        `also`; returns the sum over the levels.
    common : sequence of tuple
        One for each factor.
    *also : Split
    """
    n_nested = problem.n_nested
    nested = [each.nested for each in also]
    found = cross_products.map(
        _of_chain, *nested, statistic=statistic, common=common[:n_nested]
    ).total()
    if not problem.n_crossed:
        return list(found)
    sums = cross_products.map(_of_crossed, places=range(n_nested, len(problem.order))).total()
    cut = [problem.cut_crossed(each.crossed) for each in also]
    for g, (weight, mine) in enumerate(zip(sums, common[n_nested:], strict=True)):
        found.append(statistic(weight, *mine, *(parts[g] for parts in cut)))
    return list(found)


def _of_chain(
    cross_products: CrossProducts,
    *nested: NestedEffects,
    statistic: Callable[..., Any],
    common: Sequence[tuple[Any, ...]],
) -> list[Any]:
    return [
        statistic(cross_products[i, i], *mine, *(own[i] for own in nested))
        for i, mine in enumerate(common)
    ]


def _of_crossed(cross_products: CrossProducts, places: Sequence[int]) -> list[Floats]:
    return [cross_products[f, f] for f in places]


def _level_information(weight: Floats, covariance: Covariance, theta: Floats) -> Floats:
    lambda_ = covariance.factor(theta)
    middle, weight = congruence(lambda_, weight, lambda_), full_matrices(weight)
    half = left_product(lambda_.T, weight)
    middle[np.arange(len(lambda_)), np.arange(len(lambda_))] += 1.0
    lower = cholesky(middle)
    if lower is None:  # some level curves the wrong way
        whole, right = np.moveaxis(middle, -1, 0), np.moveaxis(half, -1, 0)
        explained = np.moveaxis(np.swapaxes(right, 1, 2) @ np.linalg.solve(whole, right), 0, -1)
    else:
        white = solve_lower(lower, half)
        explained = _gram(white)
    return covariance.information(theta, np.moveaxis(weight - explained, -1, 0))


def _gram(white: Floats) -> Floats:
    """Products ``white.T @ white`` of matrices (k, k, L)."""
    if not is_large(len(white), white.shape[2]):
        return np.asarray(np.einsum("cal,cbl->abl", white, white))
    parts = by_matrix(white)
    return np.moveaxis(np.swapaxes(parts, 1, 2) @ parts, 0, -1)
