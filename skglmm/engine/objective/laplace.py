r"""The Laplace objective: minus the approximate log likelihood.

With :math:`h(u) = -\log f(y \mid u) + \lVert u \rVert^2 / 2`, mode :math:`\hat u` and Hessian
:math:`H`, the objective is :math:`h(\hat u) + \tfrac12 \log\det H`; the powers of
:math:`2\pi` cancel.
"""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.mode.mode import DECREMENT_TOL, Distance, Mode, find_mode, mode_at
from skglmm.engine.mode.point import Slopes, nearby
from skglmm.engine.objective.gradient import gradient
from skglmm.engine.objective.sensitivity import tangent
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Split
from skglmm.engine.rows.params import Params
from skglmm.parts import Parts

__all__ = ["Laplace", "gradient_near", "laplace"]


@dataclass(frozen=True)
class Laplace:
    """The objective at some parameters.

    Parameters
    ----------
    value : float
        Minus the Laplace approximation of the log likelihood.
    gradient : ndarray, shape (n_params,)
    mode : Mode
    """

    value: float
    gradient: Floats
    mode: Mode


def laplace(
    problem: Problem,
    vector: Floats,
    start: Split | None = None,
    tol: float = DECREMENT_TOL,
    distance: Distance = "some",
) -> Laplace | None:
    """Evaluate the objective and its gradient at a parameter vector.

    Parameters
    ----------
    problem : Problem
    vector : ndarray, shape (n_params,)
        Parameters, see `Params.unpack`.
    start : Split or None
        Where the search of the mode begins; zero by default.
    tol : float
        How far from the mode it may end: what another step would lower h by. Value and gradient
        are corrected for it, see `gradient`.
    distance : {"far", "some", "near"}
        Of `start` from the mode, see `find_mode`; "far" without a start.

    Returns
    -------
    Laplace or None
        None where the density is not finite or no mode is found: a rejected step.
    """
    params = Params.unpack(vector, problem.shape)
    if start is None:
        start, distance = problem.zero(), "far"
    return _of(problem, find_mode(problem, params, start, tol, distance))


def gradient_near(
    problem: Problem, here: Laplace, change: Floats, slopes: Parts[Slopes]
) -> Floats | None:
    """Gradient where the parameters have changed a little, by Taylor's formula.

    Differences of two of these, one of them with a change of zero, are derivatives; a single one
    lacks what is left to the mode. None where the objective does not exist.

    Parameters
    ----------
    problem : Problem
    here : Laplace
    change : ndarray, shape (n_params,)
    slopes : Parts
        Of the third derivatives of `here`, see `third_slopes`.
    """
    point = here.mode.point
    if not np.any(change):
        return gradient(problem, replace(here.mode, step=None))[0]
    params = Params.unpack(point.params.pack() + change, problem.shape)
    u = point.u.plus(tangent(problem, here.mode, change))
    mode = mode_at(problem, nearby(problem, point, params, u, slopes))
    return None if mode is None else gradient(problem, mode)[0]


def _of(problem: Problem, mode: Mode | None) -> Laplace | None:
    if mode is None:
        return None
    slopes, end, rise = gradient(problem, mode)
    return Laplace(end.value + mode.system.half_logdet + rise, slopes, mode)
