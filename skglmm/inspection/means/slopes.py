"""Slopes: how linear predictors or means change with a covariate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from skglmm.arrays import Floats
from skglmm.estimators.reading.validation import check_choice
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inference import MarginalMeans
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.tables import as_table, column_name, is_number, shown, with_columns
from skglmm.inspection.means.asked import Asked
from skglmm.inspection.means.marginal_means import KINDS, asked_grid, group_weights
from skglmm.inspection.means.reference_grid import WEIGHT

__all__ = ["slopes"]

STEP = 1e-3  # of the standard deviation of a covariate: differences are exact to about 1e-6


@single_threaded
def slopes(
    model: Any,
    X: Any,
    of: str,
    by: Any = None,
    *,
    at: Mapping[Any, Any] | None = None,
    weights: str = "equal",
    kind: str = "fixed",
    scale: str = "link",
    df: str = "auto",
    level: float = 0.95,
) -> MarginalMeans:
    """Average the derivative in a covariate over a reference grid.

    On the scale of the link they are what emtrends of emmeans gives [1]_.

    Parameters
    ----------
    model : estimator
        As in `marginal_means`.
    X : DataFrame or array-like, shape (n_samples, n_features)
        As in `marginal_means`.
    of : str
        The covariate, a column of numbers. The derivative is where the covariate is in the grid: at
        its mean, or `at` others.
    by : str or list of str, default=None
        Columns whose values have slopes of their own.
    at : mapping of str to value or list of values, default=None
        As in `marginal_means`.
    weights : {"equal", "proportional", "cells"}, default="equal"
        As in `marginal_means`.
    kind : {"fixed", "marginal"}, default="fixed"
        As in `marginal_means`, of slopes on the scale of the response; on that of the link slopes
        of both are those of a typical group.
    scale : {"link", "response"}, default="link"
        Slopes of the linear predictor, or of the mean of y.
    df : str, default="auto"
        As in `marginal_means`.
    level : float, default=0.95
        Coverage of the limits.

    Returns
    -------
    MarginalMeans
        Of which `contrasts` are differences of slopes.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    TypeError
        When the model is none of skglmm.
    ValueError
        As in `marginal_means`; when `of` is no column of numbers.

    References
    ----------
    .. [1] Lenth, R. V. (2023). emmeans: estimated marginal means, aka least-squares means.
       R package, version 1.8.4.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import slopes
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> slopes(model, X, of="EP", by="EP", at={"EP": [250, 350]}, scale="response")
    Slopes of EP, scale of the response
      EP   estimate  std. error     2.5%    97.5%
      250   0.07754     0.01082  0.05632  0.09875
      350    0.1727      0.0188   0.1358   0.2095
    """
    check_choice("kind", kind, KINDS)
    fitted = Fitted.of(model)
    ask = Asked(fitted.model, "fixed" if scale == "link" else kind, scale, df, level, of_rows=True)
    table = as_table(X)
    of = column_name(table, of)
    if not is_number(table[of]):
        msg = f"of={of!r} holds no numbers, and has no slope; see comparisons()"
        raise ValueError(msg)
    grid = asked_grid(fitted, X, by, at, weights, kind, None)
    if of not in grid.frame or of in grid.factors:
        msg = f"of={of!r} is no covariate of the model, so that nothing has a slope in it"
        raise ValueError(msg)
    step = STEP * _spread(table[of].to_numpy(dtype=np.float64))
    names, labels, sums = group_weights(grid)
    frame = grid.frame.drop(columns=WEIGHT)
    ends = [with_columns(frame, {of: frame[of] + s * step}) for s in (1.0, -1.0)]
    rows = fitted.rows(pd.concat(ends, ignore_index=True))
    sums = csr_array(hstack([sums, -sums]) / (2.0 * step))
    name = fitted.model.link if scale == "link" and fitted.model.link != "identity" else ""
    title = f"Slopes of {shown(of)}, " + (f"{name} scale" if name else "scale of the response")
    return ask.slopes(rows, sums, names, labels, title, grid.notes)


def _spread(values: Floats) -> float:
    """Return the standard deviation of a covariate; of one value its size, or 1."""
    known = values[~np.isnan(values)]
    spread, size = float(known.std()), float(np.abs(known).max(initial=0.0))
    return spread if spread > 1e-10 * size else size or 1.0
