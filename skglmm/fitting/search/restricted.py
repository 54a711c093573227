r"""Restricted likelihoods: a search without the fixed effects that are integrated out.

The search walks on all other parameters :math:`\psi`. Given these the fixed effects have the mode
:math:`\hat\beta(\psi)` and the inverse C of their information, of a normal response
:math:`(X^T V^{-1} X)^{-1}`. With V, the inverse Hessian of psi, and
:math:`J = d \hat\beta / d \psi` their covariance is :math:`C + J V J^T`, and :math:`J V` that with
psi, as in glmmTMB: a mean that is no linear predictor moves with the variances, however many the
rows are, and C alone would leave that out, half of a variance and more.

Of a normal response J vanishes on average, and C is what is published: that is the textbook's [1]_
and lme4's, on which t-tests and their degrees of freedom rest. There the joint covariance adds a
part of what is lost by the variances being estimated: in some unbalanced models that makes standard
errors larger by a tenth.

References
----------
.. [1] Harville, D. A. (1977). Maximum likelihood approaches to variance component estimation and
   to related problems. Journal of the American Statistical Association, 72(358), 320-338.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import log, pi
from typing import TypeVar

import numpy as np

from skglmm import engine
from skglmm.arrays import Bools, Floats
from skglmm.engine import (
    Effects,
    Mode,
    Objective,
    Params,
    Problem,
    find_mode,
    jacobian,
)
from skglmm.exceptions import DesignError
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.separation import recession
from skglmm.fitting.uncertainty import determined, least_curvatures

__all__ = ["log_volume", "restricted", "with_integrated"]

MODE_TOL = 1e-10  # log-likelihood units: the search has found it
T = TypeVar("T", Floats, Bools)


def restricted(bound: Bound, vector: Floats) -> Bound:
    """Return the rows without the fixed effects that the approximation integrates out.

    Parameters
    ----------
    bound : Bound
        Itself the answer if there are none.
    vector : ndarray, shape (n_params,)
        All parameters, near the estimates.

    Raises
    ------
    ValueError
        If one of the predictors has a limit, which an integral would know nothing of.
    DesignError
        If the rows, by weight, are no more than the fixed effects: nothing is left then.
    """
    before = bound.problem
    problem = before.restricted(Params.unpack(vector, before.shape).beta)
    gone = [
        k for k, n in enumerate(before.shape.n_coefficients) if n > problem.shape.n_coefficients[k]
    ]
    if not gone:
        return bound
    for k in gone:
        if before.family.limits[k].is_finite:
            name = bound.layout.predictors[k]
            msg = f"the fixed effects of the {name}, which has a limit, cannot be integrated out"
            raise ValueError(msg)
    _refuse_saturated(before, len(problem.flat))
    return replace(
        bound,
        problem=problem,
        scales=_without(bound.scales, gone),
        whole=bound,
        log_volume=log_volume(bound, gone),
    )


def _refuse_saturated(problem: Problem, n_flat: int) -> None:
    n_rows, mass = problem.n_rows, problem.total_weight
    if mass <= n_flat:  # a row of weight 2 is two rows
        rows = f"{n_rows} rows" + (f" of total weight {mass:.3g}" if mass != n_rows else "")
        msg = (
            f"{rows} are too few for REML with {n_flat} fixed effects: nothing is left of the "
            "responses that would tell variances. Leave fixed effects out, or add rows"
        )
        raise DesignError(msg)


def log_volume(bound: Bound, gone: Sequence[int]) -> float:
    """Return what the integral over the fixed effects of some predictors adds to a log likelihood.

    In the units of the user's columns.
    """
    n_flat = sum(bound.problem.shape.n_coefficients[k] for k in gone)
    return 0.5 * n_flat * log(2.0 * pi) + sum(_log_units(bound.scales, k) for k in gone)


def _without(scales: Scales, gone: Sequence[int]) -> Scales:
    """Return the maps where some predictors have no coefficients but the user's."""

    def kept(parts: Sequence[T]) -> tuple[T, ...]:
        return tuple(x[..., :0] if k in gone else x for k, x in enumerate(parts))

    pairs = enumerate(scales.from_user)
    left = np.concatenate([np.full(len(x), k not in gone) for k, x in enumerate(scales.sizes)])
    return replace(
        scales,
        centers=kept(scales.centers),
        sizes=kept(scales.sizes),
        constant=kept(scales.constant),
        widths=kept(scales.widths),
        to_user=kept(scales.to_user),
        from_user=tuple(back[:0] if k in gone else back for k, back in pairs),
        carried=None if scales.carried is None else scales.carried[:, left],
    )


