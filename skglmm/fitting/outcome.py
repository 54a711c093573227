"""The outcome of a search as the record of a fit, in the user's units."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.covariance import Covariance, EffectNames
from skglmm.design import Layout
from skglmm.engine import (
    LinearRows,
    Mode,
    Modes,
    Params,
    Problem,
    constant_within,
    effect_information,
    n_pairs,
    posterior,
)
from skglmm.exceptions import DesignError
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.dictated import beside_ceilings
from skglmm.fitting.infinity import Sides
from skglmm.fitting.joint import joint_covariance
from skglmm.fitting.record import Fit
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.ceilings import caps_of
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.search.singular import free_parameters, singular_terms
from skglmm.fitting.uncertainty import Uncertainty, uncertainty
from skglmm.linalg import Posterior

__all__ = ["Outcome", "in_user_units"]

PAIRS_MAX = 2**25  # pairs of levels that are kept beside iterations: 0.8 GB
CERTAIN = 1e-12  # from 1 or -1: correlations that are held there


class Outcome(NamedTuple):
    """What is known of an optimum beside it.

    Parameters
    ----------
    going : sequence of Sides
        Where the coefficients of each predictor go.
    moves : tuple of ndarray, each of shape (n_params, k, L), or None
        Derivative of the modes in the parameters, leading factor first; None without inference.
    rows : LinearRows or Problem
    effects : bool
        Whether to keep the posterior of the random effects.
    std_error : float
        Of the value, where it is estimated.
    """

    going: Sequence[Sides]
    moves: Modes | None
    rows: LinearRows | Problem
    effects: bool
    std_error: float = 0.0


def in_user_units(bound: Bound, optimum: Optimum, outcome: Outcome, tol: float) -> Fit:
    """Return the record of a fit.

    Parameters
    ----------
    bound : Bound
        With all fixed effects as parameters.
    optimum : Optimum
    outcome : Outcome
    tol : float
        Log-likelihood units that may be left to gain.

    Raises
    ------
    DesignError
        When a coefficient, a standard deviation or the log likelihood is not finite.
    """
    going, moves, effects = outcome.going, outcome.moves, outcome.effects
    problem, scales = bound.problem, bound.scales
    mode, params = optimum.here.mode, Params.unpack(optimum.vector, problem.shape)
    layout, bases = bound.layout, scales.effect_maps(bound.layout)
    factors = [c.factor(t) for c, t in zip(problem.covariances, params.theta, strict=True)]
    lambdas = tuple(basis @ factor for basis, factor in zip(bases, factors, strict=True))
    gone = [k for k, side in enumerate(going) if side.change.any()]
    vanishing = problem.family.vanishing
    inference = moves is not None
    keeps_rows = effects and (problem.plan is None or n_pairs(problem) <= PAIRS_MAX)
    fit = Fit(
        family=problem.family,
        layout=layout,
        beta=scales.coefficients(params.beta),
        theta=params.theta,
        lambdas=lambdas,
        u=problem.in_layout_order(problem.join(mode.u)),
        bases=bases,
        aliased=scales.aliased,
        uncertainty=_uncertainty(bound, optimum) if inference else None,
        joint_covariance=_joint(bound, optimum, outcome) if inference else None,
        recession=tuple(side.change for side in going),
        infinities=tuple(side.signs for side in going),
        order=problem.order,
        posterior=_posterior(problem, mode) if effects else None,
        effect_information=effect_information(problem, mode) if keeps_rows else None,
        mode_jacobian=None if moves is None else _user_moves(bound, moves),
        n_samples=bound.n_samples,
        data_digest=bound.data_digest,
        converged=optimum.is_within(tol),
        message=optimum.verdict(tol),
        decrease=optimum.decrease,
        n_evaluations=optimum.n_evaluations,
        n_iterations=optimum.n_iterations,
        singular=_singular(layout, lambdas, factors, params.theta),
        capped=_capped(bound, optimum),
        spaces=bound.spaces,
        null_spaces=scales.null_spaces,
        endless=tuple(layout.predictors[k] for k in gone if vanishing(bound.masses, [k])),
        vanishing=vanishing(bound.masses, gone),
        caps=caps_of(bound, optimum),
        approximation=problem.approximation,
        units=scales.units,
        log_likelihood_std_error=outcome.std_error,
        **_of_objective(bound, optimum),
        **(_of_rows(outcome.rows, scales) if inference else {}),
    )
    _check_finite(fit)
    return fit


def _singular(
    layout: Layout,
    lambdas: Sequence[Floats],
    factors: Sequence[Floats],
    thetas: Sequence[Floats],
) -> tuple[str, ...]:
    """Sentences about variances, correlations and ranges on the boundary."""
    found: list[str] = []
    for named, lambda_, factor, theta in zip(layout.factors, lambdas, factors, thetas, strict=True):
        covariance = named.covariance
        if named.is_smooth:  # a curve without a bend is a straight line
            continue
        names = named.effect_names
        mask = (np.diag(factor) == 0) & covariance.ranked
        held = _held_correlations(covariance, theta, names) if mask.any() else []
        found += singular_terms(named, lambda_, mask, held)
        found += covariance.at_ends(theta, names)
    return tuple(found)


def _held_correlations(covariance: Covariance, theta: Floats, names: EffectNames) -> list[str]:
    """Say which correlations are 1 or -1, as natural parameters call them."""
    every = covariance.natural(theta, np.eye(covariance.size), names)
    values = {each.name: each.value for each in every if not each.name.startswith("sd(")}
    found = [name for name, value in values.items() if abs(abs(value) - 1.0) < CERTAIN]
    return [f"{name} is {values[name]:.0f}" for name in found]


def _of_objective(bound: Bound, optimum: Optimum) -> dict[str, Any]:
    """The objective as log likelihood and log prior, in the units of the user."""
    added = bound.problem.penalized(optimum.vector)
    log_prior = 0.0 if added is None else 0.0 - added[0]
    log_posterior = bound.log_volume - optimum.here.value - bound.log_jacobian
    return {
        "log_likelihood": log_posterior - log_prior,
        "log_volume": bound.log_volume,
        "priors": bound.priors,
        "log_prior": log_prior,
    }


def _of_rows(rows: LinearRows | Problem, scales: Scales) -> dict[str, Any]:
    """What degrees of freedom need to know of the rows."""
    if isinstance(rows, Problem):
        linear = LinearRows.of(rows)
        equations = None if linear is None else linear.equations
        within = constant_within(rows) if linear is None else linear.constant_within
    else:
        equations, within = rows.equations, rows.constant_within
    return {
        "equations": equations,
        "coefficient_maps": scales.coefficient_maps,
        "origins": scales.origins,
        "constant_within": _constant_within(within, scales),
    }


def _constant_within(
    columns_within: Sequence[Sequence[Bools]], scales: Scales
) -> tuple[tuple[Bools, ...], ...]:
    """Which of the user's columns vary between the levels of each factor only."""
    kept = [np.any(turn != 0.0, axis=0) for turn in scales.from_user]
    found = []
    for factor in columns_within:
        columns = [np.zeros(len(each), dtype=np.bool_) for each in kept]
        for column, each, same in zip(columns, kept, factor, strict=True):
            column[each] = same
        found.append(tuple(columns))
    return tuple(found)


