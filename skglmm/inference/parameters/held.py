"""Parameters that a ceiling holds, and those that the rows at a ceiling dictate."""

from collections.abc import Collection, Iterator

import numpy as np

from skglmm.arrays import Floats
from skglmm.fitting import Cap, Fit
from skglmm.inference.parameters.natural import (
    Natural,
    correlation_name,
    end_of_range,
    is_open,
    natural,
    open_interval,
    sd_name,
)

__all__ = [
    "capped_names",
    "dictated",
    "dictated_effects",
    "held_interval",
    "held_sentences",
    "is_undetermined",
    "known_ends",
]

MOVED = 1e-9  # of a coefficient, by rounding


def dictated(fit: Fit, parameter: Natural) -> bool:
    """Return whether rows at a ceiling determine a parameter in place of all others."""
    if fit.uncertainty is None or fit.uncertainty.dictated is None:
        return False
    if parameter.name in _dictated_variances(fit):
        return True
    gradient = parameter.gradient[None]
    return not np.isnan(gradient).any() and bool(fit.uncertainty.dictates(gradient)[0])


def dictated_effects(fit: Fit) -> tuple[tuple[int, int], ...]:
    """Return factor and column of the random effects that rows at a ceiling dictate."""
    found = None if fit.uncertainty is None else fit.uncertainty.dictated
    return () if found is None else found.effects


def _dictated_variances(fit: Fit) -> set[str]:
    """Names of the standard deviations and correlations of effects that are dictated."""
    names = set()
    for f, c in dictated_effects(fit):
        factor = fit.layout.factors[f]
        names.add(sd_name(factor, c))
        for i in range(factor.n_columns):
            names |= {correlation_name(factor, i, c), correlation_name(factor, c, i)}
    return names


def held_interval(fit: Fit, parameter: Natural) -> tuple[float, float] | None:
    """Return the interval of a parameter that a ceiling holds, or that rows there dictate; or None.

    The likelihood rises without end with the former, so that no finite value is in any interval
    but for the ceiling's sake: the infinite end alone is known. Nothing is known of the latter.
    """
    moves = _moves(fit, parameter)
    if len(moves):
        up, down = np.all(moves > 0), np.all(moves < 0)
        return (
            end_of_range(parameter, -1.0) if down else np.nan,
            end_of_range(parameter, 1.0) if up else np.nan,
        )
    return (np.nan, np.nan) if dictated(fit, parameter) else None


def known_ends(fit: Fit, parameter: Natural) -> tuple[float, float] | None:
    """Return the interval of a parameter at infinity, held or dictated; None for all others.

    The curvature and refits know one end of it at most; the other is NaN.
    """
    return held_interval(fit, parameter) or open_interval(fit, parameter)


def is_undetermined(fit: Fit, parameter: Natural) -> bool:
    """Return whether the data leave a parameter open that is neither at infinity nor held."""
    if is_open(fit, parameter):
        return True
    gradient = parameter.gradient
    if fit.uncertainty is None or np.isnan(gradient).any() or known_ends(fit, parameter):
        return False
    is_held = np.any(gradient[fit.uncertainty.held] != 0)
    return bool(not is_held and not fit.uncertainty.determines(gradient[None])[0])


def _moves(fit: Fit, parameter: Natural) -> Floats:
    """Changes of a parameter that lead the predictor of one cap on each; without zeros."""
    gradient = np.nan_to_num(parameter.gradient)
    moves: Floats = np.array([gradient @ _move(fit, cap) for cap in fit.caps])
    return np.asarray(moves[np.abs(moves) > MOVED * np.max(np.abs(gradient), initial=0.0)])


def _move(fit: Fit, cap: Cap) -> Floats:
    """Changes of all parameters by which the predictor of a cap goes on in its rows alone."""
    move = np.zeros(sum(map(len, (*fit.beta, *fit.theta))))
    start, change = sum(map(len, fit.beta[: cap.predictor])), cap.moves[cap.predictor]
    move[start : start + len(change)] = fit.family.limits[cap.predictor].sign * change
    return move


def capped_names(fit: Fit) -> tuple[str, ...]:
    """Return the names of the parameters that a ceiling holds, in predictors with a formula."""
    return tuple(parameter.name for parameter in natural(fit) if len(_moves(fit, parameter)))


def held_sentences(fit: Fit, names: Collection[str]) -> Iterator[str]:
    """Say why some parameters have no limits, where the reason is a ceiling.

    Parameters
    ----------
    fit : Fit
    names : collection of str
        Of the parameters of interest.
    """
    asked = [parameter for parameter in natural(fit) if parameter.name in names]
    if not fit.caps:
        yield from _reproduced_sentences(fit, asked)
        return
    rows = " and ".join(dict.fromkeys(cap.label for cap in fit.caps))
    gone = [parameter.name for parameter in asked if len(_moves(fit, parameter))]
    if gone:
        yield (
            f"{', '.join(gone)}: the likelihood rises without end with the "
            f"{' and '.join(fit.capped)} of {rows}, so there are no limits but the infinite end"
        )
    gone = [p.name for p in asked if not len(_moves(fit, p)) and dictated(fit, p)]
    if gone:
        yield (
            f"{', '.join(gone)}: no limits, as the rows of {rows}, whose "
            f"{' and '.join(fit.capped)} is unbounded, determine the estimates in place of all "
            "others; fit without these rows"
        )


def _reproduced_sentences(fit: Fit, asked: Collection[Natural]) -> Iterator[str]:
    """The same where all rows are at a limit."""
    gone = [parameter.name for parameter in asked if dictated(fit, parameter)]
    if gone:
        yield (
            f"{', '.join(gone)}: no limits, as the model reproduces the responses almost exactly, "
            "so that estimates have no error to speak of"
        )
