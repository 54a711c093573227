"""Wald statistics: tables with standard errors, and intervals that stay in their range."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Factor
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.degrees_of_freedom.reference import FEWEST, Reference, t_quantile, t_tail
from skglmm.inference.parameters.held import known_ends
from skglmm.inference.parameters.natural import (
    Natural,
    coefficients,
    constant,
    correlation_name,
    delta_covariance,
    is_constant,
    natural,
    sd_name,
    std_errors,
    term_columns,
    variances,
)

__all__ = [
    "Coefficients",
    "Component",
    "Covariances",
    "Intervals",
    "coefficient_tables",
    "constant_level",
    "degrees_of_freedom",
    "estimated_df",
    "half_width",
    "intervals",
    "variance_components",
    "vcov",
    "with_errors",
]


@dataclass(frozen=True)
class Coefficients:
    """Fixed effects of one linear predictor, on its own scale.

    Parameters
    ----------
    predictor : str
    names : tuple of str, length p
    estimate, std_error, df, statistic, p_value : ndarray, shape (p,)
        Wald statistics; NaN for columns that were left out and without inference. Those with
        finite degrees of freedom are t, the others z.
    """

    predictor: str
    names: tuple[str, ...]
    estimate: Floats
    std_error: Floats
    df: Floats
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
    structure : str
        Of effects of times, places or individuals, which are told by what they have in common:
        ``autoregressive``; empty for others.
    parameters : tuple of (str, float, float)
        Names, values and standard errors of what such effects have in common.
    """

    group: str
    n_levels: int
    effects: tuple[str, ...]
    variance: Floats
    sd: Floats
    sd_std_error: Floats
    correlation: Floats
    correlation_std_error: Floats
    structure: str = ""
    parameters: tuple[tuple[str, float, float], ...] = ()


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


def coefficient_tables(fit: Fit, against: Reference | None = None) -> tuple[Coefficients, ...]:
    """Return the fixed effects of each linear predictor with their Wald statistics.

    Parameters
    ----------
    fit : Fit
    against : Reference, default=None
        What statistics are compared with; by default that of "auto", see `reference`.

    Returns
    -------
    tuple of Coefficients
        In the order of the family's predictors, of those that are estimated.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import coefficient_tables
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> mean, precision = coefficient_tables(fit)
    >>> mean.estimate.round(4), mean.std_error.round(4)
    (array([-5.1823,  0.0108]), array([0.2405, 0.0005]))
    """
    against = reference(fit) if against is None else against
    fit, tables = against.applied(), []
    for k in fit.family.estimated:
        parameters = list(coefficients(fit, k))
        estimate = np.array([parameter.value for parameter in parameters])
        error = std_errors(fit, parameters)
        with np.errstate(divide="ignore", invalid="ignore"):  # no error: no statistic
            statistic = np.where(error > 0, estimate / error, np.nan)
        df = np.where(np.isnan(error), np.nan, degrees_of_freedom(against, parameters))
        names, p_value = fit.layout.coefficients[k], t_tail(statistic, df)
        predictor = fit.layout.predictors[k]
        tables.append(Coefficients(predictor, names, estimate, error, df, statistic, p_value))
    return tuple(tables)


