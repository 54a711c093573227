r"""The Laplace objective: minus the approximate log likelihood.

With :math:`h(u) = -\log f(y \mid u) + \lVert u \rVert^2 / 2`, mode :math:`\hat u` and Hessian
:math:`H`, the objective is :math:`h(\hat u) + \tfrac12 \log\det H`; the powers of
:math:`2\pi` cancel.
"""

from dataclasses import dataclass

from skglmm.arrays import Floats
from skglmm.laplace._gradient import gradient
from skglmm.laplace._mode import DECREMENT_TOL, Mode, find_mode, mode_at
from skglmm.laplace._params import Params
from skglmm.laplace._problem import Problem
from skglmm.laplace._split import Split

__all__ = ["Laplace", "laplace", "laplace_at"]


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
    *,
    is_near: bool = False,
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
        How far from the mode it may end: what another step would lower h by. The objective is
        corrected for it, so that its error is of the order of `tol`; that of the gradient is of
        the order of its root, in units of one over a standard error.
    is_near : bool, default=False
        Whether `start` is likely to be good enough.

    Returns
    -------
    Laplace or None
        None where the density is not finite or no mode is found: a rejected step.
    """
    params = Params.unpack(vector, problem.shape)
    start = problem.zero() if start is None else start
    return _of(problem, find_mode(problem, params, start, tol, is_near=is_near))


def laplace_at(problem: Problem, vector: Floats, u: Split) -> Laplace | None:
    """Evaluate the objective and its gradient as if u, as `start` of `laplace`, were the mode."""
    return _of(problem, mode_at(problem, Params.unpack(vector, problem.shape), u))


def _of(problem: Problem, mode: Mode | None) -> Laplace | None:
    if mode is None:
        return None
    value = mode.point.value + mode.system.half_logdet
    slopes, pull = gradient(problem, mode)
    if mode.left is not None:  # to the mode: h falls, and half the log determinant moves
        value += mode.left.dot(pull) - mode.decrement
    return Laplace(value, slopes, mode)
