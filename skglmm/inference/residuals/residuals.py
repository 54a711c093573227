"""Residuals of rows: raw, and scaled by what the family expects of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from skglmm.arrays import Bools, Floats
from skglmm.design import Design
from skglmm.families import Family
from skglmm.fitting import Fit
from skglmm.inference.distribution.quantile import predictive_cdf
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.predict import Plan, linear_predictors, predict
from skglmm.inference.residuals.saturated import saturated

__all__ = [
    "deviance_residuals",
    "normal_score",
    "pearson_residuals",
    "quantile_residuals",
    "random_probability",
    "response_residuals",
]

JUMP = 1e-9  # of the cdf from one number to the next: a point mass, and no rounding
EDGE = 2.0**-53  # probabilities end here on both sides: 8.2 standard deviations


def response_residuals(fit: Fit, design: Design, y: Floats, plan: Plan) -> Floats:
    """Return y - mean, on the family's own scale.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    y : ndarray, shape (n,)
        Responses on the family's own scale.
    plan : Plan
        Which mean.

    Returns
    -------
    ndarray, shape (n,)
        NaN where the plan says so.
    """
    return np.asarray(y - predict(fit, design, plan).mean)


def pearson_residuals(fit: Fit, design: Design, y: Floats, plan: Plan | None = None) -> Floats:
    """Return (y - mean) / standard deviation of a response.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    y : ndarray, shape (n,)
        Responses on the family's own scale.
    plan : Plan or None
        Where it averages over effects, their variance counts, too. None keeps the modes of all
        known levels.

    Returns
    -------
    ndarray, shape (n,)
        NaN where the plan says so; 0 for a response that was certain, as where a bound has the
        probability 1 after separation.
    """
    (fit, design), y = in_own_units(fit, design), fit.units.response(y)
    modes = Plan.of(fit.layout, "conditional", "fixed")
    found = predict(fit, design, plan or modes, spread=True)
    assert found.std is not None  # spread was asked for
    off, certain = y - found.mean, found.std == 0.0
    exact = np.where(np.abs(off) <= np.finfo(np.float64).eps, 0.0, np.copysign(np.inf, off))
    return np.divide(off, found.std, out=exact, where=~certain)


def deviance_residuals(fit: Fit, design: Design, y: Floats, plan: Plan) -> Floats:
    r"""Return signed roots of the unit deviances.

    The unit deviance is :math:`2 (\ell(\tilde\eta) - \ell(\hat\eta))`, where the saturated
    :math:`\tilde\eta` maximizes the density of the one response over the predictor of the
    location while the others keep their estimates [1]_. Of a family with a precision this is a
    model with a mean of its own for each row and the precision of the fit; that mean is near the
    response and, of a beta, not equal to it. The sign is that of :math:`\tilde\eta - \hat\eta`, so
    that the residual is continuous and increasing in the response. An end of the support that has
    a probability of its own, such as a count of 0 or a class, gets all of it from the saturated
    model, whatever predictor it takes; the sign is that of the end.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    y : ndarray, shape (n,)
        Responses inside the family's support, or on its masses.
    plan : Plan
        Whose conditioned factors have their modes; the effects of others are 0.

    Returns
    -------
    ndarray, shape (n,)
        NaN where the plan says so.

    References
    ----------
    .. [1] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates and
       proportions. Journal of Applied Statistics, 31(7), 799-815.
    """
    (fit, design), y = in_own_units(fit, design), fit.units.response(y)
    eta = linear_predictors(fit, design, plan.conditioned)
    prepared = fit.family.prepare(y)
    here = fit.family.log_density(prepared, eta).value
    between = np.flatnonzero(~_is_surest(fit.family, y, eta))
    inner = [np.broadcast_to(part, len(y))[between] for part in eta]
    best = saturated(fit.family, prepared[:, between], inner)
    gain, sign = -here, np.where(y == fit.family.support.low, -1.0, 1.0)
    gain[between], sign[between] = best.value - here[between], best.eta - inner[fit.family.location]
    result = np.copysign(np.sqrt(2.0 * np.maximum(gain, 0.0)), sign)
    result[plan.unknown(fit, design)] = np.nan
    return np.asarray(result)


def _is_surest(family: Family, y: Floats, eta: Sequence[Floats]) -> Bools:
    """Whether responses can have the probability 1, (n,): ends of whole numbers, and masses."""
    if not family.support.is_discrete:
        return np.isin(y, family.support.masses)
    low, high = family.ends(eta)
    return np.asarray((y == low) | (y == high))


def quantile_residuals(
    fit: Fit, design: Design, y: Floats, plan: Plan, rng: np.random.Generator
) -> Floats:
    """Return quantile residuals [1]_: standard normal in a true model, whatever the family.

    Parameters
    ----------
    fit : Fit
        Its estimates count as known.
    design : Design, n rows
    y : ndarray, shape (n,)
        Responses on the family's own scale.
    plan : Plan
        Given the conditional modes, or integrated over the random effects.
    rng : Generator
        Spreads responses of positive probability evenly over the step of the cdf; without such
        responses nothing is random.

    Returns
    -------
    ndarray, shape (n,)
        Between -8.3 and 8.3, as far as probabilities next to 1 can be told from 1; NaN where the
        plan says so.

    References
    ----------
    .. [1] Dunn, P. K. & Smyth, G. K. (1996). Randomized quantile residuals. Journal of
       Computational and Graphical Statistics, 5(3), 236-244.
    """
    (fit, design), y = in_own_units(fit, design), fit.units.response(y)
    known = replace(fit, uncertainty=None)
    high = predictive_cdf(known, design, plan, y)
    eta = linear_predictors(fit, design, plan.conditioned)
    steps = np.flatnonzero(
        _has_step(fit.family, fit.family.cdf(y, eta), _below(fit.family, y, eta))
    )
    if steps.size:
        low = np.zeros(len(steps))
        inner = y[steps] > fit.family.support.low
        rows = steps[inner]
        before = fit.family.support.before(y[rows])
        low[inner] = predictive_cdf(known, design.take(rows), plan, before)
        high[steps] = low + (high[steps] - low) * rng.random(len(steps))
    return normal_score(high)


def random_probability(
    family: Family, y: Floats, eta: Sequence[Floats], rng: np.random.Generator
) -> Floats:
    """Return cdfs at `y`, spread evenly over the steps of the cdf: uniform in a true model."""
    high, low = family.cdf(y, eta), _below(family, y, eta)
    steps = _has_step(family, high, low)
    high[steps] -= (high - low)[steps] * rng.random(np.count_nonzero(steps))
    return high


def _below(family: Family, y: Floats, eta: Sequence[Floats]) -> Floats:
    """Probabilities of responses less than `y`, (n,)."""
    inner = y > family.support.low
    before = np.where(inner, family.support.before(y), y)
    return np.where(inner, family.cdf(before, eta), 0.0)


def _has_step(family: Family, high: Floats, low: Floats) -> Bools:
    """Whether the cdf has steps, from `low` to `high`, (n,): everywhere for whole numbers."""
    return np.asarray((high - low > JUMP) | family.support.is_discrete)


def normal_score(probability: Floats) -> Floats:
    """Return the standard normal quantiles of probabilities, finite also for 0 and 1."""
    return np.asarray(ndtri(np.clip(probability, EDGE, 1.0 - EDGE)))