def variance_components(fit: Fit) -> tuple[Component, ...]:
    """Return the standard deviations and correlations of each random-effects term.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    tuple of Component
        Term by term, on the linear predictor's scale.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import variance_components
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> variance_components(fit)[0].sd.round(3)
    array([0.515])
    """
    known = {p.name: (p.value, e) for p, e in with_errors(fit, list(variances(fit)))}
    errors = {name: error for name, (_, error) in known.items()}
    found = []
    for factor, lambda_ in zip(fit.layout.factors, fit.lambdas, strict=True):
        if factor.is_smooth:
            continue
        if factor.is_one_hot:
            found.append(_structured(factor, known))
            continue
        sigma = lambda_ @ lambda_.T
        for columns in term_columns(factor):
            if factor.parts and factor.parts[columns.start]:
                found.append(_structured(factor, known, columns))
            else:
                found.append(_component(factor, columns, sigma, errors))
    return tuple(found)


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

    Returns
    -------
    Covariances

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import vcov
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> vcov(fit, "all").names
    ('Intercept', 'EP', 'precision(Intercept)', 'sd(Intercept | batch)')
    """
    parameters = [p for k in range(len(fit.beta)) for p in coefficients(fit, k)]
    if component == "all":
        parameters += variances(fit)
    return Covariances(tuple(p.name for p in parameters), delta_covariance(fit, parameters))


def intervals(
    fit: Fit,
    level: float = 0.95,
    parameters: Sequence[Natural] | None = None,
    against: Reference | None = None,
) -> Intervals:
    """Return Wald intervals, built on scales without bounds and mapped back.

    Standard deviations are on the log scale, correlations on that of Fisher's atanh; a linear
    predictor that is an intercept alone, such as a constant precision, is on its link's scale
    and is reported through the link. Coefficients without a finite estimate, as rows are
    separated, have the infinite end alone.

    Parameters
    ----------
    fit : Fit
    level : float
        Coverage, above 0 and below 1.
    parameters : sequence of Natural, default=None
        Of which; None are all that are `natural`.
    against : Reference, default=None
        What fixed effects are compared with; by default that of "auto", see `reference`.

    Returns
    -------
    Intervals

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import intervals
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> found = intervals(fit)
    >>> found.names[-1], found.low[-1].round(3), found.high[-1].round(3)
    ('sd(Intercept | batch)', np.float64(0.327), np.float64(0.812))
    """
    parameters = list(natural(fit) if parameters is None else parameters)
    against = reference(fit) if against is None else against
    fit, halves = against.applied(), t_quantile(level, degrees_of_freedom(against, parameters))
    low, high = np.full(len(parameters), np.nan), np.full(len(parameters), np.nan)
    for i, (parameter, error) in enumerate(with_errors(fit, parameters)):
        if np.isfinite(error):
            reach = halves[i] * error * abs(parameter.slope)
            with np.errstate(over="ignore"):  # no bound
                ends = parameter.back(parameter.working + np.array([-reach, reach]))
            low[i], high[i] = np.sort(ends)
        elif known := known_ends(fit, parameter):
            low[i], high[i] = known
    names = tuple(p.name for p in parameters)
    return Intervals(names, np.array([p.value for p in parameters]), low, high, level)


def constant_level(fit: Fit, k: int) -> tuple[float, float] | None:
    """Return value and standard error of a predictor that is one number, through its link.

    None for the first predictor, the mean, and for predictors with covariates.
    """
    if not is_constant(fit, k):
        return None
    parameter = constant(fit, k)
    return parameter.value, float(std_errors(fit, [parameter])[0])


def with_errors(fit: Fit, parameters: Iterable[Natural]) -> Iterator[tuple[Natural, float]]:
    """Yield parameters with their standard errors."""
    parameters = list(parameters)
    yield from zip(parameters, map(float, std_errors(fit, parameters)), strict=True)


def _component(
    factor: Factor, columns: range, sigma: Floats, errors: dict[str, float]
) -> Component:
    block = sigma[columns.start : columns.stop, columns.start : columns.stop]
    sd, k = np.sqrt(np.diag(block)), len(columns)
    correlation, error = np.full((k, k), np.nan), np.full((k, k), np.nan)
    np.fill_diagonal(correlation, 1.0)
    for a, b in combinations(range(k), 2):
        name = correlation_name(factor, columns[a], columns[b])
        if name in errors and sd[a] * sd[b] > 0:
            correlation[a, b] = correlation[b, a] = np.clip(block[a, b] / sd[a] / sd[b], -1, 1)
            error[a, b] = error[b, a] = errors[name]
    return Component(
        factor.name,
        factor.n_levels,
        tuple(factor.columns[i] for i in columns),
        sd**2,
        sd,
        np.array([errors.get(sd_name(factor, i), np.nan) for i in columns]),
        correlation,
        error,
    )


def _structured(
    factor: Factor, known: dict[str, tuple[float, float]], columns: range | None = None
) -> Component:
    """Effects of times, places, individuals, or curves, by their parameters, sds first."""
    end = f" | {factor.name})"
    names = factor.covariance.names(factor.effect_names)
    if columns is not None:  # curves of levels, beside which others vary
        names = list(dict.fromkeys(sd_name(factor, i) for i in columns))
    found = [(name.replace(end, ")"), *known[name]) for name in names]
    of_sd = [each for each in found if each[0].startswith("sd(")]
    sd, error = (np.array([each[i] for each in of_sd]) for i in (1, 2))
    absent = np.full((len(sd), len(sd)), np.nan)
    np.fill_diagonal(absent, 1.0)
    return Component(
        factor.name,
        factor.n_columns if factor.are_individuals else factor.n_levels,
        tuple(name[3:-1] for name, *_ in of_sd),
        sd**2,
        sd,
        error,
        absent,
        np.full_like(absent, np.nan),
        factor.covariance.title if columns is None else "curves",
        tuple(found),
    )


def half_width(level: float) -> float:
    """Return the half width of the interval of a normal estimate, in standard errors."""
    return float(t_quantile(level, np.array(np.inf)))


def degrees_of_freedom(against: Reference, parameters: Sequence[Natural]) -> Floats:
    """Return the degrees of freedom of some parameters, (m,): infinite but for fixed effects."""
    return np.maximum(estimated_df(against, parameters), FEWEST)


def estimated_df(against: Reference, parameters: Sequence[Natural]) -> Floats:
    """Return the same as they are estimated, below those that count as it may be, (m,)."""
    shape, found = against.fit.shape, np.full(len(parameters), np.inf)
    if against.has_df and parameters:
        gradients = np.array([parameter.gradient for parameter in parameters])
        gradients[np.isnan(gradients)] = 0.0
        linear = ~gradients[:, shape.n_beta :].any(axis=1)
        linear &= gradients[:, : shape.n_beta].any(axis=1)
        found[linear] = against.estimated_df(gradients[linear, : shape.n_beta])
    return found
