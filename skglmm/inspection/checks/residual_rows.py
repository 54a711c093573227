"""Residuals of rows beside their fitted means."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.estimators.reading.study_rows import study_rows
from skglmm.estimators.reading.validation import check_choice, check_one_mean
from skglmm.inference import drawn
from skglmm.inspection.checks.residuals import residuals
from skglmm.inspection.data.fitted import Fitted

__all__ = ["ResidualRows", "residual_rows"]

EFFECTS = ("drawn", "predicted", "averaged")
RESIDUALS = ("quantile", "pearson", "deviance", "response")


@dataclass(frozen=True, eq=False)
class ResidualRows:
    """Rows as a plot of residuals needs them.

    Parameters
    ----------
    residual, fitted, y : ndarray, shape (n_samples,)
        The second are means given the same random effects, on the scale of y.
    target_name : str
        What the response is called.
    mean_name : str or None
        What means are called that are not means of the response's name, see `Fitted`.
    eta : tuple of ndarray, each of shape (n_samples,)
        Linear predictors given drawn effects; empty for others.
    """

    residual: Floats
    fitted: Floats
    y: Floats
    target_name: str
    mean_name: str | None
    eta: tuple[Floats, ...] = ()


def residual_rows(
    estimator: Any,
    X: Any,
    y: Any,
    kind: str,
    effects: str | None,
    sample_weight: Any,
    rng: np.random.Generator,
) -> ResidualRows:
    """Return residuals of a kind given drawn, predicted or no random effects."""
    fitted = Fitted.of(estimator)
    check_choice("residual", kind, RESIDUALS)
    if effects is None:
        effects = "drawn" if kind == "quantile" else "predicted"
    check_choice("effects", effects, EFFECTS)
    if effects == "drawn":
        return _drawn_rows(fitted, X, y, kind, sample_weight, rng)
    conditional = effects == "predicted"
    found = np.asarray(residuals(estimator, X, y, kind, conditional, rng))
    mean = fitted.means(fitted.rows(X), "conditional" if conditional else "marginal")
    missing = np.isnan(found)
    if missing.any():
        msg = (
            f"{missing.sum()} of {len(found)} residuals are missing: new_groups='nan' predicts "
            "nothing for groups that fit did not see, and no model for rows that the data of fit "
            "do not determine; leave these rows out"
        )
        raise ValueError(msg)
    names = fitted.target(y), fitted.mean_name(y)
    return ResidualRows(found, mean, fitted.numbers(y), *names)


def _drawn_rows(
    fitted: Fitted, X: Any, y: Any, kind: str, sample_weight: Any, rng: np.random.Generator
) -> ResidualRows:
    if kind != "quantile":
        msg = (
            f"drawn effects have quantile residuals only, not residual={kind!r}; take "
            "effects='predicted'"
        )
        raise ValueError(msg)
    model = fitted.model
    check_one_mean(model.fit_, "a plot of residuals by means")
    rows = study_rows(model, fitted.rows(X), y, sample_weight)
    found = drawn(rows.study, rows.here.mode, rng)
    mean = model._scale.write(found.family.mean(list(found.eta)))
    column = model._scale.numbers(rows.y)
    names = fitted.target(y), fitted.mean_name(y)
    return ResidualRows(found.residual, mean, column, *names, found.eta)
