"""Notes about a fit, in sentences: convergence, singularity, separation, ceilings."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skglmm.covariance import Lowered
from skglmm.design import Layout
from skglmm.families import Family, Role
from skglmm.fitting import Cap, Fit
from skglmm.inference.parameters.held import capped_names, dictated, dictated_effects
from skglmm.inference.parameters.natural import coefficients, is_constant, natural
from skglmm.inference.report.separation import cause, separated, what_stands
from skglmm.priors import LKJDensity

__all__ = ["Note", "confounded_with_rows", "notes", "singular_advice", "untold_names"]


class Note(NamedTuple):
    """One finding.

    Parameters
    ----------
    kind : {"convergence", "singular", "aliased", "capped", "separated", "untold", "undetermined"}
    text : str
        A sentence that says what was found, and what to do.
    """

    kind: str
    text: str


def confounded_with_rows(family: Family, layout: Layout) -> str | None:
    """Return what hides the variance between levels of one row each, or None.

    Counts have no spread beside their mean's, so that such levels are how more of it is modeled.
    """
    if family.dispersion is not None:
        if not layout.coefficients[layout.predictors.index(family.dispersion)]:
            return None  # it is known, or left out
        return f"its variance can hardly be told from the {family.dispersion}"
    if family.support.ends == (0.0, 1.0):
        return "one response of two classes says nothing of its variance"
    return None


def notes(fit: Fit) -> tuple[Note, ...]:
    """Return the findings about a fit.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    tuple of Note
        Empty for a healthy fit.
    """
    kinds = (_convergence, _singular, _aliased, _capped, _separated, _untold, _undetermined)
    return tuple(note for kind in kinds for note in kind(fit))


def _convergence(fit: Fit) -> Iterator[Note]:
    if not fit.converged:
        pairs = zip(fit.layout.predictors, fit.family.parameters, strict=True)
        reproducing = [name for name, each in pairs if name in fit.capped and each.reproduces]
        advice = (
            f"Rows whose {' and '.join(reproducing)} is unbounded stand in its way: take them out"
            if reproducing
            else "Raise max_iter, or simplify the random effects"
        )
        if any(isinstance(density, LKJDensity) for _, density in fit.priors.entries):
            advice += (
                ". Where effects hardly vary a prior of their correlations has a ridge: give their "
                "standard deviations one as well that vanishes at zero, such as gamma(2, 0.1)"
            )
        advice += "".join([*_uncentered(fit), *_walled(fit), *_without_residual(fit)])
        text = f"the optimizer did not converge: {fit.message}. {advice}"
        yield Note("convergence", text)


def _walled(fit: Fit) -> Iterator[str]:
    """Advice on links that end at a linear predictor of 0, as of means that have to be positive."""
    link = fit.family.links[fit.family.location]
    if link.reach[0] > 0.0:
        yield (
            f". With the {link.name} link means are positive only where linear predictors are, and "
            "there is no maximum where rows come to that end: link='log' has none"
        )


def _without_residual(fit: Fit) -> Iterator[str]:
    """Advice on a residual that is left out where rows of a level determine each other."""
    for factor, theta in zip(fit.layout.factors, fit.theta, strict=True):
        for part, own in factor.covariance.cut(theta):
            if isinstance(part, Lowered) and part.is_exhausted(own):
                yield (
                    f". With scale='0' rows of a level of {factor.name!r} have no residual, and "
                    "the likelihood rises until some are combinations of others: too few levels "
                    "tell so many covariances. Take a structure with fewer parameters, such as "
                    "ar1, cs or toep, or leave scale at '1'"
                )


def _uncentered(fit: Fit) -> Iterator[str]:
    """Advice on formulas of a dispersion without an intercept, which all other estimates scale."""
    for name, parameter, part in zip(
        fit.layout.predictors, fit.family.parameters, fit.beta, strict=True
    ):
        if parameter.role is Role.DISPERSION and not parameter.has_intercept and len(part):
            yield (
                f". The {name} has no intercept, so that all other estimates are those of rows "
                "with 0 in its columns: center those that are far from it, as in center(year)"
            )


def _singular(fit: Fit) -> Iterator[Note]:
    advice = singular_advice(fit)
    for sentence in fit.singular:
        text = f"the fit is singular: {sentence}. {advice}"
        yield Note("singular", text)


def _aliased(fit: Fit) -> Iterator[Note]:
    for k, columns in enumerate(fit.aliased):
        names = [fit.layout.coefficients[k][j] for j in columns]
        if names:
            as_where = _as_where(fit, k)
            text = (
                f"dropped from the {fit.layout.described(k)}: {', '.join(map(repr, names))}; "
                f"constant, or a linear combination of the columns before{as_where}, so the data "
                "do not determine the coefficient, which is set to 0"
            )
            yield Note("aliased", text)


def _as_where(fit: Fit, k: int) -> str:
    """Where columns of a linear predictor are such combinations."""
    trends = {j for curve in fit.layout.curves if curve.predictor == k for j in curve.trends}
    if not trends.isdisjoint(fit.aliased[k]):
        return ", as where s(x) stands beside s(x, by=f) or te(x, z), or z beside s(x, by=z)"
    names = [fit.layout.coefficients[k][j] for j in fit.aliased[k]]
    crossed = any(":" in name for name in names)
    return ", as where a combination of categories has no rows" if crossed else ""


def _capped(fit: Fit) -> Iterator[Note]:
    for name in fit.capped:
        k = fit.layout.predictors.index(name)
        end = _end(fit, k)
        held = [cap for cap in fit.caps if cap.predictor == k]
        yield from {cap.label: _held(fit, name, end, cap) for cap in held}.values()
        if held:
            continue
        alike = fit.family.parameters[k].at_limit
        if alike:
            advice = f". Fit {fit.family.simpler} instead" if fit.family.simpler else ""
            yield Note("capped", f"the {name} stopped at its {end}: {alike}{advice}")
            continue
        what = (
            "so the data do not determine it and standard errors mean little. Simplify the model, "
            "or look for rows that repeat others"
            if fit.family.limits[k].sign > 0.0
            else "so that neither it nor what they determine without error has a standard error. "
            "Simplify the model, or look for columns that the responses were computed from"
        )
        text = f"the {name} stopped at its {end}: the model reproduces the responses almost exactly"
        yield Note("capped", f"{text}, {what}")


def _end(fit: Fit, k: int) -> str:
    """Say which end of predictor k its limit is, in the units of the user."""
    limit = fit.family.limits[k]
    value = fit.units.size(k) * limit.end + fit.units.shift(k)
    return f"{'largest' if limit.sign > 0 else 'smallest'} value, {value:.4g} on its link's scale"


def _held(fit: Fit, name: str, end: str, cap: Cap) -> Note:
    alike = fit.family.parameters[cap.predictor].at_limit
    if alike:
        text = f"the {name} of {cap.label} stopped at its {end}, and has no standard error: {alike}"
        return Note("capped", text)
    inside = " between the bounds" if fit.family.masses else ""
    responses = (
        f"its only response{inside} is"
        if cap.n_rows == 1
        else f"its {cap.n_rows} responses{inside} are all"
    )
    why = (
        "the model reproduces its responses almost exactly"
        if cap.response is None
        else f"{responses} {cap.response:.4g}"
    )
    first = (
        f"If other rows are like these, fit {fit.family.simpler} instead"
        if fit.family.simpler
        else "Take these rows out and report them alone"
    )
    text = (
        f"the {name} of {cap.label} is unbounded: {why}. The likelihood rises without end, so it "
        f"stopped at its {end}, and has no standard "
        f"error. {_consequence(fit)}. {first}, or let the {name} have a simpler formula"
    )
    return Note("capped", text)


def _consequence(fit: Fit) -> str:
    """Say what rows at a ceiling do to the other estimates."""
    if fit.uncertainty is None or not fit.converged:
        return (
            "Whatever else varies among these rows, a covariate or an effect of groups, is "
            "determined by them in place of all others, as are the estimates that depend on it"
        )
    held = capped_names(fit)
    gone = [p.name for p in natural(fit) if p.name not in held and dictated(fit, p)]
    if not gone:
        return "All other estimates and their standard errors stand"
    return (
        "Whatever else varies among these rows, a covariate or an effect of groups, is determined "
        f"by them in place of all others: {', '.join(gone)} are what they say, or estimated given "
        "that, and so have neither standard errors nor limits"
    )


def singular_advice(fit: Fit) -> str:
    """Say what a singular fit means, and what to do."""
    if dictated_effects(fit):
        return (
            f"Rows whose {' and '.join(fit.capped)} is unbounded force it to be, so it says "
            "nothing of the others; see below"
        )
    return (
        "The estimates are valid, on the boundary of their range; a simpler random-effects term "
        "fits as well"
    )


def _separated(fit: Fit) -> Iterator[Note]:
    for found in separated(fit):
        text = (
            f"{found.sentence()}, {cause(fit, found.k)}. Other estimates {what_stands(fit)}; "
            "diagnose(X, y) names the rows, and confint(X, y, method='profile') has "
            "the end that the data give"
        )
        yield Note("separated", text)


def _untold(fit: Fit) -> Iterator[Note]:
    for k, _ in _untold_parameters(fit):
        parameter = fit.family.parameters[k]
        advice = f"Fit {fit.family.simpler}, which has the same likelihood without it"
        text = (
            f"the data do not determine the {parameter.name}, which has no standard error: "
            f"{parameter.untold}. {advice if fit.family.simpler else 'Leave it out'}"
        )
        yield Note("untold", text)


def untold_names(fit: Fit) -> set[str]:
    """Return the names of the coefficients of which a kind of responses says nothing at all."""
    return {name for _, names in _untold_parameters(fit) for name in names}


def _untold_parameters(fit: Fit) -> Iterator[tuple[int, list[str]]]:
    """Places of the predictors of which responses of a kind say nothing, with the names.

    Where something is at infinity that may be why the curvature is gone.
    """
    if fit.covariance is None or not fit.converged or any(s.any() for s in fit.infinities):
        return
    variances = np.diag(fit.covariance)
    for k, (predictor, parameter) in enumerate(
        zip(fit.layout.predictors, fit.family.parameters, strict=True)
    ):
        own = variances[fit.shape.beta(k)]
        if parameter.untold and len(own) and np.isnan(own).all() and predictor not in fit.capped:
            names = [parameter.name] if is_constant(fit, k) else fit.layout.labels(k)
            yield k, names


def _undetermined(fit: Fit) -> Iterator[Note]:
    if fit.covariance is None or not np.isnan(np.diag(fit.covariance)).any():
        return
    names = [*_lost_coefficients(fit), *_lost_factors(fit)]
    if names and fit.converged:  # elsewhere the curvature says little
        text = (
            f"the data do not determine {', '.join(names)}: the likelihood hardly changes with it, "
            "so it has no standard error. Simplify the model, or collect rows that tell it"
        )
        yield Note("undetermined", text)


def _lost_coefficients(fit: Fit) -> Iterator[str]:
    """Names of coefficients without a standard error that no other note explains."""
    if fit.covariance is None:
        return
    start, untold = 0, {k for k, _ in _untold_parameters(fit)}
    numbers = fit.layout.numbers
    follow = any(signs.any() for k, signs in enumerate(fit.infinities) if k not in numbers)
    pairs = zip(fit.layout.predictors, fit.layout.coefficients, fit.infinities, strict=True)
    for k, (predictor, names, signs) in enumerate(pairs):
        told = [dictated(fit, p) for p in coefficients(fit, k)]
        beside = k in numbers and follow  # numbers that follow effects are told of beside these
        # Open coefficients alone have no other note.
        told_of = (signs != 0.0) & (np.nan_to_num(signs).any() or beside)
        lost = np.isnan(np.diag(fit.covariance)[start : start + len(names)]) & ~told_of
        lost &= ~np.array(told, dtype=np.bool_)
        elsewhere = k in untold or predictor in (*fit.capped, *fit.endless)
        if not elsewhere:
            is_number = fit.family.parameters[k].block is not None  # without a formula
            yield from (
                repr(predictor) if is_number else f"the coefficient of {name!r} ({predictor})"
                for name, is_lost in zip(names, lost, strict=True)
                if is_lost
            )
        start += len(names)


def _lost_factors(fit: Fit) -> Iterator[str]:
    """Grouping factors with variance parameters without a standard error, off the boundary."""
    if fit.covariance is None:
        return
    start = sum(map(len, fit.beta))
    told = {f for f, _ in dictated_effects(fit)}
    for f, (factor, theta) in enumerate(zip(fit.layout.factors, fit.theta, strict=True)):
        lost = np.isnan(np.diag(fit.covariance)[start : start + len(theta)])
        if f not in told and lost.any() and not factor.covariance.zeros(theta).any():
            between = f" between levels of {factor.name!r}"
            yield f"the variances{' of curves' if factor.is_smooth else between}"
        start += len(theta)
