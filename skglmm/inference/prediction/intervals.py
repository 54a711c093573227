r"""Intervals for means, built where they are symmetric: on the scale of the linear predictor.

A group's own mean has the limits :math:`g^{-1}(\hat\eta \pm z\,se(\hat\eta))`; effects of levels
that fit has not seen add their variance to that of the estimates, and limits hold the prediction,
which averages over them. An average over groups,
:math:`m = E_t[g^{-1}(\eta + s t)]` with t standard normal, depends on the estimates through
:math:`\eta` and :math:`s^2`; as :math:`\partial m / \partial s^2 = \tfrac12 \partial^2 m /
\partial \eta^2`, the delta method gives its standard error on any scale.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations_with_replacement

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.reference import Normal, Reference, t_quantile
from skglmm.inference.parameters.delta import (
    estimates_variance,
    linear_gradient,
    linear_variance,
    posterior_covariance,
)
from skglmm.inference.parameters.new_places import at_new_places
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.average_slopes import average_slopes, curve_variance
from skglmm.inference.prediction.averages import averages
from skglmm.inference.prediction.normal_limits import normal_limits
from skglmm.inference.prediction.predict import (
    Plan,
    averaged,
    linear_predictors,
    predict,
    shift_covariance,
    shift_of,
)
from skglmm.inference.prediction.slopes import slope_in
from skglmm.links import Link

__all__ = [
    "Interval",
    "LinearPrediction",
    "group_variance",
    "link_limits",
    "mean_interval",
    "predict_linear",
    "row_parts",
]

CHUNK = 2**15  # rows at a time


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


def linear_value(fit: Fit, design: Design, plan: Plan, predictor: int | None = None) -> Floats:
    """Return a linear predictor, (n,), by default the location's; NaN where the plan says so."""
    predictor = fit.family.location if predictor is None else predictor
    fit, design = at_new_places(fit, design, jointly=False)
    if plan.is_posterior:
        value = averaged(partial(_one_of, predictor), fit, design, plan, (predictor,))[0]
    else:
        value = linear_predictors(fit, design, plan.conditioned)[predictor]
    return np.where(plan.unknown(fit, design, (predictor,), every_level=False), np.nan, value)


def _one_of(predictor: int, eta: list[Floats], rows: Ints) -> Floats:
    return np.broadcast_to(eta[predictor], rows.shape)[None]


def predict_linear(
    fit: Fit, design: Design, plan: Plan, predictor: int | None = None
) -> LinearPrediction:
    """Return a linear predictor with the uncertainty of estimates, modes and unseen levels.

    Parameters
    ----------
    fit : Fit
    design : Design
    plan : Plan
        Whose modes enter; effects that are averaged over count with their variance.
    predictor : int, default=None
        Place of the linear predictor; that of the location, if it is not given.
    """
    predictor = fit.family.location if predictor is None else predictor
    fit, design = at_new_places(fit, design, jointly=False)
    parts = [_linear(fit, part, plan, predictor) for part in row_parts(design)]
    found = map(np.concatenate, zip(*parts, strict=True))
    unknown = plan.unknown(fit, design, (predictor,), every_level=False)
    return LinearPrediction(*(np.where(unknown, np.nan, part) for part in found))


def mean_interval(
    fit: Fit, design: Design, plan: Plan, level: float, against: Reference | None = None
) -> Interval:
    """Return means with standard errors and limits.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
    level : float
        Coverage, such as 0.95.
    against : Reference, default=None
        What means of fixed effects alone are compared with, each with its own degrees of freedom;
        by default the normal distribution, which those with effects of groups always have.
    """
    if plan.conditioned or fit.family.mean_predictors != (fit.family.location,):
        against = None
    against = Normal(fit) if against is None else against
    units, (fit, design) = fit.units, in_own_units(against.applied(), design, jointly=False)
    interval = _average_interval if plan.integrated else _group_interval
    parts = [
        interval(fit, part, plan, level, _stretch(against, part, level))
        for part in row_parts(design)
    ]
    unknown = plan.unknown(fit, design, fit.family.mean_predictors)
    found = map(np.concatenate, zip(*parts, strict=True))
    mean, se, lower, upper = (np.where(unknown, np.nan, part) for part in found)
    user = units.user_response
    return Interval(user(mean), units.width * se, user(lower), user(upper))


