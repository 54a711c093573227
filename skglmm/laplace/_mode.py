"""The mode of the random effects given the parameters, by damped Newton steps."""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.laplace._params import Params
from skglmm.laplace._point import Point, evaluate, expected_moments, observed_moments, score
from skglmm.laplace._problem import Problem
from skglmm.laplace._shard import Moments
from skglmm.laplace._split import Split
from skglmm.laplace._system import hessian, solve
from skglmm.linalg import Arrowhead
from skglmm.parts import Parts

__all__ = ["DECREMENT_TOL", "Mode", "find_mode", "mode_at"]

DECREMENT_TOL = 1e-20  # a step of 1e-10 standard deviations
LAST_MAX = 1e-2  # a step that promises more is tried before it is trusted
CURVED = 1e-2  # at most: a step that promises d leaves a promise of this times d squared
STEPS_MAX = 60  # from a cold start 5 to 8 are usual
HALVINGS_MAX = 12  # a step shorter than 1/4096 of Newton's makes no headway


@dataclass(frozen=True)
class Mode:
    """The conditional mode: the point where h is least, and H there.

    Parameters
    ----------
    point : Point
        Its rows hold derivatives up to the third.
    moments : Parts of mapping
        Sums of the curvature over levels and pairs of levels, for each shard.
    system : Arrowhead
        H, factorized.
    n_steps : int
        Newton steps taken.
    left : Split or None
        Minus the gradient of h at the point; None where the point counts as the mode.
    decrement : float
        By how much Newton's next step would lower h.
    """

    point: Point
    moments: Parts[Moments]
    system: Arrowhead
    n_steps: int = 0
    left: Split | None = None
    decrement: float = 0.0

    @property
    def u(self) -> Split:
        """Where Newton's step from the point ends: nearer to the mode, if that is not it."""
        if self.left is None:
            return self.point.u
        return self.point.u.plus(solve(self.system, self.left))


def find_mode(
    problem: Problem,
    params: Params,
    start: Split,
    tol: float = DECREMENT_TOL,
    *,
    is_near: bool = False,
) -> Mode | None:
    """Minimize h over u from `start`; None when no mode with a positive definite H is found.

    Parameters
    ----------
    problem : Problem
    params : Params
    start : Split
    tol : float
        How much Newton's next step may promise to lower h.
    is_near : bool, default=False
        Whether `start` is likely to be good enough.
    """
    if not problem.order:
        return mode_at(problem, params, start)
    point = evaluate(problem, params, start, 3 if is_near else 2)
    if not np.isfinite(point.value):
        point = evaluate(problem, params, problem.zero(), 2)
    for n_steps in range(STEPS_MAX):
        found = _advance(problem, point, tol) if np.isfinite(point.value) else None
        if isinstance(found, Point):
            point = found
        elif isinstance(found, Split):
            return mode_at(problem, params, found, n_steps + 1)
        else:
            return found if found is None else replace(found, n_steps=n_steps)
    return None


def mode_at(problem: Problem, params: Params, u: Split, n_steps: int = 0) -> Mode | None:
    """Return what belongs to a mode that is known to be u; None where H is not definite."""
    point = evaluate(problem, params, u, 3)
    if not np.isfinite(point.value):
        return None
    moments = observed_moments(problem, point)
    system = hessian(problem, moments, point.roots)
    return None if system is None else Mode(point, moments, system, n_steps)


def _advance(problem: Problem, point: Point, tol: float) -> Mode | Point | Split | None:
    """Take Newton's step, shortened until h does not grow; None if there is none.

    The observed H is tried first, then the expected one: the log density of a family need
    not be concave, so the observed H may be indefinite away from the mode. A point within
    tolerance is the mode, if it has third derivatives; the end of a step that surely leads there
    is returned as it is.
    """
    gradient = score(problem, point)
    for information in (observed_moments, expected_moments):
        moments = information(problem, point)
        system = hessian(problem, moments, point.roots)
        if system is None:
            continue
        step = solve(system, gradient)
        decrement = 0.5 * gradient.dot(step)
        if decrement <= tol and point.order == 3 and information is observed_moments:
            return Mode(point, moments, system, left=gradient, decrement=decrement)
        rounding = 4 * np.finfo(float).eps * abs(point.value)
        if decrement <= max(rounding, min(LAST_MAX, np.sqrt(tol / CURVED))):
            return point.u.plus(step)
        moved = _search(problem, point, step)
        if moved is not None:
            return moved
    return None


def _search(problem: Problem, point: Point, step: Split) -> Point | None:
    """Halve the step until h does not grow."""
    length = 1.0
    for _ in range(HALVINGS_MAX):
        moved = evaluate(problem, point.params, point.u.plus(step, length), 2)
        if moved.value <= point.value:  # written so that NaN is a rejection
            return moved
        length /= 2
    return None
