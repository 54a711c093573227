"""Wald statistics: standard errors by the delta method, intervals that stay in their range."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from skglmm.arrays import Bools, Floats
from skglmm.design import Factor
from skglmm.fitting import Fit

__all__ = [
    "Coefficients",
    "Component",
    "Covariances",
    "Intervals",
    "coefficient_tables",
    "intervals",
    "variance_components",
    "vcov",
]

UNIT = 1e-12  # a correlation this close to one is one, but for rounding
Transform = Callable[[Floats], Floats]


class _Parameter(NamedTuple):
    """One estimate on its natural scale, with the scale without bounds that intervals use."""

    name: str
    value: float
    gradient: Floats  # of the value, in (beta, theta); NaN on the boundary
    working: float  # the value on the scale without bounds
    slope: float  # derivative of `working` in the value
    back: Transform


@dataclass(frozen=True)
class Coefficients:
    """Fixed effects of one linear predictor, on its own scale.

    Parameters
    ----------
    predictor : str
    names : tuple of str, length p
    estimate, std_error, statistic, p_value : ndarray, shape (p,)
        Wald statistics; NaN for columns that were left out and without inference.
    """

    predictor: str
    names: tuple[str, ...]
    estimate: Floats
    std_error: Floats
    statistic: Floats
    p_value: Floats


@dataclass(frozen=True)
class Component:
    """Variances of the random effects of one term, on the linear predictor's scale.

    Parameters
    ----------
    group : str
        Grouping factor.
    n_levels : int
    effects : tuple of str, length k
    variance, sd, sd_std_error : ndarray, shape (k,)
    correlation, correlation_std_error : ndarray, shape (k, k)
        NaN where the model has no correlation, or a variance is 0.
    """

    group: str
    n_levels: int
    effects: tuple[str, ...]
    variance: Floats
    sd: Floats
    sd_std_error: Floats
    correlation: Floats
    correlation_std_error: Floats


@dataclass(frozen=True)
class Covariances:
    """Covariance matrix of named estimates.

    Parameters
    ----------
    names : tuple of str, length m
    matrix : ndarray, shape (m, m)
        NaN for estimates on the boundary of their range.
    """

    names: tuple[str, ...]
    matrix: Floats


@dataclass(frozen=True)
class Intervals:
    """Confidence intervals on natural scales.

    Parameters
    ----------
    names : tuple of str, length m
    estimate, low, high : ndarray, shape (m,)
    level : float
    """

    names: tuple[str, ...]
    estimate: Floats
    low: Floats
    high: Floats
    level: float


def coefficient_tables(fit: Fit) -> tuple[Coefficients, ...]:
    """Return the fixed effects of each linear predictor with their Wald statistics."""
    tables = []
    for k, predictor in enumerate(fit.layout.predictors):
        parameters = list(_coefficients(fit, k))
        estimate = np.array([parameter.value for parameter in parameters])
        error = _std_errors(fit, parameters)
        with np.errstate(divide="ignore", invalid="ignore"):  # no error: no statistic
            statistic = np.where(error > 0, estimate / error, np.nan)
        p_value = 2.0 * ndtr(-np.abs(statistic))
        names = fit.layout.coefficients[k]
        tables.append(Coefficients(predictor, names, estimate, error, statistic, p_value))
    return tuple(tables)


def variance_components(fit: Fit) -> tuple[Component, ...]:
    """Return the standard deviations and correlations of each random-effects term."""
    errors = {p.name: e for p, e in _with_errors(fit, list(_variances(fit)))}
    return tuple(
        _component(factor, columns, sigma, errors)
        for f, factor in enumerate(fit.layout.factors)
        for sigma in [fit.roots[f] @ fit.roots[f].T]
        for columns in _term_columns(factor)
    )


def vcov(fit: Fit, component: str = "fixed") -> Covariances:
    r"""Return the covariance of the estimates.

    With the natural parameters :math:`\gamma(\beta, \theta)`, their Jacobian G and the inverse
    Hessian V of the negative log likelihood it is :math:`G V G^T` (the delta method).

    Parameters
    ----------
    fit : Fit
    component : {"fixed", "all"}
        Fixed effects of all linear predictors on their own scales; or these and the standard
        deviations and correlations of the random effects.
    """
    parameters = [p for k in range(len(fit.beta)) for p in _coefficients(fit, k)]
    if component == "all":
        parameters += _variances(fit)
    return Covariances(tuple(p.name for p in parameters), _covariance(fit, parameters))


def intervals(fit: Fit, level: float = 0.95) -> Intervals:
    """Return Wald intervals, built on scales without bounds and mapped back.

    Standard deviations are on the log scale, correlations on that of Fisher's atanh; a linear
    predictor that is an intercept alone, such as a constant precision, is on its link's scale
    and is reported through the link.
    """
    parameters = list(_natural(fit))
    half = float(ndtri(0.5 + level / 2.0))
    low, high = np.full(len(parameters), np.nan), np.full(len(parameters), np.nan)
    for i, (parameter, error) in enumerate(_with_errors(fit, parameters)):
        if np.isfinite(error):
            reach = half * error * abs(parameter.slope)
            ends = parameter.back(parameter.working + np.array([-reach, reach]))
            low[i], high[i] = np.sort(ends)
    names = tuple(p.name for p in parameters)
    return Intervals(names, np.array([p.value for p in parameters]), low, high, level)


def constant_level(fit: Fit, k: int) -> tuple[float, float] | None:
    """Return value and standard error of a predictor that is one number, through its link.

    None for the first predictor, the mean, and for predictors with covariates.
    """
    if not _is_constant(fit, k):
        return None
    parameter = _level(fit, k)
    return parameter.value, float(_std_errors(fit, [parameter])[0])


def _natural(fit: Fit) -> Iterator[_Parameter]:
    for k in range(len(fit.beta)):
        if _is_constant(fit, k):
            yield _level(fit, k)
        else:
            yield from _coefficients(fit, k)
    yield from _variances(fit)


def _is_constant(fit: Fit, k: int) -> bool:
    return k > 0 and fit.layout.coefficients[k] == ("Intercept",)


def _identity(x: Floats) -> Floats:
    return x


def _unit(n: int, i: int) -> Floats:
    gradient = np.zeros(n)
    gradient[i] = 1.0
    return gradient


def _n_params(fit: Fit) -> int:
    return sum(len(part) for part in (*fit.beta, *fit.theta))


def _coefficients(fit: Fit, k: int) -> Iterator[_Parameter]:
    """Fixed effects of predictor k; those left out have no gradient."""
    start, n = sum(map(len, fit.beta[:k])), _n_params(fit)
    predictor = fit.layout.predictors[k]
    for j, name in enumerate(fit.layout.coefficients[k]):
        gradient = np.full(n, np.nan) if j in fit.aliased[k] else _unit(n, start + j)
        value = float(fit.beta[k][j])
        label = name if k == 0 else f"{predictor}({name})"
        yield _Parameter(label, value, gradient, value, 1.0, _identity)


def _level(fit: Fit, k: int) -> _Parameter:
    """The one value of a predictor that is an intercept alone, through its link."""
    link, working = fit.family.links[k], fit.beta[k]

    def back(eta: Floats) -> Floats:
        return np.asarray(link.inverse(eta, 1)[0])

    value, slope = float(back(working)[0]), float(link.inverse(working, 1).slopes[0][0])
    start, n = sum(map(len, fit.beta[:k])), _n_params(fit)
    gradient = slope * _unit(n, start)
    return _Parameter(
        fit.layout.predictors[k], value, gradient, float(working[0]), 1.0 / slope, back
    )


def _term_columns(factor: Factor) -> Iterator[range]:
    start = 0
    for size in factor.terms:
        yield range(start, start + size)
        start += size


def _free_pairs(factor: Factor) -> Bools:
    """Which covariances of a factor's effects the model has, shape (k, k)."""
    mask = factor.covariance.mask.astype(float)
    return np.asarray(mask @ mask.T > 0)