def _stretch(against: Reference, design: Design, level: float) -> Floats:
    """By how much t quantiles of the degrees of freedom of rows exceed the normal one, (n,)."""
    if not against.has_df:
        return np.ones(design.n_samples)
    contrasts = np.zeros((design.n_samples, against.fit.shape.n_beta))
    own = against.fit.family.location
    contrasts[:, against.fit.shape.beta(own)] = design.fixed[own]
    return t_quantile(level, against.df(contrasts)) / t_quantile(level, np.array(np.inf))


def row_parts(design: Design) -> Iterator[Design]:
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
    variance += shift_covariance(fit, design, plan, predictor, predictor)
    return value, np.sqrt(np.maximum(variance, 0.0))


def _given_estimates(fit: Fit, design: Design, plan: Plan, j: int, k: int) -> Floats:
    """Covariance of two linear predictors given the estimates, (n,), unseen levels included."""
    known = posterior_covariance(fit, design, plan.conditioned, j, k)
    return known + shift_covariance(fit, design, plan, j, k)


def _group_interval(
    fit: Fit, design: Design, plan: Plan, level: float, stretch: Floats
) -> tuple[Floats, ...]:
    """Mean, standard error and limits where nothing is averaged over in every row."""
    alone = fit.family.mean_predictors == (fit.family.location,)
    mean = predict(fit, design, plan).mean
    if not alone:
        return mean, *_mean_limits(fit, design, plan, mean, level)
    return mean, *_exact_limits(fit, design, plan, mean, level, stretch)


def _exact_limits(
    fit: Fit, design: Design, plan: Plan, mean: Floats, level: float, stretch: Floats
) -> Iterator[Floats]:
    """Standard error and limits of means that depend on the location's predictor alone."""
    where = fit.family.location
    value, std = _linear(fit, design, plan, where)
    eta = linear_predictors(fit, design, plan.conditioned)
    yield std * np.abs(slope_in(fit.family.mean, eta, where))
    averaged = shift_of(fit, design, plan, (where,)).is_wide
    point = np.where(averaged, on_link(fit, mean / fit.family.mean_unit(eta)), value)
    known = np.where(np.isnan(std), np.nan, 1.0)  # links know no NaN
    for limit in _increasing(fit, normal_limits(value, stretch * std, point, level)):
        eta[where] = np.where(np.isnan(std), value, limit)
        yield known * fit.family.mean(eta)


def _mean_limits(
    fit: Fit, design: Design, plan: Plan, mean: Floats, level: float
) -> Iterator[Floats]:
    """Standard error and limits of means that depend on several linear predictors.

    Effects of unseen levels may be large, and reach where slopes at 0 know nothing of: limits take
    moments of what they add on the scale of the link.
    """
    eta, where = linear_predictors(fit, design, plan.conditioned), fit.family.mean_predictors
    slopes = {k: slope_in(fit.family.mean, eta, k) for k in where}
    yield np.sqrt(group_variance(fit, design, plan, slopes))
    estimated = np.sqrt(group_variance(fit, design, replace(plan, unseen="fixed"), slopes))
    unit = np.broadcast_to(fit.family.mean_unit(eta), mean.shape)
    middle = on_link(fit, fit.family.mean(eta) / unit)

    def moments(part: list[Floats], rows: Ints) -> Floats:
        off = on_link(fit, fit.family.mean(part) / unit[rows]) - middle[rows]
        return np.stack([off, off**2])

    off, square = averages(moments, eta, shift_of(fit, design, plan, where))
    spread = np.hypot(
        _on_link_spread(fit, middle, estimated / unit), np.sqrt(np.maximum(square - off**2, 0.0))
    )
    limits = normal_limits(middle + off, spread, on_link(fit, mean / unit), level)
    lower, upper = _from_link(fit, limits)
    yield np.minimum(unit * lower, mean)  # means of two parts may be beyond the reach of the link
    yield np.maximum(unit * upper, mean)


