r"""Intervals for means, built where they are symmetric: on the scale of the linear predictor.

A group's own mean has the limits :math:`g^{-1}(\hat\eta \pm z\,se(\hat\eta))`; effects of levels
that fit has not seen add their variance to that of the estimates. An average over groups,
:math:`m = E_t[g^{-1}(\eta + s t)]` with t standard normal, depends on the estimates through
:math:`\eta` and :math:`s^2`; as :math:`\partial m / \partial s^2 = \tfrac12 \partial^2 m /
\partial \eta^2`, the delta method gives its standard error on any scale.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.fitting import Fit
from skglmm.inference._predict import Plan, linear_predictors, predict, shift_variance
from skglmm.inference._quadrature import rule
from skglmm.inference._uncertainty import (
    known_covariance,
    linear_gradient,
    linear_variance,
)

__all__ = ["Interval", "LinearPrediction", "mean_interval", "predict_linear"]

CHUNK = 2**15  # rows at a time
STEP = 1e-4  # of differences in a linear predictor: errors of 1e-8
WIDE = 1e-3  # of second differences: errors of 1e-6, of rounding 1e-10


@dataclass(frozen=True)
class LinearPrediction:
    """A linear predictor of each row, (n,), and its standard error, on the link's scale."""

    value: Floats
    std: Floats


@dataclass(frozen=True)
class Interval:
    """Means on the family's own scale, (n,), their standard errors and limits."""

    mean: Floats
    se: Floats
    lower: Floats
    upper: Floats


def linear_value(fit: Fit, design: Design, plan: Plan, predictor: int = 0) -> Floats:
    """Return a linear predictor, (n,); NaN where the plan says so."""
    value = linear_predictors(fit, design, plan.conditioned)[predictor]
    return np.where(plan.unknown(fit, design, predictor), np.nan, value)


def predict_linear(fit: Fit, design: Design, plan: Plan, predictor: int = 0) -> LinearPrediction:
    """Return a linear predictor with the uncertainty of estimates, modes and unseen levels.

    Parameters
    ----------
    fit : Fit
    design : Design
    plan : Plan
        Whose modes enter; effects that are averaged over count with their variance.
    predictor : int, default=0
        Index of the linear predictor.
    """
    parts = [_linear(fit, part, plan, predictor) for part in _parts(design)]
    found = map(np.concatenate, zip(*parts, strict=True))
    unknown = plan.unknown(fit, design, predictor)
    return LinearPrediction(*(np.where(unknown, np.nan, part) for part in found))


def mean_interval(fit: Fit, design: Design, plan: Plan, level: float) -> Interval:
    """Return means with standard errors and limits.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
    level : float
        Coverage, such as 0.95.
    """
    z = float(ndtri(0.5 + level / 2.0))
    interval = _average_interval if plan.integrated else _group_interval
    parts = [interval(fit, part, plan, z) for part in _parts(design)]
    return Interval(*map(np.concatenate, zip(*parts, strict=True)))


def _parts(design: Design) -> Iterator[Design]:
    """Some rows at a time: derivatives in all parameters are large."""
    if design.n_samples <= CHUNK:
        yield design
        return
    for start in range(0, design.n_samples, CHUNK):
        yield design.take(slice(start, start + CHUNK))


def _linear(fit: Fit, design: Design, plan: Plan, predictor: int) -> tuple[Floats, Floats]:
    """Value and standard error."""
    value = linear_predictors(fit, design, plan.conditioned)[predictor]
    variance = linear_variance(fit, design, plan.conditioned, predictor)
    if predictor == 0:
        variance = variance + shift_variance(fit, design, plan)
    return value, np.sqrt(np.maximum(variance, 0.0))


def _group_interval(fit: Fit, design: Design, plan: Plan, z: float) -> tuple[Floats, ...]:
    """Mean, standard error and limits where nothing is averaged over in every row."""
    value, std = _linear(fit, design, plan, 0)
    others = linear_predictors(fit, design, plan.conditioned)[1:]
    mean = predict(fit, design, plan).mean
    known = np.where(np.isnan(mean), np.nan, 1.0)  # links know no NaN
    ends = (known * fit.family.mean([value + s * z * std, *others]) for s in (-1, 1))
    return mean, known * _slope(fit, value, others) * std, *ends


def _slope(fit: Fit, eta: Floats, others: list[Floats]) -> Floats:
    """Derivative of the mean in the first linear predictor, (n,)."""
    above, below = (fit.family.mean([eta + step, *others]) for step in (STEP, -STEP))
    return np.asarray((above - below) / (2.0 * STEP))


def _average_interval(fit: Fit, design: Design, plan: Plan, z: float) -> tuple[Floats, ...]:
    """Mean, standard error and limits of averages over groups."""
    eta, *others = linear_predictors(fit, design, plan.conditioned)
    sd = np.sqrt(shift_variance(fit, design, plan))
    above, mean, below = (_average(fit, eta + step, sd, others) for step in (WIDE, 0.0, -WIDE))
    by_eta, by_variance = (above - below) / (2 * WIDE), (above - 2 * mean + below) / (2 * WIDE**2)
    gradient = by_eta[:, None] * linear_gradient(fit, design, plan.conditioned, 0)
    gradient += by_variance[:, None] * _variance_gradient(fit, design, plan)
    covariance = known_covariance(fit)
    se = np.sqrt(np.einsum("ip,pq,iq->i", gradient, covariance, gradient, optimize=True))
    center = fit.family.links[0].link(mean)
    spread = z * se / _slope(fit, center, others)
    ends = (fit.family.mean([center + s * spread, *others]) for s in (-1, 1))
    return mean, se, *ends


def _average(fit: Fit, eta: Floats, sd: Floats, others: list[Floats]) -> Floats:
    """Means averaged over normal shifts of the first linear predictor, (n,)."""
    nodes, weights = rule(float(sd.max(initial=0.0)))
    average, step = np.zeros_like(eta), max(1, CHUNK // max(1, len(eta)))
    for some in (slice(start, start + step) for start in range(0, len(nodes), step)):
        shifted = eta + np.multiply.outer(nodes[some], sd)
        repeated = [np.tile(part, len(shifted)) for part in others]
        means = fit.family.mean([shifted.ravel(), *repeated])
        average += weights[some] @ means.reshape(shifted.shape)
    return average


def _variance_gradient(fit: Fit, design: Design, plan: Plan) -> Floats:
    """Derivative of z' Sigma z, over the averaged factors, in (beta, theta): (n, n_params)."""
    gradient = np.zeros((design.n_samples, len(known_covariance(fit))))
    start = sum(len(part) for part in fit.beta)
    for f, (factor, theta) in enumerate(zip(fit.layout.factors, fit.theta, strict=True)):
        if f in plan.integrated:
            feeds = np.array(factor.predictors) == 0
            z = design.columns[f][:, feeds]
            changes = (fit.bases[f] @ factor.covariance.factor_grad(theta))[:, feeds]
            rooted = z @ fit.roots[f][feeds]
            for m, change in enumerate(changes):
                gradient[:, start + m] = 2.0 * np.sum((z @ change) * rooted, axis=1)
        start += len(theta)
    return gradient
