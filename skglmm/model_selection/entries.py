"""What a fitted model has to say in a table beside others, estimate by estimate."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.fitting import Fit
from skglmm.inference import Summary, intervals, overview, reference, tidy

__all__ = ["LAST", "MEAN", "Entry", "entries", "statistics_of"]

OTHERS, SMOOTHS, RANDOM = "Other parameters", "Smooth terms, edf", "Random effects"
LAST = (OTHERS, SMOOTHS, RANDOM)  # sections, whatever comes before
MEAN = "Mean"


@dataclass(frozen=True)
class Entry:
    """One estimate.

    Parameters
    ----------
    section : str
        Heading under which it stands.
    name : str
        As `vcov` and `confint` call it.
    estimate, std_error, low, high, p_value : float
        NaN where there is none.
    """

    section: str
    name: str
    estimate: float
    std_error: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p_value: float = np.nan


def entries(
    model: MixedModel, *, level: float, exponentiate: bool, df: str, random: bool
) -> Iterator[Entry]:
    """Yield the estimates of a model: of the location, other predictors, curves, random effects.

    Parameters
    ----------
    model : MixedModel
        Fitted.
    level : float
    exponentiate : bool
        Effects whose link makes them ratios.
    df : str
    random : bool
        Whether standard deviations and correlations are among them.
    """
    fit, summary = model.fit_, model.summary(df)
    yield from _fixed(fit, summary, level, exponentiate, df)
    for curve in summary.smooths:
        yield Entry(SMOOTHS, curve.name, curve.edf, p_value=curve.p_value)
    if random:
        found = tidy(fit, {"random"}, level)
        for i, (group, term) in enumerate(zip(found.group, found.term, strict=True)):
            if group is not None:  # deviations of a curve are told by its edf
                numbers = (found.estimate[i], found.std_error[i], found.low[i], found.high[i])
                yield Entry(RANDOM, f"{term[:-1]} | {group})", *map(float, numbers))


def _fixed(
    fit: Fit, summary: Summary, level: float, exponentiate: bool, df: str
) -> Iterator[Entry]:
    found = tidy(fit, {"fixed"}, level, exponentiate=exponentiate, df=df)
    natural = intervals(fit, level, against=reference(fit, df))
    ends = dict(zip(natural.names, zip(natural.low, natural.high, strict=True), strict=True))
    hidden = {(each.predictor, name) for each in summary.smooths for name in each.trends}
    places = {name: k for k, name in enumerate(fit.layout.predictors)}
    constants: list[Entry] = []
    for i, (component, term) in enumerate(zip(found.component, found.term, strict=True)):
        if component in summary.levels:  # one number, through its link
            value, error = summary.levels[component]
            low, high = ends.get(component, (np.nan, np.nan))
            constants.append(Entry(OTHERS, component, value, error, float(low), float(high)))
        elif component not in places:  # one of a block, such as the thresholds
            value, error = summary.levels[term]
            yield Entry(component.capitalize(), term, value, error, *map(float, ends[term]))
        elif (component, term) not in hidden:
            k = places[component]
            numbers = (found.estimate, found.std_error, found.low, found.high, found.p_value)
            name = fit.layout.label(k, term)
            section = _section(fit, summary, k, exponentiate=exponentiate)
            yield Entry(section, name, *(float(column[i]) for column in numbers))
    yield from constants


def _section(fit: Fit, summary: Summary, k: int, *, exponentiate: bool) -> str:
    """The heading of the coefficients of a predictor; models share that of their location."""
    name, link = fit.layout.predictors[k], fit.family.links[k]
    if k in fit.family.locations and not summary.is_unordered:
        return MEAN
    kind = f"Class {name}" if summary.is_unordered else name.capitalize().replace("_", " ")
    scale = "ratios" if exponentiate and link.ratio is not None else f"{link.name} scale"
    return f"{kind}, {scale}"


def statistics_of(model: MixedModel) -> dict[str, str]:
    """Return what is known of a fit as a whole, as texts.

    Parameters
    ----------
    model : MixedModel
        Fitted.
    """
    fit, found = model.fit_, overview(model.fit_)
    location = fit.family.links[fit.family.location].name
    return {
        "family": fit.family.title,
        "link": location,
        "n_obs": str(found.n_obs),
        "groups": "",  # a row for each factor
        "n_params": str(found.n_params),
        **{
            name: f"{getattr(found, name):.2f}"
            for name in ("log_likelihood", "deviance", "aic", "aicc", "bic")
        },
    }
