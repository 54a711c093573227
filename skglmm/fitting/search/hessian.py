"""The Hessian of the objective by differences of its gradient, and what it says of directions."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.engine import Effects, Objective, Problem
from skglmm.fitting.search.optimize import Optimum

__all__ = ["differenced_hessian", "falling", "is_definite"]

STEP = 1e-6  # standard errors: differences are exact to about 1e-5 of the entries
# Where fixed effects are integrated out, their information beside that of rows which tell them
# sharply is a difference of large numbers, and covariances of close points are next to singular:
# long steps, which need the other side as well.
STEP_LONG = 1e-3
STEP_SHARP = 1e-7  # where gradients are exact to rounding: errors of 1e-6, also beside a boundary
STEP_ITERATED = 1e-3  # where systems are solved to ten digits only
STEP_MAX = 1e-2  # in units of a link, where the curvature is next to nothing
AT_MODE = 1e-14  # log-likelihood units that may be left: a ten-millionth of a standard deviation
NO_INFORMATION = 1e-10  # curvature of a parameter of standardized columns that no row informs
ROUNDING = 1e-3  # curvature that, where a precision is huge, may be of either sign by rounding
SADDLE = -1e-3  # scaled curvature that is negative beyond doubt
DEFINITE = 1e-3  # smallest scaled eigenvalue of information that steps are taken by
TOO_SHARP = 1e3  # times the curvature that was found: steps by such a guess were too short


def differenced_hessian(
    problem: Problem, optimum: Optimum, free: Bools, *, exact: bool = True
) -> Floats | None:
    """Hessian of the objective by differences of the exact gradient.

    Rows and columns of parameters that are not `free` are those of the identity. None where
    the objective cannot be evaluated around the optimum. Unless it is to be `exact`, the mode is
    as near as it is.
    """
    if exact:
        optimum = _at_mode(problem, optimum)
    hessian = _differenced(problem, optimum, free)
    if hessian is None:
        return None
    guessed, found = (np.abs(np.diag(each))[free] for each in (optimum.hessian, hessian))
    if np.any(guessed > TOO_SHARP * np.maximum(found, NO_INFORMATION)):
        again = replace(optimum, hessian=np.where(np.eye(len(free)) > 0, hessian, 0.0))
        hessian = _differenced(problem, again, free)
    return hessian


def _at_mode(problem: Problem, optimum: Optimum) -> Optimum:
    """The optimum at its exact mode: what is left counts where rows tell effects sharply."""
    mode = optimum.here.mode
    if mode.step is None or mode.decrement <= AT_MODE:
        return optimum
    mode.leave()
    there = problem.evaluate(optimum.vector, mode.u, distance="near")
    return optimum if there is None else replace(optimum, here=there)


def _differenced(problem: Problem, optimum: Optimum, free: Bools) -> Floats | None:
    """The Hessian by steps whose lengths are guessed from that of the optimum."""
    n_params = len(optimum.vector)
    hessian = np.eye(n_params)
    curvatures = np.maximum(np.abs(np.diag(optimum.hessian)), NO_INFORMATION)
    sides, length = _steps(problem)
    scale = np.minimum(length / np.sqrt(curvatures), STEP_MAX)
    here = optimum.here
    slopes = problem.third_slopes(here)
    if slopes is None:
        return None

    base: Floats | None = here.gradient
    if here.mode.step is not None:
        base = problem.gradient_near(here, np.zeros(n_params), slopes)
    places: list[int] = np.flatnonzero(free).tolist()
    changes = {
        (j, side): _change(optimum.vector, j, side * scale[j]) for j in places for side in sides
    }
    moves = _moves(problem, here, changes)
    for j in places:
        ends = []
        for side in sides:
            change = changes[j, side]
            if side == 0.0:
                there = base
            elif scale[j] < STEP_MAX:
                there = problem.gradient_near(here, change, slopes, moves.get((j, side)))
            else:
                there = _gradient_at(problem, optimum, change)
            if there is None:
                return None
            ends.append((change[j], there[free]))
        (right, after), (left, before) = ends
        if right == left or not np.isfinite([after, before]).all():  # the edge of what has a value
            return None
        hessian[j, free] = (after - before) / (right - left)
    return np.asarray(0.5 * (hessian + hessian.T))


def _change(vector: Floats, j: int, length: float) -> Floats:
    """A step in one parameter: what is left of it beside the parameter."""
    change = np.zeros(len(vector))
    change[j] = (vector[j] + length) - vector[j]
    return change


def _moves(
    problem: Problem, here: Objective, changes: Mapping[tuple[int, float], Floats]
) -> dict[tuple[int, float], Effects]:
    """How changes move the mode, of very many rows: what solves for that makes room for others."""
    if problem.plan is None:
        return {}
    moved = {key: each for key, each in changes.items() if np.any(each)}
    moves = {key: problem.tangent(here.mode, each) for key, each in moved.items()}
    here.mode.unsolve()
    return moves


def _steps(problem: Problem) -> tuple[tuple[float, float], float]:
    """Sides of the differences, and their length in standard errors."""
    if any(covariance.blurs for covariance in problem.covariances):
        return (1.0, -1.0), STEP_LONG
    if problem.approximation.is_sharp:
        return (1.0, 0.0), STEP_SHARP
    if problem.plan is not None:
        return (1.0, 0.0), STEP_ITERATED
    return ((1.0, -1.0), STEP_LONG) if len(problem.flat) else ((1.0, 0.0), STEP)


def _gradient_at(problem: Problem, optimum: Optimum, change: Floats) -> Floats | None:
    """Gradient after a change that is not small."""
    mode = optimum.here.mode
    guess = mode.u.plus(problem.tangent(mode, change))
    there = problem.evaluate(optimum.vector + change, guess)
    return None if there is None else there.gradient


def is_definite(hessian: Floats) -> bool:
    """Whether every direction is informed by the rows, in all by one row at the least."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), 1.0))
    values = np.linalg.eigvalsh(hessian * scale * scale[:, None])
    return bool(values.min(initial=np.inf) > DEFINITE)


def falling(hessian: Floats, free: Bools) -> Floats:
    """Return the direction in which the objective falls away most, of one standard error.

    Zeros where it falls in none beyond doubt.
    """
    direction = np.zeros(len(hessian))
    kept = np.flatnonzero(free & (np.abs(np.diag(hessian)) > ROUNDING))
    if not kept.size:
        return direction
    scale = 1.0 / np.sqrt(np.abs(np.diag(hessian)[kept]))
    values, vectors = np.linalg.eigh(hessian[np.ix_(kept, kept)] * scale * scale[:, None])
    if values[0] < SADDLE:
        direction[kept] = scale * vectors[:, 0]
    return direction
