r"""How the mode moves with the parameters, and the information about the fixed effects.

Differentiating :math:`\nabla_u h(\hat u, \psi) = 0` gives
:math:`d\hat u = H^{-1} [d\Lambda^T \bar g - \Lambda^T Z^T W d\eta]` with
:math:`d\eta = X d\beta + Z\, d\Lambda\, \hat u`.
"""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import block_diag

from skglmm.arrays import Floats
from skglmm.families import packed
from skglmm.laplace._mode import Mode, Point, add_level_sums
from skglmm.laplace._params import Params
from skglmm.laplace._problem import Modes, Problem
from skglmm.laplace._shard import Moments, Rows, Shard
from skglmm.laplace._system import scale, solve

__all__ = [
    "fixed_information",
    "fixed_score",
    "information",
    "jacobian",
    "level_information",
    "tangent",
    "theta_information",
]


def tangent(problem: Problem, mode: Mode, direction: Floats) -> Modes:
    """Derivative of the mode along a direction, shape (n_params,), of the parameters."""
    return solve(problem, mode.system, _force(problem, mode, direction))


def jacobian(problem: Problem, mode: Mode, before: Modes | None = None) -> Modes:
    """Derivative of the mode in each parameter: (n_params, k, L) for each factor.

    `before`, of the same shape, is how the mean of the prior moves, if it does; how its
    precision moves is left out.
    """
    columns = []
    for index, unit in enumerate(np.eye(problem.shape.n_params)):
        force = _force(problem, mode, unit)
        if before is not None:
            pull = problem.prior.times(tuple(part[index] for part in before))
            force = tuple(a + b for a, b in zip(force, pull, strict=True))
        columns.append(solve(problem, mode.system, force))
    return tuple(np.stack(parts) for parts in zip(*columns, strict=True))


def information(problem: Problem, mode: Mode) -> Floats:
    """Hessian of h in the fixed effects with the random effects profiled out.

    Shape (n_beta, n_beta): X'WX less what the random effects can explain.
    """
    n_beta = problem.shape.n_beta
    full = fixed_information(problem, [rows.hess for rows in mode.point.rows])
    if not problem.order:
        return full
    units = np.eye(problem.shape.n_params)[:n_beta]
    forces = [_force(problem, mode, unit) for unit in units]
    moves = [solve(problem, mode.system, force) for force in forces]
    explained = _flat(forces) @ _flat(moves).T
    return np.asarray(full - 0.5 * (explained + explained.T))


def _flat(columns: list[Modes]) -> Floats:
    return np.stack([np.concatenate([part.ravel() for part in modes]) for modes in columns])


def _force(problem: Problem, mode: Mode, direction: Floats) -> Modes:
    """Minus the change of the gradient of h in u along a direction."""
    point = mode.point
    move = Params.unpack(direction, problem.shape)
    changes = [
        np.tensordot(
            move.theta[f], problem.covariances[f].factor_grad(point.params.theta[f]), axes=1
        )
        for f in problem.order
    ]
    shifts = [change @ u for change, u in zip(changes, point.u, strict=True)]
    parts, grads = [], []
    for shard, rows in zip(problem.shards, point.rows, strict=True):
        eta = shard.random_part(shifts)
        for k, beta in enumerate(move.beta):
            if np.any(beta):
                eta[k] = eta[k] + shard.fixed[k] @ beta
        parts.append(shard.level_sums(_bent(shard, rows, eta)))
        grads.append(shard.level_sums(rows.grad))
    bent = scale(point.roots, add_level_sums(problem, parts))
    moved = scale(changes, add_level_sums(problem, grads))
    return tuple(a + b for a, b in zip(bent, moved, strict=True))


def _bent(shard: Shard, rows: Rows, eta: list[Floats]) -> list[Floats]:
    """``hess @ eta`` of each row, for the predictors that carry random effects."""
    n_predictors = len(eta)
    return [
        np.sum(
            [rows.hess[packed(n_predictors, j, k)] * eta[k] for k in range(n_predictors)], axis=0
        )
        if j in shard.active
        else np.zeros(1)
        for j in range(n_predictors)
    ]


def fixed_score(problem: Problem, point: Point) -> Floats:
    """Gradient of the log density in the fixed effects, shape (n_beta,)."""
    pairs = list(zip(problem.shards, point.rows, strict=True))
    pulled = [
        np.sum([shard.pull(k, rows.grad[k]) for shard, rows in pairs], axis=0)
        for k in range(len(problem.shape.n_coefficients))
    ]
    return np.concatenate(pulled)


def fixed_information(problem: Problem, hessians: Sequence[Floats]) -> Floats:
    """X'WX over all predictors, shape (n_beta, n_beta), with minus W in `hessians`."""
    shares = [
        np.block(
            [
                [
                    _product(shard, hess[packed(len(shard.fixed), j, k)], j, k)
                    for k in range(len(shard.fixed))
                ]
                for j in range(len(shard.fixed))
            ]
        )
        for shard, hess in zip(problem.shards, hessians, strict=True)
    ]
    return np.asarray(np.sum(shares, axis=0))


def _product(shard: Shard, hess: Floats, j: int, k: int) -> Floats:
    """``-X_j.T @ diag(hess) @ X_k``, shape (p_j, p_k)."""
    left, right = shard.fixed[j], shard.fixed[k]
    product = np.empty((left.shape[1], right.shape[1]))
    for column in range(right.shape[1]):
        product[:, column] = shard.pull(j, -hess * right[:, column])
    return product


def level_information(problem: Problem, moments: Sequence[Moments]) -> Modes:
    """Sums of z W z' over the rows of each level: (k, k, L) for each factor."""
    if not problem.order:
        return ()
    top = np.concatenate([sums[0, 0] for sums in moments], axis=-1)
    rest = [np.sum([m[f, f] for m in moments], axis=0) for f in range(1, len(problem.order))]
    return (top, *rest)


def theta_information(problem: Problem, mode: Mode) -> Floats:
    r"""Approximate expected information about the covariance parameters.

    With :math:`Q_l` the inverse of the marginal covariance of the effects estimated from one
    level alone, entry (m, n) is :math:`\tfrac12 \sum_l tr(Q_l d\Sigma_m Q_l d\Sigma_n)`. What
    the factors share is left out: good for scaling, not for inference.
    Shape (n_theta, n_theta), block-diagonal, in the order of the layout.
    """
    blocks: dict[int, Floats] = {}
    weights = level_information(problem, mode.moments)
    for weight, root, f in zip(weights, mode.point.roots, problem.order, strict=True):
        changes = problem.covariances[f].factor_grad(mode.point.params.theta[f])
        per_level = np.moveaxis(weight, -1, 0)
        middle = np.eye(len(root)) + root.T @ per_level @ root
        half = per_level @ root
        marginal = per_level - half @ np.linalg.solve(middle, np.swapaxes(half, 1, 2))
        sigmas = changes @ root.T
        sigmas = sigmas + np.swapaxes(sigmas, 1, 2)
        moved = np.einsum("lab,mbc->mlac", marginal, sigmas)
        blocks[f] = 0.5 * np.einsum("mlac,nlca->mn", moved, moved)
    return np.asarray(block_diag(*(blocks[f] for f in range(len(blocks)))))
