r"""Minimize the objective over all parameters but one coordinate, which stays or is moved.

Quasi-Newton steps :math:`d` minimize :math:`g^T d + \tfrac12 d^T B d` under
:math:`a^T d = \delta`; the multiplier of this constraint is the derivative of the profile [1]_.

References
----------
.. [1] Nocedal, J. & Wright, S. J. (2006). Numerical Optimization, 2nd ed., Springer,
   chapters 16 and 18.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.engine import Objective
from skglmm.fitting import (
    STALLED_MAX,
    Optimum,
    Trial,
    differenced_hessian,
    first_hessian,
    line_search,
    positive,
    solved,
    stiffened,
    update,
)
from skglmm.inference.uncertainty.axis import Axis

__all__ = ["Iterate", "begin", "minimized", "moved", "step"]

TOL = 1e-8  # log-likelihood units that may be left to gain
STALLED = 1e-5  # the same where rounding allows no more: 3e-6 of the end of an interval
ITERATIONS_MAX = 60
SMALL, RESTART = 1e-2, 0.05  # spreads below the one begin again at the other, in units of a link
CLEARLY = 1.5  # times the price of such a restart that the next step has to promise


@dataclass(frozen=True)
class Iterate:
    """An iterate of a profile: parameters, objective, Hessian.

    Parameters
    ----------
    vector : ndarray, shape (n_params,)
    here : Objective
        The objective there.
    hessian : ndarray, shape (n_params, n_params)
        Positive definite approximation.
    """

    vector: Floats
    here: Objective
    hessian: Floats


class ConstrainedStep(NamedTuple):
    """A step, the decrease that it promises, and the slope of the objective off the rest."""

    change: Floats
    decrease: float
    multiplier: float


def begin(axis: Axis) -> Iterate:
    """The estimates, with an exact Hessian."""
    here = axis.problem.evaluate(axis.vector)
    if here is None:
        msg = "the likelihood is not finite at the estimates: these are not the rows of the fit"
        raise ValueError(msg)
    return _refreshed(axis, axis.vector, here)


def _refreshed(axis: Axis, vector: Floats, here: Objective) -> Iterate:
    optimum = Optimum(vector, here, first_hessian(axis.problem, here), axis.upper)
    hessian = differenced_hessian(axis.problem, optimum, np.ones(len(vector), dtype=np.bool_))
    if hessian is None:
        return Iterate(vector, here, optimum.hessian)
    every = np.ones(len(vector), dtype=np.bool_)
    return Iterate(vector, here, positive(stiffened(hessian, every, axis.least)))


def step(axis: Axis, iterate: Iterate, distance: float = 0.0) -> ConstrainedStep:
    """Return the best step that moves the coordinate by a distance."""
    x, g, a = iterate.vector, iterate.here.gradient, axis.direction
    low, high = x <= axis.lower, x >= axis.upper
    held = ((low & (g > 0)) | (high & (g < 0))) & (a == 0)
    while True:
        found = _constrained(iterate.hessian, g, a, ~held, distance)
        out = ((low & (found.change < 0)) | (high & (found.change > 0))) & (a == 0) & ~held
        if not np.any(out):
            return found
        held |= out


def _constrained(
    hessian: Floats, g: Floats, a: Floats, free: Bools, distance: float
) -> ConstrainedStep:
    inner = hessian[np.ix_(free, free)]
    by_g, by_a = solved(inner, np.stack([g[free], a[free]], axis=1)).T
    steep = float(a[free] @ by_a)
    multiplier = float(a[free] @ by_g) / steep
    change = np.zeros_like(g)
    change[free] = (multiplier + distance / steep) * by_a - by_g
    return ConstrainedStep(change, -0.5 * float(g @ change), multiplier)


def moved(axis: Axis, iterate: Iterate, distance: float) -> Iterate | None:
    """Move the coordinate, and all else as the Hessian foretells; None where that fails."""
    return _at(axis, iterate, _within(axis, iterate.vector, step(axis, iterate, distance).change))


def _within(axis: Axis, vector: Floats, change: Floats) -> Floats:
    """The change with all but the coordinate kept within bounds."""
    inside = np.clip(vector + change, axis.lower, axis.upper) - vector
    return np.where(axis.direction == 0, inside, change)


def _at(axis: Axis, iterate: Iterate, change: Floats) -> Iterate | None:
    """The iterate after a change of the parameters."""
    there = _evaluated(axis, iterate, change)
    return None if there is None else _after(iterate, change, there)


def _evaluated(axis: Axis, iterate: Iterate, change: Floats) -> Objective | None:
    """The objective after a change of the parameters, its modes moved along."""
    mode = iterate.here.mode
    guess = mode.u.plus(axis.problem.tangent(mode, change))
    there = axis.problem.evaluate(iterate.vector + change, guess)
    return None if there is None or not np.isfinite(there.value) else there


def _after(iterate: Iterate, change: Floats, there: Objective) -> Iterate:
    hessian = update(iterate.hessian, change, there.gradient - iterate.here.gradient)
    return Iterate(iterate.vector + change, there, hessian)


def minimized(axis: Axis, iterate: Iterate) -> Iterate | None:
    """Minimize with the coordinate where it is; None where no minimum is found."""
    found = _minimized(axis, iterate)
    if found is None:
        found = _minimized(axis, _refreshed(axis, iterate.vector, iterate.here))
    return None if found is None else _restarted(axis, found)


def _minimized(axis: Axis, iterate: Iterate) -> Iterate | None:
    n_stalled, following = 0, step(axis, iterate)
    for _ in range(ITERATIONS_MAX):
        if following.decrease <= TOL:
            return iterate
        after = _searched(axis, iterate, following)
        if after is None or n_stalled == STALLED_MAX:
            break
        n_stalled = n_stalled + 1 if after.here.value > iterate.here.value - TOL else 0
        iterate, following = after, step(axis, after)
    return iterate if following.decrease <= STALLED else None


def _searched(axis: Axis, iterate: Iterate, following: ConstrainedStep) -> Iterate | None:
    """Shorten a step until the objective decreases."""

    def trial(share: float) -> Trial:  # bounds bend the way
        change = _within(axis, iterate.vector, share * following.change)
        slope = float(iterate.here.gradient @ change)
        return Trial(change, slope, 1.0, _evaluated(axis, iterate, change))

    found, _ = line_search(iterate.here, trial)
    return None if found is None else _after(iterate, *found)


def _restarted(axis: Axis, iterate: Iterate) -> Iterate:
    """Leave spreads of zero, where the gradient is zero by symmetry, if there is less beyond."""
    small = [m for m in axis.spreads if abs(iterate.vector[m]) < SMALL]
    if not small:
        return iterate
    change = np.zeros_like(iterate.vector)
    change[small] = np.where(iterate.vector[small] < 0, -RESTART, RESTART) - iterate.vector[small]
    beyond = _at(axis, iterate, change)
    if beyond is None:
        return iterate
    price = beyond.here.value - iterate.here.value
    if step(axis, beyond).decrease <= CLEARLY * price + TOL:
        return replace(iterate, hessian=beyond.hessian)
    found = _minimized(axis, beyond)
    return iterate if found is None or found.here.value >= iterate.here.value else found