def _log_units(scales: Scales, k: int) -> float:
    """Log of the volume, in the user's units, of a unit cube of standardized coefficients."""
    to_user = np.delete(scales.coefficient_maps[k], scales.aliased[k], axis=0)
    return float(np.linalg.slogdet(to_user)[1])


def with_integrated(bound: Bound, optimum: Optimum) -> tuple[Bound, Optimum]:
    """Return rows and optimum of a search with all fixed effects as parameters.

    The value stays that of the search, the Hessian has its covariances; the mode is that of the
    random effects given all parameters.

    Raises
    ------
    DesignError
        If the integral over the fixed effects is infinite, as where responses are separated.
    """
    if bound.whole is None:
        return bound, optimum
    whole, here = bound.entire, optimum.here
    problem = whole.problem
    kept, turn = problem.searched, _turn(bound)
    crossed, flat = np.split(here.mode.u.crossed, [problem.n_crossed])
    vector, gradient = np.empty(len(kept)), np.zeros(len(kept))
    vector[kept], vector[~kept], gradient[kept] = optimum.vector, turn @ flat, here.gradient
    start = Effects(here.mode.u.nested, crossed)
    hessian = _hessian(bound, optimum, kept, turn)
    here.mode.leave()
    mode = find_mode(problem, Params.unpack(vector, problem.shape), start, MODE_TOL, "near")
    assert mode is not None  # for H is a block of the one that was definite
    mode = replace(mode, system=engine.sharpened(mode.system))
    given = np.where(np.add.outer(kept, kept), 0.0, hessian)
    _refuse_flat(whole, vector, mode, given)
    upper = np.full(len(kept), np.inf)
    upper[kept] = optimum.upper
    found = replace(
        optimum,
        vector=vector,
        here=Objective(here.value, gradient, mode),
        hessian=hessian,
        upper=upper,
    )
    return replace(whole, log_volume=bound.log_volume), found


def _turn(bound: Bound) -> Floats:
    """From the fixed effects of the search to those that rows which are held have, (p, p)."""
    assert bound.whole is not None
    if not bound.caps:
        return np.eye(len(bound.problem.flat))
    turn = bound.entire.scales.whole_way_back @ bound.whole.scales.whole_map
    gone = ~bound.whole.problem.searched[: len(turn)]
    return np.asarray(turn[np.ix_(gone, gone)])


def _hessian(bound: Bound, optimum: Optimum, kept: Bools, turn: Floats) -> Floats:
    """Hessian in all parameters, whose inverse is their covariance."""
    problem, mode = bound.problem, optimum.here.mode
    n_flat = len(problem.flat)
    conditional = mode.system.corner(n_flat)
    information = np.linalg.inv(turn @ conditional @ turn.T)
    hessian = np.zeros((len(kept), len(kept)))
    hessian[np.ix_(~kept, ~kept)] = information
    hessian[np.ix_(kept, kept)] = optimum.hessian
    if problem.family.is_normal or not kept.any():
        return hessian
    moves = turn @ jacobian(problem, mode)[-1][:, :, 0].T
    crossed = information @ moves
    hessian[np.ix_(kept, kept)] += moves.T @ crossed
    hessian[np.ix_(~kept, kept)] = -crossed
    hessian[np.ix_(kept, ~kept)] = -crossed.T
    return hessian


def _refuse_flat(whole: Bound, vector: Floats, mode: Mode, information: Floats) -> None:
    """Refuse fixed effects without information: the likelihood goes on along them for ever."""
    problem, scales = whole.problem, whole.scales
    n_theta = problem.shape.n_params - problem.shape.n_beta
    inside = np.any(information != 0.0, axis=0)
    flat = determined(information, inside, least_curvatures(scales, n_theta))[1]
    if not flat.size:
        return
    here = problem.evaluate(vector, mode.u)
    ways = (sign * way for way in flat.T for sign in (1.0, -1.0))
    rising = np.zeros(len(vector)) if here is None else recession(problem, vector, here, ways)
    if problem.family.is_normal and not rising.any():
        return  # its information does not depend on where the estimates are
    moved = np.abs(rising if rising.any() else flat.T).reshape(-1, len(vector)).sum(axis=0)
    parts = zip(whole.layout.predictors, Params.unpack(moved, problem.shape).beta, strict=True)
    names = " and ".join(predictor for predictor, part in parts if part.any())
    why = "responses are separated along them"
    if not rising.any():
        why = "the likelihood hardly changes with them, as far out where responses are separated"
    msg = (
        f"the fixed effects of the {names} cannot be integrated out (REML): {why}, so that the "
        "integral is infinite; fit with reml=False"
    )
    raise DesignError(msg)
