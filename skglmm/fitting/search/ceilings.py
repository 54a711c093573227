"""Ceilings: upper bounds of linear predictors that would rise without end in some rows.

A precision that differs between categories has no finite estimate where all responses of one are
alike. The linear predictor of its rows takes the place of one of the coefficients, which then has
an upper bound, as the intercept of a predictor without a formula has; the others, which the data
determine, are estimated beside it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Params, Shard
from skglmm.exceptions import DesignError
from skglmm.fitting.data.cap import Cap
from skglmm.fitting.data.highest import highest_row
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.optimize import Optimum, Options, minimize
from skglmm.fitting.search.start import start
from skglmm.fitting.search.subsample import begin_at

__all__ = ["begin_again", "caps_of", "hold"]

TOUCHES = 1e-9  # above a ceiling by rounding
ALIKE = 1e-9  # difference of standardized columns that is rounding


def begin_again(bound: Bound, vector: Floats, constants: Floats | None) -> Optimum:
    """Return another start: where a search stopped, but with variances and without its Hessian.

    Where that lies on the edge of what a link can reach, the usual one, from constants.

    Raises
    ------
    DesignError
        If the likelihood is not finite there.
    """
    problem, upper = bound.problem, bound.upper
    try:
        return begin_at(problem, bound.off_boundary(vector), upper)
    except DesignError:
        if constants is None:
            raise
        return begin_at(problem, start(problem, constants, upper), upper)


def hold(
    bound: Bound, optimum: Optimum, options: Options, constants: Floats | None = None
) -> tuple[Bound, Optimum]:
    """Begin again, with bounds, where a search has left rows above the ceiling of a predictor.

    Parameters
    ----------
    bound : Bound
    optimum : Optimum
        Where the optimizer stopped.
    options : Options
    constants : ndarray, shape (K,), or None
        Constant linear predictors that suit the responses.

    Returns
    -------
    Bound
        With a coefficient for each of the rows that are held; the same one if there are none.
    Optimum
    """
    for _ in range(bound.problem.shape.n_beta):
        held, vector = _below(bound, optimum.vector)
        if held is bound:
            break
        try:
            state = begin_again(held, vector, constants)
        except DesignError:
            break
        bound, before = held, optimum.n_evaluations
        optimum = minimize(held.problem, state, options)
        optimum = replace(optimum, n_evaluations=optimum.n_evaluations + before)
    return bound, optimum


def caps_of(bound: Bound, optimum: Optimum) -> tuple[Cap, ...]:
    """Return the rows that are held at a ceiling and would go on."""
    capped = Params.unpack(optimum.capped.astype(np.float64), bound.problem.shape).beta
    return tuple(cap for cap, places in bound.caps if capped[cap.predictor][places[cap.predictor]])


def _below(bound: Bound, vector: Floats) -> tuple[Bound, Floats]:
    """Return the problem with bounds for all rows above a ceiling, and parameters within them."""
    for k, limit in enumerate(bound.problem.family.limits):
        while limit.is_finite and bound.problem.shape.n_coefficients[k] > 1:
            beta = Params.unpack(vector, bound.problem.shape).beta
            rows = highest_row(bound.entire.problem, k, limit.sign * beta[k])
            if not limit.beyond(rows[k] @ beta[k]) > TOUCHES or not bound.has_room(k):
                break
            bound, vector = _with_cap(bound, vector, k, rows)
    return bound, vector


def _with_cap(bound: Bound, vector: Floats, k: int, rows: Sequence[Floats]) -> tuple[Bound, Floats]:
    entire = bound.entire
    to_user, from_user = entire.scales.to_user, entire.scales.from_user
    grams = entire.problem.shards.map(_others, k=k, row=rows[k]).total()
    moves = [_move(gram, row) for gram, row in zip(grams, rows, strict=True)]
    user = tuple(row @ back for row, back in zip(rows, from_user, strict=True))
    cap = Cap(
        predictor=k,
        rows=user,
        moves=tuple(back @ move for back, move in zip(to_user, moves, strict=True)),
        label=_label(bound.layout.coefficients[k], user[k]),
    )
    held = bound.holding(cap)
    params = Params.unpack(vector, bound.problem.shape)
    beta = tuple(
        after @ (before @ part)
        for after, before, part in zip(
            held.scales.from_user, bound.scales.to_user, params.beta, strict=True
        )
    )
    return held, np.minimum(Params(beta, params.theta).pack(), held.upper)


def _others(shard: Shard, k: int, row: Floats) -> list[Floats]:
    """Return the Gram matrices of all predictors over the rows that are not alike in one."""
    others = np.abs(shard.fixed[k] - row).max(axis=1) > ALIKE
    return [
        x[others].T @ x[others] if len(x) > 1 else x.T @ x * float(others.sum())
        for x in shard.fixed
    ]


def _move(gram: Floats, row: Floats) -> Floats:
    """Return coefficients that change a row by one and others, whose Gram matrix it is, least."""
    if not len(row):
        return row
    values, vectors = np.linalg.eigh(gram)
    free = vectors[:, values <= ALIKE * max(1.0, float(values[-1]))]
    own = free @ (free.T @ row)
    if own @ row > ALIKE:
        return np.asarray(own / (own @ row))
    j = int(np.argmax(np.abs(row)))
    return np.asarray(np.eye(len(row))[j] / row[j])


def _label(names: tuple[str, ...], row: Floats) -> str:
    """Return what rows have in common in the columns of the design."""
    parts = [f"{n} = {x:.4g}" for n, x in zip(names, row, strict=True) if n != "Intercept"]
    return " and ".join(parts)
