r"""Separation: fixed effects without finite estimates, as the likelihood rises along them for ever.

Where a combination of columns tells rows with responses of one kind from the others, moving the
linear predictor of these rows outward raises the likelihood towards a limit that it never
reaches [1]_. The optimizer stops where nothing is left to gain, and the Hessian is flat there:
such a direction of recession [2]_ is known by a likelihood that falls on the way back alone.

References
----------
.. [1] Albert, A. & Anderson, J. A. (1984). On the existence of maximum likelihood estimates in
   logistic regression models. Biometrika, 71(1), 1-10.
.. [2] Geyer, C. J. (2009). Likelihood inference in exponential families and directions of
   recession. Electronic Journal of Statistics, 3, 259-289.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Objective, Params, Problem, Shard
from skglmm.fitting.data.standardize import Scales
from skglmm.linalg import block_diagonal

__all__ = ["far_predictors", "flat_descents", "is_far", "recession", "run_out", "user_recession"]

SIGNS = (1.0, -1.0)
NEAR, DOUBLINGS = 15.0, 8  # units of a link; the rows at the edge may move by a part of it alone
FALLS = 1e-6  # log-likelihood units that the way back costs at the least
LEVEL = 0.1  # of that, or of one unit, what the way ahead costs at the most
SHORTER = 0.5 ** np.arange(5)  # shares of the way, until links reach so far
SHARED = 1e-3  # units of a link by which a coefficient of the direction moves some row at least
NOISE = 1e-7  # of the curvature that counts as flat: what differences leave of none
FAR = 8.0  # units of a link, over the rows: what separated rows are apart at the least


def is_far(problem: Problem, vector: Floats, scales: Scales) -> bool:
    """Whether some fixed effect reaches as far as those of separated rows, or its end below."""
    moves = vector[: problem.shape.n_beta] * np.concatenate(scales.widths)
    pairs = zip(problem.shape.n_coefficients, problem.family.limits, strict=True)
    rises = np.concatenate([np.full(count, not limit.is_finite) for count, limit in pairs])
    return bool(np.any((moves < -FAR) | (rises & (moves > FAR))))


def far_predictors(problem: Problem, vector: Floats, scales: Scales) -> list[Floats]:
    """Return the fixed effects of each predictor that reaches far, alone, each (n_params,).

    Others cannot be at infinity; where rows are separated and the optimizer is on its way there,
    these directions lead on. Predictors with a limit stop there.
    """
    found, start = [], 0
    for width, limit in zip(scales.widths, problem.family.limits, strict=True):
        stop = start + len(width)
        if not limit.is_finite and np.any(np.abs(vector[start:stop]) * width > FAR):
            found.append(np.zeros_like(vector))
            found[-1][start:stop] = vector[start:stop]
        start = stop
    return found


def flat_descents(
    problem: Problem, here: Objective, hessian: Floats, flat: Floats
) -> Iterator[Floats]:
    """Yield directions of fixed effects in which the objective falls though its Hessian is flat.

    Parameters
    ----------
    problem : Problem
    here : Objective
        The objective at the estimates.
    hessian : ndarray, shape (n_params, n_params)
    flat : ndarray, shape (n_params, m)
        Directions in which the Hessian is flat, see `Uncertainty`.
    """
    descent = flat.T @ here.gradient
    for step in (_newton(flat.T @ hessian @ flat, descent), descent):
        direction = -flat @ step
        yield _within_limits(problem, direction)
        # The other way, where the gradient is smaller than its rounding.
        yield _within_limits(problem, -direction)


def recession(
    problem: Problem, vector: Floats, here: Objective, candidates: Iterable[Floats]
) -> Floats:
    """Return the first direction in which the likelihood rises for ever; zeros if none does.

    Parameters
    ----------
    problem : Problem
    vector : ndarray, shape (n_params,)
        The estimates.
    here : Objective
        The objective there.
    candidates : iterable of ndarray, shape (n_params,)

    Returns
    -------
    ndarray, shape (n_params,)
        Changes of the fixed effects that move linear predictors by one unit at most.
    """
    for direction in candidates:
        reach = _reach(problem, direction)
        if reach > 0.0 and _recedes(problem, vector, here, direction / reach):
            return direction / reach
    return np.zeros_like(vector)


def _recedes(problem: Problem, vector: Floats, here: Objective, direction: Floats) -> bool:
    """Whether the likelihood falls on the way back, and not on the way ahead."""
    for far in NEAR * 2.0 ** np.arange(DOUBLINGS):
        back = _change(problem, vector - far * direction, here)
        if back is None:
            break
        if back > FALLS:
            return _costs(problem, vector, here, far * direction) < LEVEL * min(back, 1.0)
    return False


def _costs(problem: Problem, vector: Floats, here: Objective, change: Floats) -> float:
    """What a way costs, as far as links reach; nothing where they end at once."""
    ways = (_change(problem, vector + share * change, here) for share in SHORTER)
    return next((cost for cost in ways if cost is not None), 0.0)


def run_out(
    problem: Problem, vector: Floats, here: Objective, direction: Floats, tol: float
) -> tuple[Floats, Objective]:
    """Return where nothing is left to gain in a direction of recession, and the objective there."""
    length = 1.0
    while True:
        there = problem.evaluate(vector + length * direction, here.mode.u)
        if there is None or not there.value < here.value - tol:
            return vector, here
        vector, here, length = vector + length * direction, there, 2.0 * length


def user_recession(scales: Scales, direction: Floats) -> tuple[Floats, ...]:
    """Return the direction as changes of each predictor's coefficients in the user's units.

    Coefficients that take no part are zero to the last bit.
    """
    moves = block_diagonal(*scales.to_user)
    if scales.carried is not None:
        moves += scales.carried
    change = moves @ direction[: moves.shape[1]]
    found = np.where(np.abs(change) * np.concatenate(scales.spans) > SHARED, change, 0.0)
    return tuple(np.split(found, np.cumsum([len(each) for each in scales.spans])[:-1]))


def _within_limits(problem: Problem, direction: Floats) -> Floats:
    """The direction without the predictors that it would lead to their limit in some row."""
    beta = list(Params.unpack(direction, problem.shape).beta)
    for k, limit in enumerate(problem.family.limits):
        if limit.is_finite and beta[k].any():
            towards, away = (
                max(problem.shards.map(_highest, k=k, change=s * limit.sign * beta[k]))
                for s in SIGNS
            )
            if towards > LEVEL * away:
                beta[k] = np.zeros_like(beta[k])
    theta = tuple(np.zeros_like(part) for part in Params.unpack(direction, problem.shape).theta)
    return Params(tuple(beta), theta).pack()


def _highest(shard: Shard, k: int, change: Floats) -> float:
    return float(np.max(shard.fixed[k] @ change, initial=0.0))


def _newton(hessian: Floats, gradient: Floats) -> Floats:
    """Every direction's own Newton step: separated rows then count alike, however far they are."""
    values, vectors = np.linalg.eigh(hessian)
    return np.asarray(vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), NOISE)))


def _change(problem: Problem, vector: Floats, here: Objective) -> float | None:
    """Change of the objective, whose modes begin where they are."""
    there = problem.evaluate(vector, here.mode.u)
    return None if there is None else there.value - here.value


def _reach(problem: Problem, direction: Floats) -> float:
    """Largest change of a linear predictor."""
    beta = Params.unpack(direction, problem.shape).beta
    return max(problem.shards.map(_largest, beta=beta))


def _largest(shard: Shard, beta: tuple[Floats, ...]) -> float:
    pairs = zip(shard.fixed, beta, strict=True)
    return max(float(np.max(np.abs(x @ b), initial=0.0)) for x, b in pairs)