def _capped(bound: Bound, optimum: Optimum) -> tuple[str, ...]:
    """Names of the predictors of which a coefficient is held at the ceiling."""
    flags = Params.unpack(optimum.capped.astype(float), bound.problem.shape).beta
    pairs = zip(bound.layout.predictors, flags, strict=True)
    return tuple(name for name, some in pairs if np.any(some))


def _posterior(problem: Problem, mode: Mode) -> Posterior:
    """Posterior covariance of the effects; after that the system has told what it is asked."""
    found = posterior(problem, mode)
    mode.system.let_go()
    return found


def _joint(bound: Bound, optimum: Optimum, outcome: Outcome) -> Floats | None:
    """Covariance of the coefficients of curves; that of a linear mixed model is exact already."""
    return joint_covariance(bound, optimum) if isinstance(outcome.rows, Problem) else None


def _uncertainty(bound: Bound, optimum: Optimum) -> Uncertainty:
    """What the data say of the estimates, with their digits beside rows at a ceiling."""
    free = free_parameters(bound.problem, optimum)
    if not optimum.is_exact:
        return uncertainty(bound.scales, None, free, optimum.capped)
    scales, hessian, dictated = beside_ceilings(bound, optimum, optimum.hessian)
    return uncertainty(scales, hessian, free, optimum.capped, dictated)


def _user_moves(bound: Bound, moves: Modes) -> Modes:
    """Derivatives of the modes, (n_params, k, L), in the coefficients of the user's units."""
    back, n_beta = bound.scales.whole_way_back, bound.problem.shape.n_beta
    return tuple(
        np.concatenate([np.tensordot(back.T, part[:n_beta], axes=1), part[n_beta:]])
        for part in bound.problem.in_layout_order(moves)
    )


def _check_finite(fit: Fit) -> None:
    """Refuse estimates that are not finite, as columns of extreme units have them."""
    names = [
        name
        for coefficients, beta in zip(fit.layout.coefficients, fit.beta, strict=True)
        for name in np.array(coefficients, dtype=object)[~np.isfinite(beta)]
    ]
    names += [
        f"{name} | {factor.name}"
        for factor, lambda_ in zip(fit.layout.factors, fit.lambdas, strict=True)
        for name in np.array(factor.columns, dtype=object)[~np.isfinite(lambda_).all(axis=1)]
    ]
    if names or not np.isfinite(fit.log_likelihood):
        what = f"of {names[0]!r} " if names else ""
        msg = (
            f"the estimate {what}is not finite: the numbers of its column are too large or too "
            "small; bring the columns to ordinary units"
        )
        raise DesignError(msg)
