"""Findings about the optimum and the columns: gradient, curvature, boundaries, scales."""

from collections.abc import Collection, Iterator
from itertools import combinations

import numpy as np
from scipy.linalg import qr

from skglmm.arrays import Floats
from skglmm.design import Factor
from skglmm.engine import Objective
from skglmm.fitting import Fit, Local, Study
from skglmm.inference.parameters.names import coefficient_names, parameter_names
from skglmm.inference.parameters.natural import correlation_name
from skglmm.inference.report.findings import Finding
from skglmm.inference.report.notes import notes, singular_advice

__all__ = ["boundary", "convergence", "curvature", "left_out", "near_separation", "wild_scales"]

STEEP = 0.01  # scaled gradient: a hundredth of a standard error away from the optimum
FALLS, FLAT, TIED = -1e-3, 1e-5, 1e-3  # scaled curvatures: negative, none, next to none
SHARE = 0.1  # of the largest weight in a direction that its other names have at least
SHOWN = 4  # names in a direction, or of steep parameters
NEAR, ROUNDING = 0.98, 1e-9  # correlations beyond are as good as one, or are one
WIDE = 15.0  # units of a link, over the range of a column: from one bound to the other
UNSURE = 5.0  # the same of the standard error
WILD = 1e4  # standard deviations, or their inverse, that make coefficients hard to read
CONSTANT = 1e-12  # standard deviations, in units of the mean, that are rounding
FAR = 1e3  # standard deviations between a column and zero


def convergence(fit: Fit, study: Study, around: Local | None, here: Objective) -> Iterator[Finding]:
    """Find an optimizer that stopped too early, with the parameters that would move."""
    names = np.array(parameter_names(study), dtype=object)
    gradient = np.abs(here.gradient) if around is None else np.zeros(len(names))
    if around is not None:
        gradient[around.informed] = np.abs(around.scaled[0])
    steepest = float(gradient.max(initial=0.0))
    at_floor = bool(fit.capped) and not fit.caps  # where rounding is a part of every gradient
    if fit.converged and (around is None or at_floor or steepest <= STEEP):
        return
    order = np.argsort(-gradient)[:SHOWN]
    shown = ", ".join(f"{names[j]} {gradient[j]:.2g}" for j in order)
    state = "converged" if fit.converged else f"did not converge: {fit.message}"
    text = f"the optimizer {state}; scaled gradients, 0 at an optimum, are up to {shown}"
    advice = (
        "Raise max_iter, or simplify the random effects; the units of the columns do not matter"
    )
    yield Finding("convergence", "warning", str(names[order[0]]), steepest, text, advice)


def curvature(study: Study, around: Local, explained: Collection[str] = ()) -> Iterator[Finding]:
    """Find directions in which the likelihood hardly falls, or rises.

    Directions of coefficients that are `explained`, as they are at infinity, are no news.
    """
    names = np.array(parameter_names(study), dtype=object)
    for name in names[around.free & ~around.informed & ~np.isin(names, list(explained))]:
        yield _undetermined(str(name))
    _, values, vectors = around.scaled
    signs = study.signs[around.informed]
    for value, vector in zip(values, vectors.T, strict=True):
        rises = value < FALLS and bool(_moved(study, around, vector) - set(explained))
        if rises or FLAT <= value <= TIED:
            yield _flat(float(value), _direction(names[around.informed], signs * vector))
    is_flat = (values >= FALLS) & (values < FLAT)
    for direction, moved in _in_user_units(study, around, vectors[:, is_flat]):
        if not moved <= set(explained):
            one = len(moved) == 1
            yield _undetermined(*moved) if one else _flat(float(values[is_flat].min()), direction)


def _moved(study: Study, around: Local, vector: Floats) -> frozenset[str]:
    ((_, names),) = _in_user_units(study, around, vector[:, None])
    return names


