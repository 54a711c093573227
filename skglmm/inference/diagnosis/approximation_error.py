r"""How far an approximated likelihood is off, and the estimates with it.

Where quadrature can integrate, with more and more points until they agree; everywhere else by the
next terms of Laplace's expansion. The gradient of what the approximation leaves out, times the
covariance of the estimates, is the step of Newton's method towards those of the integral itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import (
    AdaptiveQuadrature,
    Effects,
    Expansion,
    Objective,
    Params,
    Problem,
    bind,
    expansion,
    solver_of,
)
from skglmm.exceptions import DesignError
from skglmm.fitting import Local, Study

__all__ = ["ApproximationError", "approximation_error", "points_of"]

NEGLIGIBLE = 0.02  # sum of all terms, without signs, that moves no estimate noticeably
POINTS = (5, 11, 25)  # where Laplace's approximation was taken
DOUBLINGS = 3  # of the points of a fit
SETTLED = 0.05  # standard errors by which enough points differ from more
CLOSE, SHARE = 0.1, 0.05  # units, or of the whole error, by which they do
POOR = 0.5  # sum of the terms for each level from which on they are an order of magnitude
NODE_ROWS = 200_000_000  # rows times nodes that are evaluated at the most
STEP = 0.1  # standard errors, of differences
DRAWS = 150, 500  # at least and at most for each difference, of the same numbers
DRAWN_ROWS = 1_000_000  # rows times these draws, about
ALL_ROWS = 200_000_000  # rows times draws for all differences, at the most


@dataclass(frozen=True)
class ApproximationError:
    """By how much an approximation of the likelihood is off.

    Parameters
    ----------
    value : float
        By how much the log likelihood is too low.
    shift : ndarray, shape (n_params,), or None
        How far the estimates, on the standardized columns, are from those of the integral, by a
        Newton step: what is to be added. None where it was not looked at.
    n_points : int or None
        Points of quadrature for each effect that suffice; None where it does not integrate over
        such random effects.
    is_settled : bool
        Whether more points would change little; without points, whether the expansion is short.
    std_error : float
        Of `value`, where it is an average over draws.
    """

    value: float
    shift: Floats | None
    n_points: int | None = None
    is_settled: bool = True
    std_error: float = 0.0


def approximation_error(study: Study, here: Objective, around: Local) -> ApproximationError | None:
    """Estimate the error of an approximated likelihood; None where it is exact, or next to it.

    Parameters
    ----------
    study : Study
        With the approximation of the fit.
    here : Objective
        At the estimates.
    around : Local
    """
    n_points = points_of(study)
    if n_points > 1:
        return _by_more_points(study, here, around, n_points)
    terms = expansion(study.problem, here.mode) if study.problem.order else None
    if terms is None or terms.size < NEGLIGIBLE:
        return None
    if not study.problem.searched.all():
        return _restricted(study, around)
    found = _by_more_points(study, here, around, n_points)
    return _by_expansion(study.problem, here, around.covariance, terms) if found is None else found


def _restricted(study: Study, around: Local) -> ApproximationError | None:
    """Estimate the error where fixed effects are integrated out, as further random effects."""
    problem, searched = study.problem, study.problem.searched
    problem = problem.restricted(Params.unpack(around.vector, problem.shape).beta)
    here = problem.evaluate(around.vector[searched])
    terms = None if here is None else expansion(problem, here.mode)
    if here is None or terms is None:
        return None
    found = _by_expansion(problem, here, around.covariance[np.ix_(searched, searched)], terms)
    if found.shift is None:
        return found
    shift = np.zeros(len(searched))
    shift[searched] = found.shift
    return replace(found, shift=shift)


def points_of(study: Study) -> int:
    """Return the points of quadrature for each effect; Laplace's approximation has one."""
    own = study.problem.approximation
    return int(own.n_points) if isinstance(own, AdaptiveQuadrature) else 1


