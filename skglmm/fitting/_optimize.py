r"""Minimize the Laplace objective by a quasi-Newton method with exact gradients.

Steps are :math:`-B^{-1} g` with B started from the information about the parameters and
updated as in BFGS, damped so that it stays positive definite [1]_. The stopping rule is a
pure number: the expected gain :math:`\tfrac12 g^T B^{-1} g`, in log-likelihood units.

References
----------
.. [1] Nocedal, J. & Wright, S. J. (2006). Numerical Optimization, 2nd ed., Springer,
   chapters 3 and 18.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.laplace import Laplace, Problem, laplace, tangent

__all__ = ["Optimum", "Step", "curvature", "finish", "minimize"]

HALVINGS_MAX = 20
ARMIJO = 1e-4  # share of the promised decrease that a step has to bring
SLOPE_MAX = 0.9  # a step without measurable decrease must flatten the slope by this much
NOISE = 1e-9  # relative error of the objective: digits lost where the precision is huge
STEP_MAX = 3.0  # largest change of a parameter in one step, in units of a link
CURVATURE_MIN = 1e-8  # of the scaled Hessian: directions below it are flat


@dataclass(frozen=True)
class Optimum:
    """Where the optimizer stopped.

    Parameters
    ----------
    vector : ndarray, shape (n_params,)
    laplace : Laplace
        The objective there.
    hessian : ndarray, shape (n_params, n_params)
        Approximate Hessian of the objective.
    gain : float
        Decrease of the objective that another step promises.
    n_evaluations, n_iterations : int
    message : str
        Why it stopped, in words.
    """

    vector: Floats
    laplace: Laplace
    hessian: Floats
    gain: float
    n_evaluations: int
    n_iterations: int
    message: str


@dataclass(frozen=True)
class Step:
    """A quasi-Newton step and the decrease it promises."""

    change: Floats
    gain: float


def newton_step(vector: Floats, gradient: Floats, hessian: Floats, upper: Floats) -> Step:
    """Solve for the step; parameters at their bound that push outward stay there."""
    free = ~((vector >= upper) & (gradient < 0))
    change = np.zeros_like(vector)
    change[free] = -_solve(hessian[np.ix_(free, free)], gradient[free])
    gain = -0.5 * float(gradient @ change)
    largest = float(np.max(np.abs(change), initial=0.0))
    if largest > STEP_MAX:
        change *= STEP_MAX / largest
    return Step(np.minimum(vector + change, upper) - vector, gain)


def _solve(hessian: Floats, gradient: Floats) -> Floats:
    """``inv(hessian) @ gradient`` with flat and negative directions made positive."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    values, vectors = np.linalg.eigh(hessian * scale * scale[:, None])
    values = np.maximum(np.abs(values), CURVATURE_MIN)
    return np.asarray(scale * (vectors @ ((vectors.T @ (scale * gradient)) / values)))


def minimize(
    problem: Problem,
    start: Laplace,
    vector: Floats,
    hessian: Floats,
    upper: Floats,
    tol: float,
    max_iter: int,
    report: Callable[[str], None] | None = None,
) -> Optimum:
    """Minimize from `vector`, where the objective is `start`, until the gain is below `tol`."""
    here, evaluations, message = start, 1, f"no convergence in {max_iter} iterations"
    step = newton_step(vector, here.gradient, hessian, upper)
    iteration = 0
    for iteration in range(1, max_iter + 1):
        if step.gain <= tol:
            message = "converged"
            break
        found, n_tried = _search(problem, here, vector, step)
        evaluations += n_tried
        if found is None:
            message = "no further decrease found: the objective is at its rounding error"
            break
        length, there = found
        moved = length * step.change
        hessian = update(hessian, moved, there.gradient - here.gradient)
        vector, here = vector + moved, there
        step = newton_step(vector, here.gradient, hessian, upper)
        if report is not None:
            report(f"iteration {iteration}: objective {here.value:.8f}, gain {step.gain:.2e}")
    return Optimum(vector, here, hessian, step.gain, evaluations, iteration, message)


def _search(
    problem: Problem, here: Laplace, vector: Floats, step: Step
) -> tuple[tuple[float, Laplace] | None, int]:
    """Shorten the step until the objective decreases."""
    slope = float(here.gradient @ step.change)
    direction = tangent(problem, here.mode, step.change)
    length = 1.0
    for tried in range(1, HALVINGS_MAX + 1):
        u = here.mode.point.u
        guess = tuple(a + length * b for a, b in zip(u, direction, strict=True))
        there = laplace(problem, vector + length * step.change, guess)
        if there is not None and _accept(here, there, step.change, slope, length):
            return (length, there), tried
        length *= _shrink(here, there, slope, length)
    return None, HALVINGS_MAX


def _accept(here: Laplace, there: Laplace, change: Floats, slope: float, length: float) -> bool:
    """Sufficient decrease, or, within rounding of the objective, a flatter slope."""
    if there.value <= here.value + ARMIJO * length * slope:
        return True
    close = there.value <= here.value + NOISE * max(1.0, abs(here.value))
    return close and abs(float(there.gradient @ change)) <= SLOPE_MAX * abs(slope)


def _shrink(here: Laplace, there: Laplace | None, slope: float, length: float) -> float:
    """Factor of the next length: the minimum of a parabola, within [0.1, 0.5]."""
    if there is None or not np.isfinite(there.value):
        return 0.25
    excess = there.value - here.value - slope * length
    return float(np.clip(-slope * length / (2 * excess), 0.1, 0.5)) if excess > 0 else 0.5


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


def curvature(problem: Problem, optimum: Optimum, free: Bools, size: float = 1e-4) -> Floats:
    """Hessian of the objective by differences of the exact gradient.

    Steps are `size` standard errors. Rows and columns of parameters that are not `free` are
    those of the identity. Entries are NaN where the objective cannot be evaluated.
    """
    n_params = len(optimum.vector)
    hessian = np.eye(n_params)
    scale = size / np.sqrt(np.maximum(np.diag(optimum.hessian), 1e-300))
    here = optimum.laplace
    for j in np.flatnonzero(free):
        change = np.zeros(n_params)
        change[j] = scale[j]
        direction = tangent(problem, here.mode, change)
        guess = tuple(a + b for a, b in zip(here.mode.point.u, direction, strict=True))
        there = laplace(problem, optimum.vector + change, guess)
        row = np.full(n_params, np.nan) if there is None else there.gradient - here.gradient
        hessian[j, free] = row[free] / scale[j]
    return np.asarray(0.5 * (hessian + hessian.T))


def finish(
    problem: Problem, optimum: Optimum, hessian: Floats, upper: Floats, n_steps: int = 3
) -> Optimum:
    """Newton steps with a differenced Hessian, kept while the promised gain falls."""
    gradient = optimum.laplace.gradient
    step = newton_step(optimum.vector, gradient, hessian, upper)
    vector, here, evaluations = optimum.vector, optimum.laplace, optimum.n_evaluations
    for _ in range(n_steps):
        if step.gain <= np.finfo(float).eps:
            break
        there = laplace(problem, vector + step.change, here.mode.point.u)
        evaluations += 1
        if there is None:
            break
        after = newton_step(vector + step.change, there.gradient, hessian, upper)
        if not after.gain < step.gain:
            break
        vector, here, step = vector + step.change, there, after
    return Optimum(
        vector, here, hessian, step.gain, evaluations, optimum.n_iterations, optimum.message
    )
