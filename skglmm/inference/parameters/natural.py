"""Estimates on their natural scales, with the scales without bounds and the delta method."""

from collections.abc import Callable, Iterator
from math import isnan
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Factor
from skglmm.fitting import Fit
from skglmm.inference.parameters.own_units import user_parameter

__all__ = [
    "Natural",
    "coefficients",
    "constant",
    "correlation_name",
    "delta_covariance",
    "derived",
    "end_of_range",
    "infinite",
    "is_constant",
    "is_open",
    "natural",
    "open_interval",
    "sd_name",
    "std_errors",
    "term_columns",
    "variances",
]

Transform = Callable[[Floats], Floats]


class Natural(NamedTuple):
    """One estimate on its natural scale, with the scale without bounds that intervals use."""

    name: str
    value: float
    gradient: Floats  # of the value, in (beta, theta); NaN on the boundary
    working: float  # the value on the scale without bounds
    slope: float  # derivative of `working` in the value
    back: Transform


def natural(fit: Fit) -> Iterator[Natural]:
    """Yield all parameters as intervals report them."""
    for k in range(len(fit.beta)):
        if is_constant(fit, k):
            yield constant(fit, k)
        else:
            yield from coefficients(fit, k)
    yield from variances(fit)


def is_constant(fit: Fit, k: int) -> bool:
    """Return whether predictor k is one number, and no location."""
    layout = fit.layout
    is_bare = layout.coefficients[k] == ("Intercept",) and not layout.is_shifted(k)
    return is_bare and k not in fit.family.locations


def _identity(x: Floats) -> Floats:
    return x


def _unit(n: int, i: int) -> Floats:
    gradient = np.zeros(n)
    gradient[i] = 1.0
    return gradient


def coefficients(fit: Fit, k: int) -> Iterator[Natural]:
    """Fixed effects of predictor k; those left out have no gradient."""
    start, n = fit.shape.beta(k).start, fit.shape.n_params
    for j, label in enumerate(fit.layout.labels(k)):
        gradient = np.full(n, np.nan) if j in fit.aliased[k] else _unit(n, start + j)
        value = float(fit.beta[k][j])
        yield Natural(label, value, gradient, value, 1.0, _identity)


def constant(fit: Fit, k: int) -> Natural:
    """The one value of a predictor that is an intercept alone, through its link."""
    working = fit.beta[k]

    def back(eta: Floats) -> Floats:
        return user_parameter(fit, k, eta)[0]

    value, slope = (float(part[0]) for part in user_parameter(fit, k, working))
    start, n = fit.shape.beta(k).start, fit.shape.n_params
    flat = slope == 0.0  # so far out that the value is on its boundary, for all digits
    gradient = np.full(n, np.nan) if flat else slope * _unit(n, start)
    steepness = np.inf if flat else 1.0 / slope
    return Natural(_constant_name(fit, k), value, gradient, float(working[0]), steepness, back)


def _constant_name(fit: Fit, k: int) -> str:
    """Return the name of a predictor that is one number: that of its intercept beside a column's.

    A covariate may be called as a parameter, such as the power of a car.
    """
    name, layout = fit.layout.predictors[k], fit.layout
    others = (layout.labels(j) for j in range(len(layout.coefficients)) if j != k)
    return layout.label(k, "Intercept") if any(name in labels for labels in others) else name


def derived(fit: Fit) -> Iterator[Natural]:
    """Parameters that the family derives from linear predictors which are one number each."""
    constants = [float(found[0]) if len(found) else 0.0 for found in fit.beta]
    for name, (value, slopes) in fit.family.derived(constants).items():
        used = np.flatnonzero(slopes)
        if all(is_constant(fit, int(k)) for k in used):
            gradient = np.zeros(fit.shape.n_params)
            gradient[[fit.shape.beta(int(k)).start for k in used]] = slopes[used]
            yield Natural(name, value, gradient, value, 1.0, _identity)


def term_columns(factor: Factor) -> Iterator[range]:
    start = 0
    for size in factor.terms:
        yield range(start, start + size)
        start += size


def variances(fit: Fit) -> Iterator[Natural]:
    """Standard deviations, correlations and the like, term by term."""
    n = fit.shape.n_params
    for f, factor in enumerate(fit.layout.factors):
        for each in factor.covariance.natural(fit.theta[f], fit.bases[f], factor.effect_names):
            gradient = np.full(n, np.nan if np.isnan(each.gradient).any() else 0.0)
            gradient[fit.shape.theta(f)] = each.gradient
            yield Natural(*each._replace(gradient=gradient))


def sd_name(factor: Factor, i: int) -> str:
    return factor.effect_names.sd(i)


def correlation_name(factor: Factor, i: int, j: int) -> str:
    return factor.effect_names.correlation(i, j)


def delta_covariance(fit: Fit, parameters: list[Natural]) -> Floats:
    """Covariance of some parameters by the delta method, NaN where it is not available."""
    shape = (len(parameters), fit.shape.n_params)
    gradients = np.array([p.gradient for p in parameters]).reshape(shape)
    if fit.uncertainty is None:
        return np.full((len(parameters), len(parameters)), np.nan)
    absent = np.any(np.isnan(gradients), axis=1)
    absent |= np.any(gradients[:, fit.uncertainty.held] != 0, axis=1)
    gradients = np.where(np.isnan(gradients), 0.0, gradients)
    lost = absent | ~fit.uncertainty.determines(gradients)
    covariance = gradients @ fit.uncertainty.covariance @ gradients.T
    covariance[lost] = np.nan
    covariance[:, lost] = np.nan
    return np.asarray(covariance)


def infinite(fit: Fit, parameter: Natural) -> float:
    """Return the sign of the infinity at which a parameter has its estimate; 0 if at none."""
    side = _side(fit, parameter)
    return 0.0 if isnan(side) else side


def is_open(fit: Fit, parameter: Natural) -> bool:
    """Return whether any value of a parameter is as good, as what it compares is at infinity."""
    return bool(np.isnan(_side(fit, parameter)))


def _side(fit: Fit, parameter: Natural) -> float:
    """Sign of the infinity of a parameter, NaN where it is open; 0 where its parts disagree."""
    signs = np.concatenate(fit.infinities)
    if not signs.any():
        return 0.0
    ways = np.sign(np.nan_to_num(parameter.gradient[: len(signs)]))
    found = set((ways * signs)[(ways != 0.0) & (signs != 0.0)].tolist())
    return float(found.pop()) if len(found) == 1 else 0.0


FAR = 1e3  # ends of ranges are nearer, and where links of numbers without an end stop is beyond


def open_interval(fit: Fit, parameter: Natural) -> tuple[float, float] | None:
    """Return the interval of a parameter at infinity, whose other end is unknown; or None."""
    sign = infinite(fit, parameter)
    if not sign:
        return None
    away = sign * np.sign(parameter.slope)
    end = end_of_range(parameter, away)
    return (end, np.nan) if away < 0 else (np.nan, end)


def end_of_range(parameter: Natural, away: float) -> float:
    """Return the end of what a parameter can be, downwards or upwards on its scale without bounds.

    The ranges of links end a rounding error before or behind it.
    """
    far = float(parameter.back(np.array(away * np.inf)))
    return round(far, 9) if abs(far) < FAR else float(np.copysign(np.inf, far))


def std_errors(fit: Fit, parameters: list[Natural]) -> Floats:
    """Standard errors of some parameters, NaN where they are not available."""
    variances = np.diag(delta_covariance(fit, parameters))
    return np.sqrt(np.where(variances >= 0, variances, np.nan))
