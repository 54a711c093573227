"""The last steps of a search: onto the boundary, and with a Hessian that is exact."""

from dataclasses import replace

import numpy as np

from skglmm.engine import Params, Problem
from skglmm.fitting.search.hessian import differenced_hessian
from skglmm.fitting.search.information import positive
from skglmm.fitting.search.optimize import Optimum, Options, finish, minimize
from skglmm.fitting.search.saddle import beside_saddle, rounding_of
from skglmm.fitting.search.singular import free_parameters, leave_saddle, rectified, spreads

__all__ = ["exact", "polish"]

NEXT_TO = 1e-10  # log-likelihood units: a hundred-thousandth of a standard error
BESIDE = 1e-9  # of a step within which the curvature counts as the same
BESIDE_SPREAD = 1e-5  # the same of a linear mixed model, relative to each standard deviation


def polish(problem: Problem, optimum: Optimum, options: Options, *, inference: bool) -> Optimum:
    """Put an optimum on the boundary where it belongs, and make it exact.

    Parameters
    ----------
    problem : Problem
    optimum : Optimum
    options : Options
    inference : bool
        Whether its Hessian is wanted, of which the covariance of the estimates is the inverse.
    """
    optimum = rectified(problem, leave_saddle(problem, optimum, options), options.tol)
    if not inference and optimum.decrease <= options.tol:
        return optimum
    optimum = exact(problem, optimum, options.tol)
    cut_short = optimum.n_iterations >= options.max_iter
    if optimum.is_within(options.tol) or not optimum.is_exact or cut_short:
        return optimum
    # The Hessian changes too fast for Newton's last steps: go on from it, once.
    beside = beside_saddle(problem, optimum, free_parameters(problem, optimum)) or optimum
    restart = replace(beside, hessian=positive(optimum.hessian), is_stalled=False, is_saddle=False)
    again = minimize(problem, restart, options)
    return exact(problem, rectified(problem, again, options.tol), options.tol)


def exact(problem: Problem, optimum: Optimum, tol: float) -> Optimum:
    """Finish an optimum with a differenced Hessian, which V is the inverse of.

    Parameters
    ----------
    problem : Problem
    optimum : Optimum
    tol : float
        Log-likelihood units that may be left to gain.
    """
    free = free_parameters(problem, optimum)
    if optimum.decrease <= tol:  # V belongs to the optimum: difference the Hessian next to it
        optimum = finish(problem, optimum, optimum.hessian, free, tol, NEXT_TO, learns=True)
    hessian = differenced_hessian(problem, optimum, free)
    n_evaluations = optimum.n_evaluations + int(free.sum())
    optimum = replace(optimum, n_evaluations=n_evaluations, is_exact=False)
    if hessian is None:
        return optimum
    finished = finish(problem, optimum, hessian, free, tol)
    if _came_far(problem, optimum, finished):  # curvature changes fast beside a boundary
        hessian = differenced_hessian(problem, finished, free)
        finished = finished if hessian is None else replace(finished, hessian=hessian)
    if _are_at_floor(problem, finished):  # what is left to gain is rounding, noticed or not
        finished = replace(finished, is_stalled=True)
    if finished.is_stalled and finished.capped.any():
        finished = replace(finished, rounding=rounding_of(problem, finished, free))
    return replace(finished, is_saddle=beside_saddle(problem, finished, free) is not None)


def _came_far(problem: Problem, before: Optimum, after: Optimum) -> bool:
    """Whether the last steps led away from where the Hessian was taken."""
    step = after.vector - before.vector
    if problem.approximation.is_sharp:
        places = spreads(problem)
        return bool(np.any(np.abs(step[places]) > BESIDE_SPREAD * np.abs(after.vector[places])))
    return bool(0.5 * step @ after.hessian @ step > BESIDE)


def _are_at_floor(problem: Problem, optimum: Optimum) -> bool:
    """Whether the model reproduces all rows: rounding is a part of every score that counts."""
    flags = Params.unpack(optimum.capped.astype(np.float64), problem.shape).beta
    triples = zip(problem.family.parameters, problem.family.limits, flags, strict=True)
    return any(
        each.reproduces and limit.sign < 0.0 and len(some) == 1 and some.all()
        for each, limit, some in triples
    )
