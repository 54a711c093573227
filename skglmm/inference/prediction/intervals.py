r"""Intervals for means, built where they are symmetric: on the scale of the linear predictor.

A group's own mean has the limits :math:`g^{-1}(\hat\eta \pm z\,se(\hat\eta))`; effects of levels
that fit has not seen add their variance to that of the estimates, and limits hold the prediction,
which averages over them. An average over groups,
:math:`m = E_t[g^{-1}(\eta + s t)]` with t standard normal, depends on the estimates through
:math:`\eta` and :math:`s^2`; as :math:`\partial m / \partial s^2 = \tfrac12 \partial^2 m /
\partial \eta^2`, the delta method gives its standard error on any scale.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations_with_replacement

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, OneHot
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
from skglmm.inference.prediction.averages import averages
from skglmm.inference.prediction.normal_limits import normal_limits
from skglmm.inference.prediction.predict import (
    Plan,
    averaged,
    fed,
    linear_predictors,
    predict,
    shift_covariance,
    shift_of,
)
from skglmm.links import Link

__all__ = [
    "Interval",
    "LinearPrediction",
    "average_gradients",
    "average_of",
    "group_variance",
    "link_limits",
    "mean_gradient",
    "mean_interval",
    "predict_linear",
    "row_parts",
    "slope_in",
]

CHUNK = 2**15  # rows at a time
STEP = 1e-4  # of differences in a linear predictor: errors of 1e-8
WIDE = 1e-3  # of second differences: errors of 1e-6, of rounding 1e-10
FEW = 1e-9  # differences, relative to what they are of, that have few digits
LONG = (2e-3, 1e-2)  # steps of first and of second differences there, which are extrapolated


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


def slope_in(of: Callable[[list[Floats]], Floats], eta: Sequence[Floats], k: int) -> Floats:
    """Derivative of functions of the linear predictors in one of them, (n,) or (m, n)."""

    def end(move: float, rows: Ints | None) -> Floats:
        here = list(eta) if rows is None else [each[rows] for each in eta]
        return of([*here[:k], here[k] + move, *here[k + 1 :]])

    def rise(step: float, rows: Ints | None) -> Floats:
        return np.asarray((end(step, rows) - end(-step, rows)) / (2.0 * step))

    above = end(STEP, None)
    found = np.asarray((above - end(-STEP, None)) / (2.0 * STEP))
    return _with_digits(found, STEP, above, rise, LONG[0])


def _with_digits(
    found: Floats,
    scale: float,
    value: Floats,
    difference: Callable[[float, Ints | None], Floats],
    step: float,
) -> Floats:
    """Return differences, those that are mostly rounding by steps that are far longer.

    Means near 1 have few digits: those of their complement are lost in a short step.
    """
    few = np.abs(found) * scale < FEW * np.abs(value)
    rows = np.flatnonzero(few.reshape(-1, few.shape[-1]).any(axis=0))
    if rows.size:
        longer = 4.0 * difference(step, rows) - difference(2.0 * step, rows)
        found[..., rows] = longer / 3.0
    return found


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
    mean, gradient = mean_gradient(fit, design, plan)
    se = np.sqrt(estimates_variance(fit, gradient))
    unit = fit.family.mean_unit(linear_predictors(fit, design, ()))
    return mean, se, *link_limits(fit, mean, stretch * se, level, unit)


def mean_gradient(fit: Fit, design: Design, plan: Plan) -> tuple[Floats, Floats]:
    """Return means, (n,), and their derivatives in (beta, theta), (n, n_params)."""
    where = fit.family.mean_predictors
    average = average_of(lambda eta: fit.family.mean(eta)[None], fit, design, plan, where)
    pairs = average_gradients(fit, design, plan, average, where)
    gradient = sum(slopes[0][:, None] * moves for slopes, moves in pairs)
    return average({})[0], np.asarray(gradient)


Average = Callable[..., Floats]  # of steps, and of the rows that are wanted, or of all


def average_of(
    of: Callable[[list[Floats]], Floats],
    fit: Fit,
    design: Design,
    plan: Plan,
    where: Collection[int],
) -> Average:
    """Return averages over groups, (m, n), as a function of steps of the linear predictors.

    Parameters
    ----------
    of : callable
        From linear predictors, (N,) or (1,) each, to the values of m functions, (m, N).
    fit : Fit
    design : Design, n rows
    plan : Plan
    where : collection of int
        The linear predictors on which they depend.
    """
    eta = linear_predictors(fit, design, plan.conditioned)
    shift = shift_of(fit, design, plan, where)
    found: dict[tuple[tuple[int, float], ...], Floats] = {}

    def average(steps: Mapping[int, float], rows: Ints | None = None) -> Floats:
        moved = [part + steps.get(k, 0.0) for k, part in enumerate(eta)]
        if rows is not None:
            some = [part[rows] for part in moved]
            return averages(lambda part, _: of(part), some, shift.take(rows))
        key = tuple(steps.items())
        if key not in found:
            found[key] = averages(lambda part, _: of(part), moved, shift)
        return found[key]

    return average


def average_gradients(
    fit: Fit, design: Design, plan: Plan, average: Average, where: Collection[int]
) -> Iterator[tuple[Floats, Floats]]:
    """Yield the parts of the derivatives of averages in (beta, theta): slopes and what they move.

    Slopes are (m, n), in a linear predictor or in the covariance of two, whose derivatives are
    (n, n_params).
    """
    for k in where:
        yield _rise(average, k), linear_gradient(fit, design, plan.conditioned, k)
    touched = [k for k in fed(fit) if k in where and plan.integrated]
    for j, k in combinations_with_replacement(touched, 2):
        slopes = _curvature(average, j, k) * (0.5 if j == k else 1.0)
        yield slopes, _covariance_gradient(fit, design, plan, j, k)


def _rise(average: Average, k: int) -> Floats:
    """First derivatives in a linear predictor, (m, n)."""

    def rise(step: float, rows: Ints | None = None) -> Floats:
        return np.asarray((average({k: step}, rows) - average({k: -step}, rows)) / (2.0 * step))

    return _with_digits(rise(WIDE), WIDE, average({}), rise, LONG[0])


def _curvature(average: Average, j: int, k: int) -> Floats:
    """Second derivatives in two linear predictors, (m, n)."""

    def own(step: float, rows: Ints | None = None) -> Floats:
        rise = average({k: step}, rows) - 2.0 * average({}, rows) + average({k: -step}, rows)
        return np.asarray(rise / step**2)

    def shared(step: float, rows: Ints | None = None) -> Floats:
        signs = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
        ends = (a * b * average({j: a * step, k: b * step}, rows) for a, b in signs)
        return np.asarray(sum(ends) / (4.0 * step**2))

    bend = own if j == k else shared
    return _with_digits(bend(WIDE), WIDE**2, average({}), bend, LONG[1])


def _covariance_gradient(fit: Fit, design: Design, plan: Plan, j: int, k: int) -> Floats:
    """Derivative of z_j' Sigma z_k, over the averaged factors, in (beta, theta): (n, n_params)."""
    gradient = np.zeros((design.n_samples, fit.shape.n_params))
    for f, (factor, theta) in enumerate(zip(fit.layout.factors, fit.theta, strict=True)):
        if f in plan.integrated:
            fed_by, lambda_ = np.array(factor.predictors), fit.lambdas[f]
            start = fit.shape.theta(f).start
            z = design.columns[f]
            for m, plain in enumerate(factor.covariance.moves(theta)):
                change = fit.bases[f] @ plain
                if isinstance(z, OneHot):
                    moves = 2.0 * np.sum(change * lambda_, axis=1)
                    gradient[:, start + m] = z.entries**2 * moves[z.index]
                    continue
                left, right = (z[:, fed_by == each] for each in (j, k))
                moved = (left @ change[fed_by == j]) * (right @ lambda_[fed_by == k])
                moved += (left @ lambda_[fed_by == j]) * (right @ change[fed_by == k])
                gradient[:, start + m] = np.sum(moved, axis=1)
    return gradient