def _in_user_units(
    study: Study, around: Local, vectors: Floats
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield flat directions as texts, and the names of what they move, in the user's units.

    Coefficients count over the spans of their columns. On centered columns a level that the data
    do not determine moves the intercept, too, whose standard error stands. Of several directions
    any combination is flat: each has a name that the others do not move.
    """
    if not vectors.size:
        return
    change = np.zeros((len(around.vector), vectors.shape[1]))
    change[around.informed] = vectors / np.sqrt(np.diag(around.hessian)[around.informed])[:, None]
    scales, layout, start = study.scales, study.design.layout, 0
    names: list[str] = []
    moves = []
    for k, (to_user, spans) in enumerate(zip(scales.to_user, scales.spans, strict=True)):
        stop = start + to_user.shape[1]
        moves.append(to_user @ change[start:stop] * spans[:, None])
        names += coefficient_names(layout, k)
        start = stop
    names += parameter_names(study)[start:]
    moved = np.vstack([*moves, change[start:]])
    own = qr(moved.T, mode="r", pivoting=True)[1][: moved.shape[1]]
    found = np.linalg.solve(moved[own].T, moved.T)
    for shares in found / np.abs(found).max(axis=1, initial=0.0, keepdims=True):
        moving = (name for name, share in zip(names, shares, strict=True) if abs(share) > SHARE)
        yield _direction(np.array(names, dtype=object), shares), frozenset(moving)


def _undetermined(name: str) -> Finding:
    text = f"the likelihood does not change with {name}"
    advice = "The data do not determine it; take its term out of the model"
    return Finding("curvature", "warning", name, 0.0, text, advice)


def _flat(value: float, direction: str) -> Finding:
    if value < FALLS:
        text = f"the likelihood still rises along {direction} (scaled curvature {value:.2g})"
        advice = "The estimates are no maximum; raise max_iter, or simplify the random effects"
    elif value < FLAT:
        text = f"the likelihood is flat along {direction} (scaled curvature {value:.2g})"
        advice = "The data do not tell these apart; leave one of them out"
    else:
        text = (
            f"the data hardly determine {direction} (scaled curvature {value:.2g}; 1 where "
            "estimates do not depend on each other)"
        )
        advice = "Standard errors of these are large for that reason; a simpler model may do"
    severity = "warning" if value < FLAT else "note"
    return Finding("curvature", severity, direction, value, text, advice)


def _direction(names: Floats, vector: Floats) -> str:
    """A combination of parameters, in units of their own curvature, as text."""
    order = np.argsort(-np.abs(vector))[:SHOWN]
    weights = vector[order] * np.sign(vector[order[0]])
    pairs = zip(weights, names[order], strict=True)
    return " ".join(f"{w:+.2g} {name}" for w, name in pairs if abs(w) >= SHARE * weights[0])


def boundary(fit: Fit) -> Iterator[Finding]:
    """Find variances of zero and correlations of one, and those next to it."""
    for sentence in fit.singular:
        text = f"the fit is singular: {sentence}"
        advice = singular_advice(fit)
        yield Finding("boundary", "warning", sentence, 0.0, text, advice)
    for factor, theta in zip(fit.layout.factors, fit.theta, strict=True):
        if factor.are_groups:  # others have neighbors that are alike, and no parameters
            yield from _near_one(factor, theta)


def _near_one(factor: Factor, theta: Floats) -> Iterator[Finding]:
    """Find correlations next to one, of the centered columns: others may be as large by units."""
    root = factor.covariance.factor(theta)
    sds = np.linalg.norm(root, axis=1)
    if not sds.all():
        return
    correlation = (root / sds[:, None]) @ (root / sds[:, None]).T
    for i, j in combinations(range(len(root)), 2):
        value = float(correlation[i, j])
        if NEAR < abs(value) < 1.0 - ROUNDING:
            name = correlation_name(factor, i, j)
            text = f"{name}, with centered columns, is {value:.3f}, next to its boundary"
            advice = "The data hardly tell the two effects apart; compare with independent ones"
            yield Finding("boundary", "note", name, value, text, advice)


def left_out(fit: Fit) -> Iterator[Finding]:
    """Find columns that were dropped, and a precision or a scale at its limit, or without any."""
    for note in notes(fit):
        if note.kind in {"aliased", "capped", "untold"}:
            text, _, advice = note.text.partition(". ")
            if note.kind == "aliased":
                advice = (
                    "Take the column out of the formula, so that it says what it means, unless it "
                    "belongs to an interaction with empty cells"
                )
            yield Finding("determination", "warning", note.kind, np.nan, text, advice)


def near_separation(
    study: Study, around: Local, explained: Collection[str] = ()
) -> Iterator[Finding]:
    """Find coefficients that have grown because a column tells the responses apart.

    Those that are `explained`, as they are at infinity, are no news.
    """
    names, held = parameter_names(study), _held_places(study)
    errors = np.sqrt(np.maximum(np.diag(around.covariance), 0.0))
    start = 0
    for x in study.design.fixed:
        ranges = np.ptp(x, axis=0)
        for j, width in enumerate(ranges, start):
            effect, error = abs(around.vector[j]) * width, errors[j] * width
            if j in held or names[j] in explained:
                continue
            if effect > WIDE and (error > UNSURE or error == 0.0):
                yield _separated(names[j], float(effect), float(error))
        start += x.shape[1]


def _held_places(study: Study) -> set[int]:
    """Places of the coefficients that are linear predictors of rows at a ceiling."""
    starts = np.cumsum([0, *study.problem.shape.n_coefficients])
    return {int(starts[k]) + j for _, places in study.caps for k, j in places.items()}


def _separated(name: str, effect: float, error: float) -> Finding:
    text = (
        f"over the range of its column the coefficient of {name} moves the linear predictor by "
        f"{effect:.3g} units of the link, with a standard error of {error:.3g}"
    )
    advice = (
        "The column may tell responses at the end of their range from the others perfectly, so "
        "that the coefficient grows without end; look at the responses by this column, or drop it"
    )
    return Finding("separation", "warning", name, effect, text, advice)


def wild_scales(study: Study) -> Iterator[Finding]:
    """Find columns whose units make the table of coefficients hard to read."""
    design = study.design
    for k, (x, back) in enumerate(zip(design.fixed, study.scales.from_user, strict=True)):
        for name, column in zip(design.layout.coefficients[k], (x @ back).T, strict=True):
            center, spread = float(np.mean(column)), float(np.std(column))
            if spread <= CONSTANT * abs(center):
                continue
            if not 1.0 / WILD < spread < WILD:
                yield _wild(name, spread, f"has a standard deviation of {spread:.3g}")
            elif abs(center) > FAR * spread:
                far = abs(center) / spread
                yield _wild(name, far, f"lies {far:.3g} standard deviations away from 0")


def _wild(name: str, value: float, what: str) -> Finding:
    text = f"the column {name!r} {what}"
    advice = (
        "The fit standardizes columns inside and is not harmed; center or rescale the column for "
        "coefficients, and an intercept, that people can read"
    )
    return Finding("scales", "note", name, value, text, advice)
