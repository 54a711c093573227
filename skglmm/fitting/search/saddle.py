"""Saddles of the objective: told apart from rounding, and left.

Differences of gradients are as good as the densities of the rows, which are differences of large
numbers where a precision is at its ceiling: then a Hessian may be indefinite by rounding alone. So
the objective itself is asked, a step aside, and its own rounding is measured.
"""

from dataclasses import replace

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.engine import Objective, Problem
from skglmm.fitting.search.hessian import falling
from skglmm.fitting.search.line_search import noise_of
from skglmm.fitting.search.optimize import Optimum

__all__ = ["beside_saddle", "rounding_of"]

STEPS = (0.1, -0.1, 1.0, -1.0)  # standard errors: as far as a saddle reaches
NOTHING = (1e-9, 3e-9)  # steps along which the objective is a straight line, but for rounding


def beside_saddle(problem: Problem, optimum: Optimum, free: Bools) -> Optimum | None:
    """Return a lower point in the direction in which the exact Hessian falls; None if none is.

    Parameters
    ----------
    problem : Problem
    optimum : Optimum
        With its exact Hessian.
    free : ndarray of bool, shape (n_params,)
        Parameters that may move.
    """
    direction = falling(optimum.hessian, free)
    if not direction.any():
        return None
    ends = [_moved(problem, optimum, length * direction) for length in STEPS]
    lowest = min((end for end in ends if end is not None), key=_value, default=None)
    rounding = rounding_of(problem, optimum, free)
    if lowest is None or not _value(lowest) < optimum.here.value - rounding:
        return None
    n_evaluations = optimum.n_evaluations + len(STEPS) + 2 * len(NOTHING)
    return replace(lowest, n_evaluations=n_evaluations, is_stalled=False, decrease=np.inf)


def rounding_of(problem: Problem, optimum: Optimum, free: Bools) -> float:
    """Return by how much rounding changes the objective, in log-likelihood units."""
    scale = np.where(free, 1.0 / np.sqrt(np.maximum(np.abs(np.diag(optimum.hessian)), 1.0)), 0.0)
    apart = [noise_of(optimum.here)]
    for length in NOTHING:
        ends = [_moved(problem, optimum, sign * length * scale) for sign in (1.0, -1.0)]
        values = [_value(end) for end in ends if end is not None]
        if len(values) == 2 and np.isfinite(values).all():
            apart.append(abs(sum(values) / 2.0 - optimum.here.value))
    return max(apart)


def _moved(problem: Problem, optimum: Optimum, change: Floats) -> Optimum | None:
    vector = np.minimum(optimum.vector + change, optimum.upper)
    mode = optimum.here.mode
    guess = mode.u.plus(problem.tangent(mode, vector - optimum.vector))
    there: Objective | None = problem.evaluate(vector, guess)
    return None if there is None else replace(optimum, vector=vector, here=there)


def _value(optimum: Optimum) -> float:
    return optimum.here.value
