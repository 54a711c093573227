r"""Minimize the objective by a quasi-Newton method with exact gradients.

Steps are :math:`-B^{-1} g` with B started from the information about the parameters and
updated as in BFGS, damped so that it stays positive definite [1]_. The stopping rule is a
pure number: the expected decrease :math:`\tfrac12 g^T B^{-1} g`, in log-likelihood units.

References
----------
.. [1] Nocedal, J. & Wright, S. J. (2006). Numerical Optimization, 2nd ed., Springer,
   chapters 3 and 18.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.engine import Objective, Problem, Solver, UnsolvedError
from skglmm.fitting.search.information import first_hessian
from skglmm.fitting.search.line_search import HALVINGS_MAX, Descent, Trial, line_search, noise_of

__all__ = ["DIRECT", "STALLED_DECREASE", "Optimum", "Options", "finish", "minimize", "solved"]

DIRECT = Solver("direct")
MODE_SHARE = 1e-2  # of the promised decrease: gradients on the way are off by a few percent at most
MODE_MIN, MODE_MAX = 1e-14, 1.0  # log-likelihood units
# What may be left to the mode, where a step begins, in promised decreases: value and gradient are
# those at the end of Newton's step. Where the search ends, of the tolerance.
MODE_TRUST, MODE_LEFT = 10.0, 0.1
MODE_NEAR = 100.0  # steps that promise less are short: modes are where their tangents end
STEP_MAX = 3.0  # largest change of a parameter in one step, in units of a link
STALLED_MAX = 4  # iterations in a row that bring less than the tolerance
STALLED_DECREASE = 1e-6  # log-likelihood units: a thousandth of a standard error
# Where rows are at a ceiling: a log density is a difference of terms of the size of the precision,
# e**20, of which rounding leaves 1e-7 for each row, and as much of any gain is hidden. This is the
# rounding of a hundred rows, and a three-hundredth of a standard error.
CAPPED_DECREASE = 1e-5
FINISH_USUAL, FINISH_MAX = 3, 12  # last Newton steps: usual ones, or until within tolerance
FINISH_DECREASE = 1e-14  # usual ones end here, at 1e-7 standard errors
DIAGONAL_MIN = 1e-10  # of the Hessian: a parameter of standardized columns without information
CURVATURE_MIN = 1e-8  # of the scaled Hessian: directions below it are flat


@dataclass(frozen=True)
class Options:
    """Options of the optimizer: tolerance, iterations, report, threads, processes.

    Parameters
    ----------
    tol : float
        Log-likelihood units that may be left to gain.
    max_iter : int
        Most iterations.
    report : callable or None
        Receives one line of text for each iteration.
    n_threads : int
        Threads that share the rows.
    averages : bool
        Whether a fit keeps what averages over the posterior of its random effects need.
    solver : Solver
        Of systems of random effects.
    n_processes : int
        Processes that share the rows, where the rows are needed more than once.
    """

    tol: float = 1e-8
    max_iter: int = 200
    report: Callable[[str], None] | None = None
    n_threads: int = 1
    averages: bool = False
    solver: Solver = DIRECT
    n_processes: int = 1


@dataclass(frozen=True)
class Optimum:
    """An iterate of the optimizer: parameters, objective, Hessian, bounds, and why it stopped.

    Parameters
    ----------
    vector : ndarray, shape (n_params,)
    here : Objective
        The objective there.
    hessian : ndarray, shape (n_params, n_params)
        Approximate Hessian of the objective.
    upper : ndarray, shape (n_params,)
        Upper bounds of the parameters.
    decrease : float
        Decrease of the objective that another step promises.
    n_evaluations, n_iterations : int
    message : str
        Why it stopped, in words.
    is_stalled : bool
        Whether it stopped because the objective would not decrease.
    is_exact : bool
        Whether the Hessian is exact to differences.
    is_saddle : bool
        Whether the objective falls away in a direction in which the exact Hessian says so.
    rounding : float
        By how much rounding changes the objective, where that was measured.
    """

    vector: Floats
    here: Objective
    hessian: Floats
    upper: Floats
    decrease: float = np.inf
    n_evaluations: int = 1
    n_iterations: int = 0
    message: str = "not started"
    is_stalled: bool = False
    is_exact: bool = False
    is_saddle: bool = False
    rounding: float = 0.0

    @cached_property
    def capped(self) -> Bools:
        """Parameters at their bound that would go on, shape (n_params,)."""
        return np.asarray((self.vector >= self.upper) & (self.here.gradient < 0))

    def is_within(self, tol: float) -> bool:
        """Whether no more than `tol`, or what rounding hides from a stall, is left to gain."""
        rounding = CAPPED_DECREASE if self.capped.any() else STALLED_DECREASE
        hidden = max(rounding, self.rounding) if self.is_stalled else 0.0
        return self.decrease <= max(tol, hidden) and not self.is_saddle

    def verdict(self, tol: float) -> str:
        """Why it stopped, with what the gain and the Hessian say of it."""
        if self.is_within(tol):
            return "converged"
        why = "the optimizer stopped" if self.message == "converged" else self.message
        if self.is_saddle:
            return f"{why}, although the likelihood still rises in some direction"
        return f"{why}, although a step promises {self.decrease:.2g} log-likelihood units"

    def step(self) -> "Step":
        """The step to the minimum of the quadratic model; capped parameters stay."""
        capped, gradient = self.capped, self.here.gradient
        if capped.any():
            free, change = ~capped, np.zeros_like(self.vector)
            change[free] = -solved(self.hessian[np.ix_(free, free)], gradient[free])
        else:
            change = -solved(self.hessian, gradient)
        decrease = -0.5 * float(gradient @ change)
        largest = float(np.max(np.abs(change), initial=0.0))
        if largest > STEP_MAX:
            change *= STEP_MAX / largest
        return Step(np.minimum(self.vector + change, self.upper) - self.vector, decrease)


@dataclass(frozen=True)
class Step:
    """A quasi-Newton step and the decrease it promises."""

    change: Floats
    decrease: float


def solved(hessian: Floats, right: Floats) -> Floats:
    """Solve with a Hessian whose flat and negative directions are made positive.

    Parameters
    ----------
    hessian : ndarray, shape (m, m)
    right : ndarray, shape (m,) or (m, n)

    Returns
    -------
    ndarray, of the shape of `right`
    """
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), DIAGONAL_MIN))
    values, vectors = np.linalg.eigh(hessian * scale * scale[:, None])
    values = np.maximum(np.abs(values), CURVATURE_MIN)
    half = vectors * scale[:, None]
    return np.asarray((half / values) @ (half.T @ right))


def minimize(problem: Problem, state: Optimum, options: Options) -> Optimum:
    """Minimize from `state`, whose iterations count, until the gain is within tolerance."""
    n_stalled = 0
    state, step = _sharp_enough(problem, state, options.tol)
    for iteration in range(state.n_iterations + 1, options.max_iter + 1):
        if step.decrease <= options.tol:
            return replace(state, decrease=step.decrease, message="converged")
        state, step, found = _next(problem, replace(state, n_iterations=iteration), step)
        if found is None or n_stalled == STALLED_MAX:
            message = "the objective could not be decreased any further"
            return replace(state, decrease=step.decrease, message=message, is_stalled=True)
        move, there = found
        n_stalled = n_stalled + 1 if there.value > state.here.value - options.tol else 0
        state = replace(
            state,
            vector=state.vector + move,
            here=there,
            hessian=_hessian(problem, state, move, there),
        )
        state, step = _sharp_enough(problem, state, options.tol)
        if options.report is not None:
            options.report(
                f"iteration {iteration}: objective {there.value:.8f}, gain {step.decrease:.2e}"
            )
    return replace(
        state, decrease=step.decrease, message=f"no convergence in {options.max_iter} iterations"
    )


def _sharp_enough(problem: Problem, state: Optimum, tol: float) -> tuple[Optimum, Step]:
    """Return the state, with a mode that is close enough for its next step, and that step."""
    step = state.step()
    while state.here.mode.decrement > max(MODE_TRUST * step.decrease, MODE_LEFT * tol):
        sharp = _sharper(problem, state, max(MODE_SHARE * max(step.decrease, tol), MODE_MIN))
        if sharp is None:
            break
        state, step = sharp, sharp.step()
    return state, step


def _sharper(problem: Problem, state: Optimum, tol: float) -> Optimum | None:
    """Evaluate the objective where it is with a closer mode; None where there is none."""
    state.here.mode.leave()
    here = problem.evaluate(state.vector, state.here.mode.u, tol, "near")
    if here is None or not here.mode.decrement < state.here.mode.decrement:
        return None
    return replace(state, here=here, n_evaluations=state.n_evaluations + 1)


def _next(problem: Problem, state: Optimum, step: Step) -> tuple[Optimum, Step, Descent | None]:
    """Search along the step; where the objective is only roughly known, know it better first.

    Where a step is left to the mode, the value may be too low for any other to be lower.
    """
    if state.here.mode.step is not None:
        found, n_tried = _search(problem, state, step, 1)
        state = replace(state, n_evaluations=state.n_evaluations + n_tried)
        if found is not None:
            return state, step, found
        sharp = _sharper(problem, state, MODE_MIN)
        if sharp is not None:
            state, step = sharp, sharp.step()
    found, n_tried = _search(problem, state, step, HALVINGS_MAX)
    return replace(state, n_evaluations=state.n_evaluations + n_tried), step, found


def _search(
    problem: Problem, state: Optimum, step: Step, n_trials: int
) -> tuple[Descent | None, int]:
    """Search along a step, with modes as close as it needs."""
    here = state.here
    slope = float(here.gradient @ step.change)
    if not slope < 0:  # a step cut off by a bound need not descend
        return None, 0
    direction = problem.tangent(here.mode, step.change)
    tol = float(np.clip(MODE_SHARE * step.decrease, MODE_MIN, MODE_MAX))
    is_short = step.decrease < MODE_NEAR
    here.mode.leave()

    def trial(length: float) -> Trial:
        vector, guess = state.vector + length * step.change, here.mode.u.plus(direction, length)
        try:
            there = problem.evaluate(vector, guess, tol, "near" if is_short else "some")
        except UnsolvedError:  # a shorter step may do
            there = None
        return Trial(step.change, slope, length, there)

    return line_search(here, trial, n_trials)


def _hessian(problem: Problem, state: Optimum, move: Floats, there: Objective) -> Floats:
    """Return the Hessian after a move: anew where the information is close to it."""
    if problem.approximation.is_sharp:
        return first_hessian(problem, there)
    return update(state.hessian, move, there.gradient - state.here.gradient)


def update(hessian: Floats, move: Floats, change: Floats) -> Floats:
    """Powell's damped BFGS update, which keeps a positive definite Hessian so."""
    pushed = hessian @ move
    curve, actual = float(move @ pushed), float(move @ change)
    if not curve > 0:
        return hessian
    if actual < 0.2 * curve:
        share = 0.8 * curve / (curve - actual)
        change = share * change + (1 - share) * pushed
        actual = float(move @ change)
    return np.asarray(
        hessian - np.outer(pushed, pushed) / curve + np.outer(change, change) / actual
    )