def _sigma_gradient(fit: Fit, f: int) -> Floats:
    """Derivative of the covariance of a factor's effects in (beta, theta), (n_params, k, k)."""
    covariance = fit.layout.factors[f].covariance
    slopes = fit.bases[f] @ covariance.factor_grad(fit.theta[f])
    half = slopes @ fit.roots[f].T
    gradient = np.zeros((_n_params(fit), covariance.size, covariance.size))
    start = sum(map(len, (*fit.beta, *fit.theta[:f])))
    gradient[start : start + covariance.n_params] = half + half.transpose(0, 2, 1)
    return gradient


def _variances(fit: Fit) -> Iterator[_Parameter]:
    """Standard deviations and correlations, term by term."""
    for f, factor in enumerate(fit.layout.factors):
        sigma, gradient = fit.roots[f] @ fit.roots[f].T, _sigma_gradient(fit, f)
        sd, free = np.sqrt(np.diag(sigma)), _free_pairs(factor)
        for columns in _term_columns(factor):
            for i in columns:
                yield _sd(_sd_name(factor, i), float(sd[i]), gradient[:, i, i])
            for i, j in combinations(columns, 2):
                if free[i, j]:
                    name = _correlation_name(factor, i, j)
                    yield _correlation(name, sigma, gradient, i, j)