def group_variance(fit: Fit, design: Design, plan: Plan, slopes: Mapping[int, Floats]) -> Floats:
    """Variance, by the delta method, of functions of the linear predictors of one row each.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
        Whose modes enter; unseen levels add their variance.
    slopes : mapping of int to ndarray, shape (n,) or (m, n)
        Derivatives in the linear predictors that matter.
    """
    variance = _estimated(fit, design, plan, slopes)
    for j, k in combinations_with_replacement(slopes, 2):
        twice = 1.0 if j == k else 2.0
        given = _given_estimates(fit, design, plan, j, k)
        variance = variance + twice * slopes[j] * slopes[k] * given
    return np.maximum(variance, 0.0)


def _estimated(fit: Fit, design: Design, plan: Plan, slopes: Mapping[int, Floats]) -> Floats:
    """The part of the estimates in `group_variance`; NaN where the data do not determine it."""
    moves = {k: linear_gradient(fit, design, plan.conditioned, k) for k in slopes}
    shape = np.broadcast_shapes(*(slope.shape for slope in slopes.values()), (design.n_samples,))
    whole = {k: np.broadcast_to(slope, shape).reshape(-1, shape[-1]) for k, slope in slopes.items()}
    found = np.zeros((int(np.prod(shape[:-1])), shape[-1]))
    for part in range(len(found)):
        gradient = np.zeros((design.n_samples, fit.shape.n_params))
        for k, move in moves.items():
            gradient += whole[k][part][:, None] * move
        found[part] = estimates_variance(fit, gradient)
    return found.reshape(shape)


def on_link(fit: Fit, mean: Floats) -> Floats:
    """Means on the scale of the link of the location, finite ones."""
    return _link(fit).link_within(mean)


def _link(fit: Fit) -> Link:
    return fit.family.links[fit.family.location]


def link_limits(
    fit: Fit, mean: Floats, se: Floats, level: float, unit: Floats | float
) -> Iterator[Floats]:
    """Limits of means, in some unit, on the scale of the link, by the delta method."""
    center = on_link(fit, mean / unit)
    spread = _on_link_spread(fit, center, se / unit)
    for limit in _from_link(fit, normal_limits(center, spread, center, level)):
        yield unit * limit


def _on_link_spread(fit: Fit, center: Floats, se: Floats) -> Floats:
    """Standard errors on the scale of the link; 0 where means are too flat there to tell."""
    slope = np.abs(_link(fit).inverse(center, 1).slopes[0])
    return np.divide(se, slope, out=0.0 * se, where=slope > 0.0)


def _from_link(fit: Fit, limits: Iterable[Floats]) -> Iterator[Floats]:
    for limit in _increasing(fit, limits):
        known = np.where(np.isnan(limit), np.nan, 1.0)  # links know no NaN
        yield known * _link(fit).inverse(np.nan_to_num(limit)).value


def _increasing(fit: Fit, limits: Iterable[Floats]) -> list[Floats]:
    """The limits of linear predictors in the order of their means."""
    lower, upper = limits
    return [upper, lower] if _link(fit).is_decreasing else [lower, upper]


def _average_interval(
    fit: Fit, design: Design, plan: Plan, level: float, stretch: Floats
) -> tuple[Floats, ...]:
    """Mean, standard error and limits of averages over groups."""
    found = average_slopes(fit, design, plan)
    mean, variance = found.mean, estimates_variance(fit, found.gradient)
    se = np.sqrt(variance + curve_variance(fit, design, plan, found.slopes))
    unit = fit.family.mean_unit(linear_predictors(fit, design, ()))
    return mean, se, *link_limits(fit, mean, stretch * se, level, unit)
