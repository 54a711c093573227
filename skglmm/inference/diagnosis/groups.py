"""Findings about grouping factors: how many levels, how many rows, and whose word counts most."""

from collections.abc import Iterator

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.engine import Mode
from skglmm.fitting import Fit, Local, Study
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.diagnosis.influence import Influence, influences
from skglmm.inference.parameters.names import parameter_names
from skglmm.inference.report.few_groups import few_groups
from skglmm.inference.report.findings import Finding
from skglmm.inference.report.notes import confounded_with_rows

__all__ = ["constant_levels", "few_levels", "influential_levels", "single_rows", "too_sure"]

FEW, ENOUGH = 5, 6  # levels that a variance should have, at least and better
STRONG, NOTABLE = 1.0, 0.6  # Cook's distances
MOVED = 2.0  # standard errors of a coefficient
ONE_ROW_EACH = (
    "Fit one row for each level without this random effect, look for a column that gives the "
    "responses away, or give the standard deviation a prior, priors='weak'"
)
BE_LESS_SURE = (
    "Ask summary, confint and wald_test for df='between-within', which counts groups, or draw "
    "responses from the model, by method='bootstrap' of likelihood_ratio_test or confint"
)


def few_levels(study: Study) -> Iterator[Finding]:
    """Find factors with too few levels for a variance."""
    for factor in study.design.layout.factors:
        if factor.n_levels < ENOUGH and factor.are_groups:  # others have many effects of a level
            text = (
                f"{factor.name!r} has {factor.n_levels} level{'s' * (factor.n_levels != 1)}, and a "
                f"variance between levels is estimated from that many numbers; {ENOUGH} are the "
                "least that will do"
            )
            advice = (
                f"Take {factor.name!r} as a fixed effect, or trust its variance, and what depends "
                "on it, little"
            )
            severity = "warning" if factor.n_levels < FEW else "note"
            yield Finding("levels", severity, factor.name, float(factor.n_levels), text, advice)


def too_sure(fit: Fit) -> Iterator[Finding]:
    """Find coefficients that normal tests take for surer than a few groups make them."""
    if not reference(fit).has_df:
        for found in few_groups(fit):
            size = float(found.n_levels)
            yield Finding("levels", "note", found.factor, size, found.sentence, BE_LESS_SURE)


def single_rows(study: Study) -> Iterator[Finding]:
    """Find levels that consist of one row."""
    design, family = study.design, study.problem.family
    for factor, codes in zip(design.layout.factors, design.codes, strict=True):
        if not factor.are_groups:
            continue
        counts = np.bincount(codes, minlength=factor.n_levels)
        single = np.flatnonzero(counts == 1)
        if not single.size:
            continue
        every, confounded = (
            len(single) == factor.n_levels,
            confounded_with_rows(family, design.layout),
        )
        if every and confounded is None:
            continue
        which = "every level" if every else f"{len(single)} of {factor.n_levels} levels"
        shown = "" if every else f", such as {str(factor.labels[single[0]])!r},"
        text = f"{which} of {factor.name!r}{shown} {'has' if every else 'have'} a single row"
        advice = (
            f"{str(confounded).capitalize()}; group the rows by something that several of them "
            "share"
            if every
            else "They tell little of the variance between levels, and nothing of slopes"
        )
        severity = "warning" if every else "note"
        yield Finding("levels", severity, factor.name, float(len(single)), text, advice)


def constant_levels(fit: Fit, design: Design, y: Floats) -> Iterator[Finding]:
    """Find factors all of whose levels have one class each, so that their variance has no end.

    Parameters
    ----------
    fit : Fit
    design : Design
        Its rows.
    y : ndarray, shape (n,)
        Their responses, on the scale of the family.
    """
    family = fit.family
    if not (family.support.is_discrete and np.isfinite(family.support.ends).all()):
        return
    for factor, codes in zip(fit.layout.factors, design.codes, strict=True):
        apart = set(family.locations).isdisjoint(factor.predictors)
        if apart or not factor.are_groups or _has_prior(fit, factor.name):
            continue
        low, high = np.full(factor.n_levels, np.inf), np.full(factor.n_levels, -np.inf)
        np.minimum.at(low, codes, y)
        np.maximum.at(high, codes, y)
        shared = np.bincount(codes, minlength=factor.n_levels) > 1
        if np.count_nonzero(shared) > 1 and np.all(low[shared] == high[shared]):
            n = float(np.count_nonzero(shared))
            text = (
                f"in each of the {n:.0f} levels of {factor.name!r} that have several rows all "
                "responses are equal: the likelihood rises with their standard deviation without "
                "end, and the estimate is where its approximation stops rising"
            )
            yield Finding("constant levels", "warning", factor.name, n, text, ONE_ROW_EACH)


def _has_prior(fit: Fit, factor: str) -> bool:
    """Whether standard deviations of a factor have priors, which keep them finite."""
    names = (name for name, _ in fit.priors.entries)
    return any(name.startswith("sd(") and name.endswith(f"| {factor})") for name in names)


def influential_levels(study: Study, mode: Mode, around: Local) -> Iterator[Finding]:
    """Find levels without which the estimates would be others."""
    names = parameter_names(study)
    n_beta = study.problem.shape.n_beta
    few = {factor.name for factor in study.design.layout.factors if factor.n_levels < FEW}
    for found in influences(study, mode, around):
        if found.group in few:  # each of them is influential, which `few_levels` says
            continue
        moved = float(np.max(np.abs(found.shift[:n_beta]), initial=0.0))
        if found.distance > STRONG or moved > MOVED:
            yield _influential("warning", found, names)
        elif found.distance > NOTABLE:
            yield _influential("note", found, names)


def _influential(severity: str, found: Influence, names: tuple[str, ...]) -> Finding:
    j = int(np.argmax(np.abs(found.shift)))
    text = (
        f"without the level {found.level!r} of {found.group!r} the estimates would be others: "
        f"Cook's distance {found.distance:.2g}, and {names[j]} would change by about "
        f"{found.shift[j]:+.2g} standard errors"
    )
    advice = "Look at the rows of this level, and fit once without it"
    subject = f"{found.group}: {found.level}"
    return Finding("influence", severity, subject, found.distance, text, advice)
