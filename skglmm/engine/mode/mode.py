"""The mode of the random effects given the parameters, by damped Newton steps."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from skglmm.engine.mode.point import (
    absolute_cross_products,
    evaluate,
    expected_cross_products,
    observed_cross_products,
    score,
)
from skglmm.engine.mode.system import hessian, solve
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Point
from skglmm.linalg import IndefiniteError, LinearSystem
from skglmm.parts import Parts

__all__ = ["find_mode", "mode_at"]

NEGLIGIBLE = 1e-16  # a step that lowers h by less moves estimates by 1e-8 standard errors
LAST_MAX = 1e-2  # a step that promises more is tried before it is trusted
CURVED = 1e-2  # at most: a step that promises d leaves a promise of this times d squared
STEPS_MAX = 60  # from a cold start 5 to 8 are usual
HALVINGS_MAX = 12  # a step shorter than 1/4096 of Newton's makes no headway

Kinds = Sequence[tuple[Callable[[Problem, Point], Parts[CrossProducts]], int]]
USUAL: Kinds = (
    (observed_cross_products, 1),
    (absolute_cross_products, HALVINGS_MAX),
)  # and how many trials
FAR: Kinds = ((expected_cross_products, HALVINGS_MAX), *USUAL)


def find_mode(
    problem: Problem,
    params: Params,
    start: Effects,
    tol: float = DECREMENT_TOL,
    distance: Distance = "some",
) -> Mode | None:
    """Minimize h over u from `start`; None when no mode with a positive definite H is found.

    Parameters
    ----------
    problem : Problem
    params : Params
    start : Effects
    tol : float
        How much Newton's next step may promise to lower h.
    distance : {"far", "some", "near"}
        "far" if nothing is known of the mode, "near" if `start` is likely to be good enough.
    """
    if not problem.order:
        return mode_at(problem, evaluate(problem, params, start, 3))
    point = evaluate(problem, params, start, 3 if distance == "near" else 2)
    if not np.isfinite(point.value):
        point, distance = evaluate(problem, params, problem.zero(), 2), "far"
    kinds = FAR if distance == "far" else USUAL
    for n_steps in range(STEPS_MAX):
        found = _advance(problem, point, tol, kinds) if np.isfinite(point.value) else None
        kinds = USUAL
        if isinstance(found, Point):
            point = found
        elif isinstance(found, Effects):
            point.states.let_go()
            last = mode_at(problem, evaluate(problem, params, found, 3))
            return last if last is None else _aimed(problem, replace(last, n_steps=n_steps + 1))
        else:
            return found if found is None else replace(found, n_steps=n_steps)
    return None


def mode_at(problem: Problem, point: Point) -> Mode | None:
    """Return what belongs to a point that counts as the mode; None where H is not definite."""
    if not np.isfinite(point.value):
        return None
    cross_products = observed_cross_products(problem, point)
    system = hessian(problem, cross_products, point.lambdas)
    return None if system is None else Mode(point, cross_products, system)


def _aimed(problem: Problem, mode: Mode) -> Mode:
    """Add Newton's step from the mode that was found, which corrects value and gradient."""
    gradient = score(problem, mode.point)
    step = solve(mode.system, gradient)
    return replace(mode, step=step, decrement=0.5 * gradient.dot(step))


def _advance(
    problem: Problem, point: Point, tol: float, kinds: Kinds
) -> Mode | Point | Effects | None:
    """Take Newton's step, shortened until h does not grow; None if there is none.

    `kinds` are the ways to make H, in turn: the log density of a family need not be concave, so
    that the observed H may be indefinite, or nearly singular, away from the mode. A point within
    tolerance is the mode, if it has third derivatives; the end of a step that surely leads there
    is returned as it is.
    """
    gradient = score(problem, point)
    for information, n_trials in kinds:
        cross_products = information(problem, point)
        system = hessian(problem, cross_products, point.lambdas)
        step = None if system is None else _step(system, gradient)
        if system is None or step is None:
            continue
        decrement = 0.5 * gradient.dot(step)
        known = problem.prior.penalized(step)
        far = max(decrement, 0.5 * known.dot(known))  # the first, unless H is nearly singular
        if far <= tol and point.order == 3 and information is observed_cross_products:
            left = step if far > NEGLIGIBLE else None
            return Mode(point, cross_products, system, step=left, decrement=decrement)
        rounding = 4 * np.finfo(float).eps * abs(point.value)
        after = CURVED * far**2
        if decrement <= rounding or (far <= LAST_MAX and after <= tol):
            return point.u.plus(step)
        shares = gradient.times(step)  # of the effects in the promise, twice: they add up
        is_last = after <= tol or CURVED * shares.dot(shares) <= tol
        del cross_products, system
        moved = _search(problem, point, step, 3 if is_last else 2, n_trials)
        if moved is not None:
            return moved
    return None


def _step(system: LinearSystem, gradient: Effects) -> Effects | None:
    try:
        return solve(system, gradient)
    except IndefiniteError:
        return None


def _search(
    problem: Problem, point: Point, step: Effects, order: int, n_trials: int
) -> Point | None:
    """Halve the step until h does not grow."""
    length = 1.0
    point.states.let_go()
    for _ in range(n_trials):
        moved = evaluate(problem, point.params, point.u.plus(step, length), order)
        if moved.value <= point.value:  # written so that NaN is a rejection
            return moved
        length /= 2
    return None
