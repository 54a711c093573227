"""Findings about the approximation of the likelihood: how far it is off, and what that moves."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Objective
from skglmm.fitting import Fit, Local, Study
from skglmm.inference.diagnosis.approximation_error import (
    ApproximationError,
    approximation_error,
    points_of,
)
from skglmm.inference.parameters.natural import natural
from skglmm.inference.report.findings import Finding
from skglmm.inference.report.separation import without_estimate
from skglmm.linalg import block_diagonal

__all__ = ["approximation"]

NOTABLE, LARGE = 0.1, 0.5  # standard errors by which an estimate is off
OFF = 3.0  # units of log likelihood, of which comparisons of like models share the most
FAR = 300.0  # standard error of a covariance parameter that no link reaches: nothing tells of it
SHOWN = 3  # parameters that are named, those that move most
DRAW_RESPONSES = (
    "Draw responses from the model, by method='bootstrap' of likelihood_ratio_test or confint: "
    "fits to these are off by as much, which tests and limits then allow for"
)
NOT_YET = (
    "so many points are not yet sure to be enough. Where responses hardly change within levels "
    "none are, and the standard deviation between levels grows with their number"
)
WITHOUT_REML = (
    "Of one grouping factor, or of nested ones, reml=False with n_quadrature=11 is closer. Or stay "
    "with REML, and allow for it. "
)
OUT_OF_REACH = "Quadrature does not reach these random effects. "


def approximation(
    fit: Fit, study: Study, here: Objective, around: Local, takes_points: bool
) -> Iterator[Finding]:
    """Find a likelihood whose approximation moves estimates, or differences of log likelihoods.

    Parameters
    ----------
    fit : Fit
    study : Study
        Its rows, with its approximation.
    here : Objective
    around : Local
    takes_points : bool
        Whether the user can ask for points of quadrature.
    """
    around = _within_reach(study, around)
    error = approximation_error(study, here, around)
    if error is None or abs(error.value) <= 2.0 * error.std_error:
        return
    moves = {} if error.shift is None else _in_std_errors(fit, study, around, error.shift)
    names = sorted(moves, key=lambda name: -abs(moves[name]))
    names = [name for name in names if abs(moves[name]) > NOTABLE][:SHOWN]
    if not names and abs(error.value) < OFF:
        return
    largest = abs(moves[names[0]]) if names else 0.0
    severity = "warning" if largest > LARGE else "note"
    subject = names[0] if names else "log likelihood"
    text = _text(study, error, [f"{name} by {moves[name]:+.2g}" for name in names])
    advice = _advice(error, takes_points, restricted=bool(fit.integrated))
    yield Finding("approximation", severity, subject, float(error.value), text, advice)


def _within_reach(study: Study, around: Local) -> Local:
    """Take covariance parameters for known that the data do not tell, as of zeros that no row has.

    A step in units of their standard errors leads where the expansion says nothing.
    """
    errors = np.sqrt(np.maximum(np.diag(around.covariance), 0.0))
    errors[: study.problem.shape.n_beta] = 0.0
    return replace(around, free=around.free & (errors <= FAR))


def _in_std_errors(fit: Fit, study: Study, around: Local, shift: Floats) -> dict[str, float]:
    """How far parameters on their natural scales are off, in standard errors, by the delta rule."""
    n_theta = study.problem.shape.n_params - study.problem.shape.n_beta
    to_user = block_diagonal(study.scales.whole_map, np.eye(n_theta))
    apart = without_estimate(fit)
    parameters = [each for each in natural(fit) if each.name not in apart]
    parameters = [each for each in parameters if np.all(np.isfinite(each.gradient))]
    if not parameters:
        return {}
    gradients = np.array([each.gradient for each in parameters]) @ to_user
    variances = np.einsum("mp,pq,mq->m", gradients, around.covariance, gradients)
    moves = gradients @ shift
    pairs = zip(parameters, variances, moves, strict=True)
    return {
        each.name: float(move / np.sqrt(variance)) for each, variance, move in pairs if variance > 0
    }


def _text(study: Study, error: ApproximationError, moves: list[str]) -> str:
    n_points = points_of(study)
    title = "Laplace's approximation" if n_points == 1 else f"quadrature with {n_points} points"
    size = "very roughly" if error.n_points is None and not error.is_settled else "about"
    side = "low" if error.value > 0.0 else "high"
    text = f"{title} puts the log likelihood {size} {abs(error.value):.2g} too {side}"
    if moves:
        text += f"; the integral itself would move {', '.join(moves)} standard errors"
    elif error.shift is not None:
        text += f", and no estimate by more than {NOTABLE} standard errors"
    return text


def _advice(error: ApproximationError, takes_points: bool, *, restricted: bool) -> str:
    if restricted and takes_points:
        return WITHOUT_REML + DRAW_RESPONSES
    if error.n_points is None:
        return OUT_OF_REACH + DRAW_RESPONSES
    if not takes_points:
        return DRAW_RESPONSES
    if error.is_settled:
        return f"Fit with n_quadrature={error.n_points}, which is close to the integral"
    return f"Fit with n_quadrature={error.n_points}, and look again: {NOT_YET}"
