"""Coefficients without finite estimates, as rows are separated: which, where they go, what rows."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Bools, Ints
from skglmm.families import Role
from skglmm.fitting import Fit, Study
from skglmm.inference.parameters.held import held_interval, is_undetermined
from skglmm.inference.parameters.natural import (
    Natural,
    coefficients,
    constant,
    infinite,
    is_constant,
    is_open,
    natural,
    open_interval,
)
from skglmm.inference.report.findings import Finding

__all__ = [
    "Separated",
    "at_infinity",
    "cause",
    "prior_findings",
    "separated",
    "separated_findings",
    "undetermined",
    "what_stands",
    "without_estimate",
]

MOVED = 1e-3  # of the largest change of a linear predictor, by which a row is one that moves
SEPARATED = "as rows are separated"
ADVICE = (
    "Other estimates {stand}. confint(X, y, method='profile') has the end "
    "that the data give; where a finite number is needed, priors='weak' gives one, or leave the "
    "term out of this formula, or merge the level with another"
)

ON_PRIORS = (
    "Their estimates rest on the priors: see how much they change with wider or narrower ones, "
    "and take their standard errors for what the prior makes them"
)


class Separated(NamedTuple):
    """The coefficients of one linear predictor that have no finite estimate.

    Parameters
    ----------
    k : int
        The predictor.
    parameters : tuple of Natural
    ends : tuple of float
        Where each goes: plus or minus infinity, or an end of its range.
    opened : tuple of Natural
        Those that compare what is at infinity, so that any value is as good.
    following : tuple of str
        Names of thresholds between classes that go to infinity with these.
    """

    k: int
    parameters: tuple[Natural, ...]
    ends: tuple[float, ...]
    opened: tuple[Natural, ...]
    following: tuple[str, ...]

    def sentence(self, rows: str = "") -> str:
        """Say what goes where; `rows` are the rows that it moves."""
        ways = [
            f"{parameter.name} goes to {_written(end)}"
            for parameter, end in zip(self.parameters, self.ends, strict=True)
        ]
        none = "there is no finite estimate" if len(ways) == 1 else "there are no finite estimates"
        beside = "with it" if len(ways) == 1 else "with them"
        beside = f", {' and '.join(self.following)} {beside}" if self.following else ""
        text = f"the likelihood rises for ever as {' and '.join(ways)}{beside}{rows}: {none}"
        names = ", ".join(parameter.name for parameter in self.opened)
        many = "compare what is" if len(self.opened) > 1 else "compares what is"
        return f"{text}, and any value of {names}, which {many} at infinity" if names else text


def _written(end: float) -> str:
    if np.isfinite(end):
        return f"{end:g}, the end of its range"
    return "+infinity" if end > 0 else "-infinity"


def cause(fit: Fit, k: int) -> str:
    """Say why coefficients of predictor k have no finite estimate."""
    parameter, nothing = fit.family.parameters[k], _nothing_but_zeros(fit)
    if nothing and (parameter.role is Role.MASS or k in fit.family.locations):
        return f"as {nothing}"
    if k in fit.family.locations and fit.family.dispersion is not None:
        scale = fit.family.scale
        away = fit.infinities[scale] * fit.family.limits[scale].sign
        if np.any(away < 0.0) and fit.family.parameters[scale].at_other_end:
            return cause(fit, scale)  # where the one goes the other follows
    if parameter.role is Role.DISPERSION:
        return _cause_of_dispersion(fit, k)
    whole = parameter.role is Role.SHAPE
    whole |= parameter.role is Role.MASS and is_constant(fit, k)
    whole |= k in fit.family.locations and _falls_as_one(fit, k)
    if whole and parameter.at_other_end:
        return f"as {parameter.at_other_end}"
    if _is_superfluous(fit, k):
        name = parameter.name
        return f"as there are no more {name}s than the model has without {name}="
    return SEPARATED


def _cause_of_dispersion(fit: Fit, k: int) -> str:
    parameter, signs, way = fit.family.parameters[k], fit.infinities[k], fit.family.limits[k].sign
    if not parameter.at_limit:
        return "as the model reproduces the responses exactly"
    if np.all(np.nan_to_num(signs) * way >= 0.0):
        return f"as {parameter.at_limit}"
    return f"as {parameter.at_other_end}" if parameter.at_other_end else SEPARATED


def _is_superfluous(fit: Fit, k: int) -> bool:
    """Whether predictor k is the probability of a mass, and 0 in all rows."""
    names, signs = fit.layout.coefficients[k], fit.infinities[k]
    is_mass = fit.family.parameters[k].role is Role.MASS and names[:1] == ("Intercept",)
    return bool(is_mass and signs[0] < 0.0 and not np.nan_to_num(signs[1:]).any())


def _falls_as_one(fit: Fit, k: int) -> bool:
    """Whether predictor k goes to minus infinity in all rows, so that nothing else matters."""
    signs = fit.infinities[k]
    return bool(np.sum(signs == -1.0) == 1 and np.isnan(signs[signs != -1.0]).all())


def _nothing_but_zeros(fit: Fit) -> str:
    """Say that all responses are a mass, if its one probability is 1; empty elsewhere."""
    for k, parameter in enumerate(fit.family.parameters):
        if parameter.role is Role.MASS and is_constant(fit, k) and np.any(fit.infinities[k] > 0.0):
            return parameter.at_limit
    return ""


def separated(fit: Fit) -> Iterator[Separated]:
    """Yield the predictors with coefficients that have no finite estimate.

    Those that describe what no response shows, and are told of as such, are not among them.
    Thresholds between classes that only follow the effects of others are told of beside these.

    Parameters
    ----------
    fit : Fit
    """
    if not any(signs.any() for signs in fit.infinities):
        return
    numbers = fit.layout.numbers
    follow = any(s.any() for k, s in enumerate(fit.infinities) if k not in numbers)
    moved = [constant(fit, k) for k in numbers if follow]
    following = tuple(p.name for p in moved if infinite(fit, p) or is_open(fit, p))
    for k, predictor in enumerate(fit.layout.predictors):
        if follow and k in numbers:
            continue
        found = [constant(fit, k)] if is_constant(fit, k) else list(coefficients(fit, k))
        apart = tuple(p for p in found if infinite(fit, p))
        opened = tuple(p for p in found if is_open(fit, p))
        if apart and predictor not in fit.endless:
            ends = tuple(_end(fit, parameter) for parameter in apart)
            beside = following if k in fit.family.compared else ()
            yield Separated(k, apart, ends, opened, beside)


def _end(fit: Fit, parameter: Natural) -> float:
    """The end of its range at which a parameter has its estimate."""
    ends = open_interval(fit, parameter)
    assert ends is not None  # it has such an end
    return ends[1] if np.isnan(ends[0]) else ends[0]


def at_infinity(fit: Fit) -> set[str]:
    """Return the names of the parameters that have no finite estimate."""
    return {parameter.name for parameter in natural(fit) if infinite(fit, parameter)}


def undetermined(fit: Fit) -> set[str]:
    """Return the names of the parameters that the data leave open.

    Those at infinity are not among them, nor those of a ceiling, of which `held_sentences` tells.
    """
    return {
        parameter.name
        for parameter in natural(fit)
        if is_undetermined(fit, parameter) and held_interval(fit, parameter) is None
    }


def without_estimate(fit: Fit) -> set[str]:
    """Return the names of parameters at infinity, and of those that compare such parameters."""
    opened = {parameter.name for parameter in natural(fit) if is_open(fit, parameter)}
    return at_infinity(fit) | opened


def separated_findings(
    fit: Fit, study: Study, labels: Mapping[str, tuple[Ints, list[str]]]
) -> Iterator[Finding]:
    """Yield a finding for each predictor with coefficients that have no finite estimate.

    Parameters
    ----------
    fit : Fit
    study : Study
        Its rows.
    labels : mapping of str to tuple
        Code of each row, (n,), and the texts of the codes, for each column of labels.
    """
    for found in separated(fit):
        moved = _moved(fit, study, found.k)
        rows = f", in {_rows(moved, labels)}"
        subject = ", ".join(parameter.name for parameter in found.parameters)
        count = float(np.count_nonzero(moved))
        advice = ADVICE.format(stand=what_stands(fit))
        if _is_superfluous(fit, found.k):
            name = fit.family.parameters[found.k].name
            advice = f"There are no more {name}s than the model has without {name}=; leave it out"
        yield Finding("separation", "warning", subject, count, found.sentence(rows), advice)


def prior_findings(
    fit: Fit, plain: Fit, study: Study, labels: Mapping[str, tuple[Ints, list[str]]]
) -> Iterator[Finding]:
    """Yield a finding for what has an estimate by its prior alone.

    Parameters
    ----------
    fit : Fit
        With priors.
    plain : Fit
        The same without.
    study : Study
        Their rows.
    labels : mapping of str to tuple
        As in `separated_findings`.
    """
    for found in separated_findings(plain, study, labels):
        text = f"without priors {found.finding}"
        yield found._replace(severity="note", finding=text, advice=ON_PRIORS)
    for sentence in plain.singular if not fit.singular else ():
        text = f"without priors the fit is singular: {sentence}"
        yield Finding("boundary", "note", "", np.nan, text, ON_PRIORS)


def what_stands(fit: Fit) -> str:
    """Say what else a fit has that is not touched by what is at infinity."""
    return "stand" if fit.uncertainty is None else "and their standard errors stand"


def _moved(fit: Fit, study: Study, k: int) -> Bools:
    """The rows of which a predictor goes to infinity, or what is compared with it, (n,)."""
    family, change = fit.family, study.scales.whole_way_back @ np.concatenate(fit.recession)
    parts = np.split(change, np.cumsum([x.shape[1] for x in study.design.fixed])[:-1])
    moves = [x @ part[:, None] for x, part in zip(study.design.fixed, parts, strict=True)]
    if k in family.compared:
        own = [moves[j] for j in family.compared]
        found = np.hstack(family.comparisons(family.prepare(study.response), own))
    else:
        found = moves[k]
    sizes = np.max(np.abs(found), axis=1)
    return np.asarray(sizes > MOVED * np.max(sizes, initial=0.0))


def _rows(moved: Bools, labels: Mapping[str, tuple[Ints, list[str]]]) -> str:
    """Say which rows these are, by the levels of one column if they have any of their own."""
    count = int(np.count_nonzero(moved))
    if count == len(moved):
        return f"all {count} rows"
    for name, (codes, texts) in labels.items():
        inside = np.bincount(codes, moved, len(texts))
        every = np.bincount(codes, minlength=len(texts))
        if np.all((inside == 0) | (inside == every)):
            levels = [repr(texts[code]) for code in np.flatnonzero(inside)]
            return f"the {count} rows with {name} = {' or '.join(levels)}"
    return f"{count} of {len(moved)} rows"
