"""The mode of the random effects given the parameters, by damped Newton steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.laplace._params import Params
from skglmm.laplace._problem import Modes, Problem
from skglmm.laplace._shard import Moments, Rows
from skglmm.laplace._system import hessian, scale, solve
from skglmm.linalg import Arrowhead

__all__ = [
    "Mode",
    "Point",
    "add_level_sums",
    "evaluate",
    "find_mode",
    "mode_at",
    "observed_moments",
    "score_sums",
]

DECREMENT_TOL = 1e-7  # a Newton step from here, 4e-4 standard deviations, leaves about 1e-7
STEPS_MAX = 60  # from a cold start 5 to 8 are usual
HALVINGS_MAX = 12  # a step shorter than 1/4096 of Newton's makes no headway


@dataclass(frozen=True)
class Point:
    """The penalized log density at some effects, with its derivatives.

    Parameters
    ----------
    params : Params
    roots : tuple of ndarray
        Covariance factors, leading factor first.
    u : Modes
        Spherical effects.
    eta : tuple
        Linear predictors of each shard.
    rows : tuple of Rows
        Log density and its derivatives, for each shard.
    value : float
        ``h(u) = -log f(y | u) + u'u / 2``, or with the penalty of another prior.
    """

    params: Params
    roots: tuple[Floats, ...]
    u: Modes
    eta: tuple[list[Floats], ...]
    rows: tuple[Rows, ...]
    value: float

    @property
    def effects(self) -> Modes:
        """Effects b on the scale of the linear predictors, (k, L)."""
        return tuple(root @ u for root, u in zip(self.roots, self.u, strict=True))


@dataclass(frozen=True)
class Mode:
    """The conditional mode: the point where h is least, and H there.

    Parameters
    ----------
    point : Point
        Its rows hold derivatives up to the third.
    moments : tuple
        Sums of the curvature over levels and pairs of levels, for each shard.
    system : Arrowhead
        H, factorized.
    n_steps : int
        Newton steps taken.
    """

    point: Point
    moments: tuple[Moments, ...]
    system: Arrowhead
    n_steps: int


def evaluate(problem: Problem, params: Params, u: Modes, order: int) -> Point:
    """Evaluate h and the derivatives of the log density up to `order`."""
    roots = tuple(problem.roots(params))
    effects = [root @ part for root, part in zip(roots, u, strict=True)]
    eta = tuple(shard.predictors(params.beta, effects) for shard in problem.shards)
    rows = tuple(
        shard.evaluate(problem.family, part, order)
        for shard, part in zip(problem.shards, eta, strict=True)
    )
    penalty = sum(float(part.sum()) for part in problem.prior.halves(u))
    value = penalty - sum(r.value for r in rows)
    return Point(params, roots, u, eta, rows, value)


def add_level_sums(problem: Problem, parts: Sequence[Sequence[Floats]]) -> Modes:
    """Put the level sums of all shards together: one (k, L) for each factor."""
    if not problem.order:
        return ()
    top = np.concatenate([part[0] for part in parts], axis=1)
    others = (sum(shares) for shares in zip(*(part[1:] for part in parts), strict=True))
    return (top, *(np.asarray(share) for share in others))


def score_sums(problem: Problem, point: Point) -> Modes:
    """Gradient of the log density in the effects b: (k, L) for each factor."""
    pairs = zip(problem.shards, point.rows, strict=True)
    return add_level_sums(problem, [shard.level_sums(rows.grad) for shard, rows in pairs])


def score(problem: Problem, point: Point) -> Modes:
    """Minus the gradient of h in u."""
    sums = scale(point.roots, score_sums(problem, point))
    return tuple(a + b for a, b in zip(sums, problem.prior.score(point.u), strict=True))


def observed_moments(problem: Problem, point: Point) -> tuple[Moments, ...]:
    """Sums of the observed curvature, for each shard."""
    pairs = zip(problem.shards, point.rows, strict=True)
    return tuple(shard.moments(rows.hess) for shard, rows in pairs)


def expected_moments(problem: Problem, point: Point) -> tuple[Moments, ...]:
    """Sums of the expected information, for each shard."""
    pairs = zip(problem.shards, point.eta, strict=True)
    return tuple(shard.moments(shard.expected_hess(problem.family, eta)) for shard, eta in pairs)


def find_mode(problem: Problem, params: Params, start: Modes) -> Mode | None:
    """Minimize h over u from `start`; None when no mode with a positive definite H is found.

    The rows of the returned point hold derivatives up to the third.
    """
    if not problem.order:
        return mode_at(problem, params, start)
    point = evaluate(problem, params, start, 2)
    if not np.isfinite(point.value):
        point = evaluate(problem, params, problem.zero(), 2)
    for n_steps in range(1, STEPS_MAX + 1):
        step = _advance(problem, point) if np.isfinite(point.value) else None
        if step is None:
            return None
        if step.point is None:
            return mode_at(problem, params, step.u, n_steps)
        point = step.point
    return None


def mode_at(problem: Problem, params: Params, u: Modes, n_steps: int = 0) -> Mode | None:
    """Return what belongs to a mode that is known to be u; None where H is not definite."""
    point = evaluate(problem, params, u, 3)
    if not np.isfinite(point.value):
        return None
    moments = observed_moments(problem, point)
    system = hessian(problem, moments, point.roots)
    return None if system is None else Mode(point, moments, system, n_steps)


def _moved(u: Modes, step: Modes, length: float) -> Modes:
    return tuple(part + length * change for part, change in zip(u, step, strict=True))


class _Step(NamedTuple):
    """Where a step ends, and the point there; None if it is so small that it is the last."""

    u: Modes
    point: Point | None


def _advance(problem: Problem, point: Point) -> _Step | None:
    """Take Newton's step, shortened until h does not grow; None if there is none.

    The observed H is tried first, then the expected one: the log density of a family need
    not be concave, so the observed H may be indefinite away from the mode.
    """
    gradient = score(problem, point)
    for information in (observed_moments, expected_moments):
        system = hessian(problem, information(problem, point), point.roots)
        if system is None:
            continue
        step = solve(problem, system, gradient)
        decrement = 0.5 * sum(float(np.vdot(a, b)) for a, b in zip(gradient, step, strict=True))
        if decrement <= max(DECREMENT_TOL, 4 * np.finfo(float).eps * abs(point.value)):
            return _Step(_moved(point.u, step, 1.0), None)
        moved = _search(problem, point, step)
        if moved is not None:
            return _Step(moved.u, moved)
    return None


def _search(problem: Problem, point: Point, step: Modes) -> Point | None:
    """Halve the step until h does not grow."""
    length = 1.0
    for _ in range(HALVINGS_MAX):
        moved = evaluate(problem, point.params, _moved(point.u, step, length), 2)
        if moved.value <= point.value:  # written so that NaN is a rejection
            return moved
        length /= 2
    return None