def _by_more_points(
    study: Study, here: Objective, around: Local, n_points: int
) -> ApproximationError | None:
    """Compare with quadrature until more points change little; None where there is none."""
    path: list[tuple[int, Objective]] = []
    for step in _refined(study, here, n_points):
        path.append(step)
        if len(path) > 1 and _is_close(around, path[0][1], path[-2][1], path[-1][1]):
            break
    if len(path) < 2:
        return None
    (_, first), (n_last, last) = path[0], path[-1]
    enough = [n for n, each in path[:-1] if _is_close(around, first, each, last)]
    return ApproximationError(
        value=first.value - last.value,
        shift=around.covariance @ (first.gradient - last.gradient),
        n_points=enough[0] if enough else n_last,
        is_settled=bool(enough),
    )


def _refined(study: Study, here: Objective, n_points: int) -> Iterator[tuple[int, Objective]]:
    """Yield numbers of points, that of the fit first, with the objective at the estimates."""
    layout, (problem, start) = study.design.layout, _chained(study, here)
    size, vector = sum(k for k, _ in problem.sizes), here.mode.point.params.pack()
    doubled = [2**k * (n_points + 1) - 1 for k in range(1, DOUBLINGS + 1)]
    for n_more in (n_points, *(POINTS if n_points == 1 else doubled)):
        if problem.n_rows * n_more**size > NODE_ROWS:
            return
        try:
            refined = problem.approximated(AdaptiveQuadrature(n_more), layout)
        except (DesignError, ValueError):  # other random effects, or too many points
            return
        there = refined.evaluate(vector, start)
        if there is None:
            return
        yield n_more, there


def _chained(study: Study, here: Objective) -> tuple[Problem, Effects]:
    """Return the problem with nested factors as quadrature takes them, and its modes."""
    problem = study.problem
    if len(problem.order) == problem.n_nested:
        return problem, here.mode.u
    rows, solver = (study.design, study.response, study.weights), solver_of(problem.plan)
    whole = bind(*rows, problem.family, whole=True, solver=solver)
    modes = dict(zip(problem.order, problem.join(here.mode.u), strict=True))
    return whole, whole.split(tuple(modes[f] for f in whole.order))


def _is_close(around: Local, first: Objective, one: Objective, other: Objective) -> bool:
    """Whether two numbers of points agree, in estimates and in the error of the fit's."""
    shift = around.covariance @ (one.gradient - other.gradient)
    within = np.abs(shift) <= SETTLED * np.sqrt(np.diag(around.covariance))
    enough = max(CLOSE, SHARE * abs(first.value - other.value))
    return bool(np.all(within)) and abs(one.value - other.value) <= enough


def _by_expansion(
    problem: Problem, here: Objective, covariance: Floats, terms: Expansion
) -> ApproximationError:
    """Take the next terms, and their differences in the parameters that are free."""
    found = ApproximationError(
        value=terms.total,
        shift=None,
        is_settled=terms.size <= POOR * max(problem.n_levels),
        std_error=terms.std_error,
    )
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    moved, n_draws = np.flatnonzero(errors).tolist(), 1
    base: Expansion | None = terms
    if terms.std_error:
        n_draws = int(np.clip(DRAWN_ROWS // problem.n_rows, *DRAWS))
        base = expansion(problem, here.mode, n_draws)
    if problem.n_rows * len(moved) * n_draws > ALL_ROWS:
        return found
    gradient = np.zeros(len(errors))
    for j in moved:
        there = _moved(problem, here, STEP * errors[j] * np.eye(len(errors))[j], n_draws)
        if there is None or base is None:
            return found
        gradient[j] = (there.total - base.total) / (STEP * errors[j])
    return replace(found, shift=covariance @ gradient)


def _moved(problem: Problem, here: Objective, change: Floats, n_draws: int) -> Expansion | None:
    """The terms where the parameters have moved."""
    start = here.mode.u.plus(problem.tangent(here.mode, change))
    there = problem.evaluate(here.mode.point.params.pack() + change, start)
    return None if there is None else expansion(problem, there.mode, n_draws)
