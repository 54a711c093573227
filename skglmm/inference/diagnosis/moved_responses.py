"""How estimates depend on where responses that lay on a bound were moved to."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from skglmm.arrays import Floats
from skglmm.exceptions import DesignError
from skglmm.fitting import Fit, Study, refit
from skglmm.inference.parameters.natural import natural, std_errors
from skglmm.inference.report.findings import Finding

__all__ = ["HEAP_ADVICE", "moved_responses"]

SURE = 1.0  # standard errors that an estimate may move before its numbers are in doubt
SHOWN = 3  # estimates that are told of, those that move most
HEAP_ADVICE = (
    "If they were moved, put them back on the bound and choose a model that gives it a probability "
    "of its own; if the instrument cannot tell smaller values, say so where you report the fit"
)
ADVICE = (
    "Choose a model that gives the bounds probabilities of their own, and compare such models with "
    "each other"
)


def moved_responses(
    fit: Fit,
    study: Study,
    responses: Mapping[float, Floats],
    moved: str,
    advice: str = ADVICE,
) -> Iterator[Finding]:
    """Fit again with the responses moved otherwise, and find the estimates that follow.

    Parameters
    ----------
    fit : Fit
    study : Study
        Its rows.
    responses : mapping of float to ndarray, shape (n,)
        Responses in the order of the study, for several fractions of the width.
    moved : str
        What was done to the responses, and where they are in the further fits: a text that the
        fractions follow.
    advice : str
        What to do.
    """
    fit = fit if fit.covariance is not None else refit(study, fit, inference=True)
    estimates = {}
    for fraction, y in responses.items():
        try:
            again = refit(study.with_response(y), fit)
        except DesignError:  # no value of the likelihood anywhere near the estimates
            continue
        estimates[fraction] = {each.name: each.value for each in natural(again)}
    here = list(natural(fit))
    error = dict(zip([each.name for each in here], _errors(fit), strict=True))
    sizes = {name: _size(name, error[name], estimates.values()) for name in error}
    names = [name for name in sizes if sizes[name] > 0.0]
    names = sorted(names, key=lambda name: -sizes[name])[:SHOWN]
    if not names:
        return
    fractions = ", ".join(f"{fraction:g}" for fraction in estimates)
    paths = "; ".join(f"{name} {_path(name, sizes[name], estimates)}" for name in names)
    finding = f"{moved}{fractions} the estimates are: {paths}"
    largest = sizes[names[0]]
    severity = "warning" if largest > SURE else "note"
    yield Finding("moved responses", severity, names[0], float(largest), finding, advice)


def _errors(fit: Fit) -> Floats:
    parameters = list(natural(fit))
    if fit.uncertainty is None:
        return np.full(len(parameters), np.nan)
    return std_errors(fit, parameters)


def _size(name: str, error: float, estimates: Iterable[Mapping[str, float]]) -> float:
    """How far an estimate moves, in standard errors; 0 where there is none."""
    values = [each[name] for each in estimates]
    if not error > 0.0 or not np.all(np.isfinite(values)):
        return 0.0
    return float(np.ptp(values)) / error


def _path(name: str, size: float, estimates: Mapping[float, Mapping[str, float]]) -> str:
    values = ", ".join(f"{each[name]:.4g}" for each in estimates.values())
    return f"{values} ({size:.2g} standard errors)"
