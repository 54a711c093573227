"""Fixed effects, variance parameters and modes as one long table."""

from collections.abc import Collection, Iterator

import numpy as np

from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.degrees_of_freedom.reference import Normal, Reference
from skglmm.inference.parameters.estimates import Estimates, estimates, joined
from skglmm.inference.parameters.modes import named_effects, random_effects
from skglmm.inference.parameters.natural import (
    coefficients,
    correlation_name,
    is_constant,
    sd_name,
    std_errors,
    variances,
)
from skglmm.inference.parameters.wald import coefficient_tables, half_width, intervals

__all__ = ["EFFECTS", "tidy", "without_ratios"]

EFFECTS = ("fixed", "random", "modes")


def tidy(
    fit: Fit,
    effects: Collection[str] = EFFECTS,
    level: float = 0.95,
    *,
    exponentiate: bool = False,
    df: str = "auto",
) -> Estimates:
    """Return estimates with standard errors, Wald tests and Wald intervals.

    Parameters
    ----------
    fit : Fit
    effects : collection of {"fixed", "random", "modes"}
        Which estimates: fixed effects, standard deviations and correlations of the random
        effects, conditional modes; in this order, whatever that of `effects`.
    level : float
        Coverage of the intervals.
    exponentiate : bool
        Whether to exponentiate fixed effects and their intervals, where the link makes them
        ratios; their standard errors follow by the delta method, their tests stay.
    df : str
        Of fixed effects, see `reference`.

    Returns
    -------
    Estimates

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import tidy
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> tidy(fit, {"random"}).term
    array(['sd(Intercept)'], dtype=object)
    """
    parts: list[Estimates] = []
    if "fixed" in effects:
        parts += _fixed(reference(fit, df), level, exponentiate)
    if "random" in effects:
        parts.append(_random(fit, level))
    if "modes" in effects:
        parts += _modes(fit, level)
    return joined(parts)


def without_ratios(fit: Fit) -> dict[str, str]:
    """Return the predictors whose exponentiated effects mean nothing, with their links.

    One number that is no ratio, such as a cut point, has no effects; it is not among them.
    """
    links, names = fit.family.links, fit.layout.predictors
    return {
        names[k]: links[k].name
        for k in fit.family.estimated
        if not (links[k].ratio or is_constant(fit, k))
    }


def _fixed(against: Reference, level: float, exponentiate: bool) -> Iterator[Estimates]:
    fit = against.fit
    tables = zip(fit.family.estimated, coefficient_tables(fit, against), strict=True)
    for k, table in tables:
        link, estimate, error = fit.family.links[k], table.estimate, table.std_error
        found = intervals(fit, level, list(coefficients(fit, k)), against)
        low, high = found.low, found.high
        if exponentiate and link.ratio is not None:
            with np.errstate(over="ignore"):  # of a column in 1e-9 they may be beyond all numbers
                estimate, low, high = np.exp(estimate), np.exp(low), np.exp(high)
                error = error * estimate
        block = fit.family.parameters[k].block
        yield estimates(
            "fixed",
            table.names if block is None else (table.predictor,),
            estimate,
            component=table.predictor if block is None else block,
            std_error=error,
            df=table.df,
            statistic=table.statistic,
            p_value=table.p_value,
            low=low,
            high=high,
        )


def _random(fit: Fit, level: float) -> Estimates:
    """Standard deviations and correlations, which come last among the intervals."""
    parameters, places = list(variances(fit)), _places(fit)
    found = intervals(fit, level, against=Normal(fit))
    last = slice(len(found.names) - len(parameters), None)
    named = [places[parameter.name] for parameter in parameters]
    return estimates(
        "random",
        [term for _, _, term in named],
        found.estimate[last],
        component=[component for component, _, _ in named],
        group=[group or None for _, group, _ in named],
        std_error=std_errors(fit, parameters),
        low=found.low[last],
        high=found.high[last],
    )


def _places(fit: Fit) -> dict[str, tuple[str, str, str]]:
    """Predictor, group and short name of each parameter of a covariance."""
    places = {}
    for factor in fit.layout.factors:
        names, (first, *_) = factor.columns, factor.predictors
        component = fit.layout.predictors[first]
        for name in factor.covariance.names(
            factor.effect_names
        ):  # those that effects have in common
            short = name.replace(f" | {factor.name})", ")")
            places[name] = component, factor.name, short
        if factor.is_one_hot:
            continue
        for i, predictor in enumerate(factor.predictors):
            component = fit.layout.predictors[predictor]
            if factor.parts and factor.parts[i]:
                name = sd_name(factor, i)
                places[name] = component, factor.name, name.replace(f" | {factor.name})", ")")
                continue
            places[sd_name(factor, i)] = component, factor.name, f"sd({names[i]})"
            for j in range(i + 1, factor.n_columns):
                short = f"corr({names[i]}, {names[j]})"
                places[correlation_name(factor, i, j)] = component, factor.name, short
    return places


def _modes(fit: Fit, level: float) -> Iterator[Estimates]:
    for effects in random_effects(fit):
        factor, mode, error = effects.factor, effects.mode.T, effects.std_error.T
        reach = half_width(level) * error
        components = [fit.layout.predictors[k] for k in factor.predictors]
        levels, terms = named_effects(factor)
        yield estimates(
            "modes",
            terms,
            mode.ravel(),
            component=components * factor.n_levels,
            group=factor.name,
            level=levels,
            std_error=error.ravel(),
            low=(mode - reach).ravel(),
            high=(mode + reach).ravel(),
        )
