r"""How far an approximated likelihood is off, and the estimates with it.

Where quadrature can integrate, with more and more points until they agree; everywhere else by the
next terms of Laplace's expansion. The gradient of what the approximation leaves out, times the
covariance of the estimates, is the step of Newton's method towards those of the integral itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import AdaptiveQuadrature, Effects, Expansion, Objective, Problem, expansion
from skglmm.exceptions import DesignError
from skglmm.fitting import Local, Study

__all__ = ["ApproximationError", "approximation_error"]

NEGLIGIBLE = 0.02  # sum of all terms, without signs, that moves no estimate noticeably
POINTS = (5, 11, 25)  # where Laplace's approximation was taken
SETTLED, CLOSE = 0.05, 0.1  # standard errors, and units, by which enough points differ from more
NODE_ROWS = 200_000_000  # rows times nodes that are evaluated at the most
STEP = 0.1  # standard errors, of differences
DRAWS = 200  # for each difference, of the same numbers
DRAWN_ROWS = 200_000_000  # rows times draws for all differences, at the most


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
        Whether more points would change little, and `value` is what it is.
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
    n_points = getattr(study.problem.approximation, "n_points", 1)
    if n_points > 1:
        return _by_more_points(study, here, around, n_points)
    terms = expansion(study.problem, here.mode) if study.problem.order else None
    if terms is None or terms.size < NEGLIGIBLE:
        return None
    found = _by_more_points(study, here, around, n_points)
    return _by_expansion(study, here, around, terms) if found is None else found


def _by_more_points(
    study: Study, here: Objective, around: Local, n_points: int
) -> ApproximationError | None:
    """Compare with quadrature until more points change little; None where there is none."""
    path = [(n_points, here)]
    for n_more, there in _refined(study, here, n_points):
        path.append((n_more, there))
        if _differs_little(around, *(each for _, each in path[-2:])):
            break
    if len(path) == 1:
        return None
    (n_last, last), before = path[-1], path[:-1]
    enough = [n for n, each in before if _differs_little(around, each, last)]
    return ApproximationError(
        value=here.value - last.value,
        shift=around.covariance @ (here.gradient - last.gradient),
        n_points=enough[0] if enough else n_last,
        is_settled=bool(enough),
    )


def _refined(study: Study, here: Objective, n_points: int) -> Iterator[tuple[int, Objective]]:
    """Yield numbers of points, with the objective of each at the estimates."""
    problem, layout = study.problem, study.design.layout
    size, vector = sum(k for k, _ in problem.sizes), here.mode.point.params.pack()
    doubled = list(accumulate(range(2), lambda n, _: 2 * n + 1, initial=n_points))[1:]
    for n_more in POINTS if n_points == 1 else doubled:
        if problem.n_rows * n_more**size > NODE_ROWS:
            return
        try:
            refined = problem.approximated(AdaptiveQuadrature(n_more), layout)
        except (DesignError, ValueError):  # other random effects, or too many points
            return
        there = refined.evaluate(vector, here.mode.u)
        if there is None:
            return
        yield n_more, there


def _differs_little(around: Local, one: Objective, other: Objective) -> bool:
    shift = around.covariance @ (one.gradient - other.gradient)
    within = np.abs(shift) <= SETTLED * np.sqrt(np.diag(around.covariance))
    return bool(np.all(within)) and abs(one.value - other.value) <= CLOSE


def _by_expansion(
    study: Study, here: Objective, around: Local, terms: Expansion
) -> ApproximationError:
    problem = study.problem
    errors = np.sqrt(np.maximum(np.diag(around.covariance), 0.0))
    moved = np.flatnonzero(errors).tolist()
    if problem.n_rows * (len(moved) + 1) * (DRAWS if terms.std_error else 1) > DRAWN_ROWS:
        return ApproximationError(terms.total, None, std_error=terms.std_error)
    gradient = np.zeros(len(errors))
    base = expansion(problem, here.mode, DRAWS)
    for j in moved:
        there = _moved(problem, here, j, STEP * errors[j])
        if base is None or there is None:
            return ApproximationError(terms.total, None, std_error=terms.std_error)
        gradient[j] = (there.total - base.total) / (STEP * errors[j])
    shift = around.covariance @ gradient
    return ApproximationError(terms.total, shift, std_error=terms.std_error)


def _moved(problem: Problem, here: Objective, j: int, length: float) -> Expansion | None:
    """The terms where a parameter has moved."""
    change = np.zeros(problem.shape.n_params)
    change[j] = length
    start: Effects = here.mode.u.plus(problem.tangent(here.mode, change))
    there = problem.evaluate(here.mode.point.params.pack() + change, start)
    return None if there is None else expansion(problem, there.mode, DRAWS)