def finish(
    problem: Problem,
    state: Optimum,
    hessian: Floats,
    free: Bools,
    tol: float,
    decrease: float = FINISH_DECREASE,
    *,
    learns: bool = False,
) -> Optimum:
    """Newton steps with a Hessian, kept while the promised decrease falls, down to `decrease`.

    Parameters that are not `free` stay as they are, to the last bit. The Hessian stays, too, unless
    it `learns` from the steps as in a search.
    """
    state = replace(state, hessian=hessian, is_exact=True)
    step = state.step()
    for n_steps in range(FINISH_MAX):
        if step.decrease <= (tol if n_steps >= FINISH_USUAL else decrease):
            break
        vector = state.vector + np.where(free, step.change, 0.0)
        move = problem.tangent(state.here.mode, vector - state.vector)
        guess = state.here.mode.u.plus(move)
        state.here.mode.leave()
        there = problem.evaluate(vector, guess, MODE_MIN, "near")
        if there is None or not there.value <= state.here.value + noise_of(state.here):
            break
        moved = replace(
            state,
            vector=vector,
            here=there,
            n_evaluations=state.n_evaluations + 1,
        )
        if learns:
            change = there.gradient - state.here.gradient
            hessian = update(state.hessian, vector - state.vector, change)
            moved = replace(moved, hessian=hessian)
        after = moved.step()
        if not after.decrease < step.decrease:
            break
        state, step = moved, after
    return replace(state, decrease=step.decrease)