def _sd_name(factor: Factor, i: int) -> str:
    return f"sd({factor.columns[i]} | {factor.name})"


def _correlation_name(factor: Factor, i: int, j: int) -> str:
    return f"corr({factor.columns[i]}, {factor.columns[j]} | {factor.name})"


def _sd(name: str, value: float, variance_gradient: Floats) -> _Parameter:
    if value == 0:
        return _Parameter(
            name, 0.0, np.full_like(variance_gradient, np.nan), -np.inf, np.inf, np.exp
        )
    gradient = variance_gradient / (2.0 * value)
    return _Parameter(name, value, gradient, float(np.log(value)), 1.0 / value, np.exp)


def _correlation(name: str, sigma: Floats, gradient: Floats, i: int, j: int) -> _Parameter:
    nothing = np.full(len(gradient), np.nan)
    if sigma[i, i] == 0 or sigma[j, j] == 0:
        return _Parameter(name, np.nan, nothing, np.nan, np.nan, np.tanh)
    scale = np.sqrt(sigma[i, i] * sigma[j, j])
    value = float(sigma[i, j] / scale)
    if abs(value) >= 1.0 - UNIT:
        value = float(np.sign(value))
        return _Parameter(name, value, nothing, value * np.inf, np.inf, np.tanh)
    relative = gradient[:, i, i] / sigma[i, i] + gradient[:, j, j] / sigma[j, j]
    slope = gradient[:, i, j] / scale - 0.5 * value * relative
    return _Parameter(name, value, slope, float(np.arctanh(value)), 1.0 / (1.0 - value**2), np.tanh)


def _covariance(fit: Fit, parameters: list[_Parameter]) -> Floats:
    """Covariance of some parameters by the delta method, NaN where it is not available."""
    gradients = np.array([p.gradient for p in parameters]).reshape(len(parameters), _n_params(fit))
    if fit.covariance is None:
        return np.full((len(parameters), len(parameters)), np.nan)
    absent = np.isnan(np.diag(fit.covariance))
    lost = np.any(np.isnan(gradients), axis=1) | np.any(gradients[:, absent] != 0, axis=1)
    gradients = np.nan_to_num(gradients, nan=0.0)
    covariance = gradients @ np.nan_to_num(fit.covariance, nan=0.0) @ gradients.T
    covariance[lost] = np.nan
    covariance[:, lost] = np.nan
    return np.asarray(covariance)


def _std_errors(fit: Fit, parameters: list[_Parameter]) -> Floats:
    variances = np.diag(_covariance(fit, parameters))
    return np.sqrt(np.where(variances >= 0, variances, np.nan))


def _with_errors(fit: Fit, parameters: list[_Parameter]) -> Iterator[tuple[_Parameter, float]]:
    yield from zip(parameters, map(float, _std_errors(fit, parameters)), strict=True)


def _component(
    factor: Factor, columns: range, sigma: Floats, errors: dict[str, float]
) -> Component:
    block = sigma[columns.start : columns.stop, columns.start : columns.stop]
    sd, k = np.sqrt(np.diag(block)), len(columns)
    correlation, error = np.full((k, k), np.nan), np.full((k, k), np.nan)
    np.fill_diagonal(correlation, 1.0)
    for a, b in combinations(range(k), 2):
        name = _correlation_name(factor, columns[a], columns[b])
        if name in errors and sd[a] * sd[b] > 0:
            correlation[a, b] = correlation[b, a] = np.clip(block[a, b] / sd[a] / sd[b], -1, 1)
            error[a, b] = error[b, a] = errors[name]
    return Component(
        factor.name,
        factor.n_levels,
        tuple(factor.columns[i] for i in columns),
        sd**2,
        sd,
        np.array([errors[_sd_name(factor, i)] for i in columns]),
        correlation,
        error,
    )
