"""The diagnosis of a fit: its optimum, its design, its groups and its residuals."""

from collections.abc import Iterator, Sequence

import numpy as np

from skglmm.engine import Objective
from skglmm.families import Family
from skglmm.fitting import Fit, Study, local
from skglmm.inference.diagnosis.advice import advice
from skglmm.inference.diagnosis.approximation import approximation
from skglmm.inference.diagnosis.groups import (
    constant_levels,
    few_levels,
    influential_levels,
    single_rows,
    too_sure,
)
from skglmm.inference.diagnosis.optimum import (
    boundary,
    convergence,
    curvature,
    left_out,
    near_separation,
    wild_scales,
)
from skglmm.inference.parameters.held import capped_names
from skglmm.inference.report.findings import Diagnosis, Finding
from skglmm.inference.report.notes import untold_names
from skglmm.inference.report.separation import without_estimate
from skglmm.inference.residuals.checks import ResidualChecks

__all__ = ["diagnose"]

MOVED = "moved responses"  # which only responses between bounds are
CONSTANT = "constant levels"  # of which classes alone can tell
CHECKED = (
    "convergence",
    "curvature",
    "boundary",
    "determination",
    "separation",
    "approximation",
    "scales",
    "weights",
    "levels",
    CONSTANT,
    "influence",
    "nesting",
    MOVED,
    "residuals",
    "link",
    "missing slope",
    "missing effect",
)
OF_ONE_LOCATION = ("link", "missing slope", "missing effect")
RARE = 0.01  # p-values of residual checks that are worth a note, shared by checks of one name
WIDE = 1.5  # the dispersion from which on standard errors are too small by a quarter
OTHER = 10.0  # the factor by which the sum of weights may differ from the number of rows
WEIGH = (
    "If a weight says how often its row was observed, all is well. Weights of a survey or of a "
    "precision tell rows from each other, not how many there are: fit with "
    "sample_weight / sample_weight.mean()"
)


def diagnose(
    fit: Fit,
    study: Study,
    here: Objective,
    formula: str,
    checks: ResidualChecks,
    others: Sequence[Finding] = (),
    *,
    takes_points: bool = True,
) -> Diagnosis:
    """Look for what may be wrong with a fit.

    Parameters
    ----------
    fit : Fit
    study : Study
        Its rows.
    here : Objective
        The objective at the estimates.
    formula : str
        The model as users write it.
    checks : ResidualChecks
    others : sequence of Finding
        What was found where more is needed than the study has: labels for implicit nesting and
        separation, and responses as they were before they were moved off the bounds.
    takes_points : bool, default=True
        Whether users can ask for points of quadrature.
    """
    study = study.like(fit)
    around = local(study, fit, here)
    findings = [*convergence(fit, study, around, here), *boundary(fit), *left_out(fit)]
    weighted = list(_total_weight(study))
    findings += [*wild_scales(study), *weighted, *few_levels(study), *too_sure(fit)]
    findings += [*single_rows(study), *constant_levels(fit, study.design, study.y)]
    skipped = []
    if around is None:
        skipped.append(
            "curvature, separation and influence, as the likelihood has no value near the estimates"
        )
    else:
        apart = without_estimate(fit).union(capped_names(fit), untold_names(fit))
        has_prior = {name for name, _ in fit.priors.entries}  # which keeps it where it is
        findings += near_separation(study, around, apart | has_prior)
        if fit.caps:
            skipped.append(
                "curvature and influence, as rows at a ceiling hide what the others say of them"
            )
        else:
            findings += curvature(study, around, apart)
            findings += approximation(fit, study, here, around, takes_points)
            if weighted:
                skipped.append("influence, which weights like these exaggerate")
            else:
                findings += influential_levels(study, here.mode, around)
    findings += others
    if _is_reproduced(fit):
        skipped.append("residuals, of which the model leaves none to speak of")
    else:
        findings += misfits(checks, fit.family)
    return Diagnosis.of(formula, findings, _checked(fit.family), skipped)


def _checked(family: Family) -> list[str]:
    """The checks that responses of a family can be put to."""
    support = family.support
    is_bounded = bool(np.isfinite(support.ends).all())
    idle = {MOVED} if not is_bounded or support.is_discrete else set()
    if not (is_bounded and support.is_discrete):
        idle.add(CONSTANT)
    if len(family.locations) > 1:
        idle.update(OF_ONE_LOCATION)
    return [each for each in CHECKED if each not in idle]


def _is_reproduced(fit: Fit) -> bool:
    """Whether the model has the responses of all rows as they are."""
    named = dict(zip(fit.layout.predictors, fit.family.parameters, strict=True))
    return not fit.caps and any(named[name].reproduces for name in fit.capped)


def _total_weight(study: Study) -> Iterator[Finding]:
    """Find weights that make the data many times what they are, or a small part of it."""
    if study.weights is None:
        return
    total, n = float(np.sum(study.weights)), len(study.weights)
    ratio = total / n
    if 1.0 / OTHER <= ratio <= OTHER:
        return
    error, size = np.sqrt(max(ratio, 1.0 / ratio)), "small" if ratio > 1.0 else "large"
    text = (
        f"the weights of the {n} rows sum to {total:.6g}, so the likelihood takes them for "
        f"{ratio:.3g} times as many; if each is one observation, standard errors are about "
        f"{error:.2g} times too {size}"
    )
    yield Finding("weights", "warning", "sample_weight", ratio, text, WEIGH)


def misfits(checks: ResidualChecks, family: Family) -> Iterator[Finding]:
    """Turn the residual checks that are neither small nor likely into findings.

    All are notes, but for counts that vary so much that standard errors are another number.

    Parameters
    ----------
    checks : ResidualChecks
    family : Family
    """
    names = [test.name for test in checks.tests]
    for test in checks.tests:
        if test.p_value * names.count(test.name) < RARE:
            kind = test.name if test.name in CHECKED else "residuals"
            finding, severity = f"{test.sentence} (p = {test.p_value:.1g})", "note"
            is_wide = family.counts_something and test.name == "dispersion"
            if is_wide and test.effect >= WIDE:
                severity, error = "warning", np.sqrt(test.effect)
                finding += f"; standard errors are up to about {error:.2g} times too small"
            yield Finding(kind, severity, test.subject, test.effect, finding, advice(test, family))
