"""Average comparisons: what changing a column of all rows does to their means."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import block_diag, csr_array

from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inference import MeanContrasts
from skglmm.inspection.data.feature import Feature
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.tables import (
    as_table,
    column_name,
    column_names,
    is_number,
    set_columns,
    shown,
    with_columns,
)
from skglmm.inspection.means.asked import Asked
from skglmm.inspection.means.marginal_means import group_codes, shares

__all__ = ["comparisons"]


@single_threaded
def comparisons(
    model: Any,
    X: Any,
    of: str,
    by: Any = None,
    *,
    values: Any = None,
    at: Mapping[Any, Any] | None = None,
    method: Any = "reference",
    reference: Any = None,
    ratio: bool = False,
    kind: Kind = "marginal",
    adjust: str = "none",
    df: str = "auto",
    level: float = 0.95,
) -> MeanContrasts:
    r"""Compare means of all rows with one column set to each of its values: g-computation.

    For each value v the means of all rows of X, each as it is but for ``of = v``, are averaged,
    :math:`m_v = \frac1n \sum_i E(y \mid x_i, v)`, and the averages compared [1]_. Standard
    errors are those of the delta method, of the estimates; the rows of X count as all there are.

    Parameters
    ----------
    model : estimator
        Fitted, with ``inference=True``: itself, the end of a pipeline, or inside of a fitted
        search.
    X : DataFrame or array-like, shape (n_samples, n_features)
        Rows to average over.
    of : str
        The column that is set.
    by : str or list of str, default=None
        Any columns of X, within whose values rows are averaged and compared.
    values : list of values, default=None
        What the column is set to: by default all categories, in order; a column of numbers is
        compared with itself plus 1.
    at : mapping of str to value, default=None
        Other columns that are set in all rows.
    method : str, array-like or mapping, default="reference"
        As in ``contrasts`` of `MarginalMeans`.
    reference : value, default=None
        Value to compare the others with; the first by default.
    ratio : bool, default=False
        Whether to compare by ratios of means, not by differences.
    kind : {"marginal", "fixed", "conditional"} or set of str, default="marginal"
        Means averaged over random effects, of typical groups, or of the rows' own groups.
    adjust : str, default="none"
        As in ``contrasts`` of `MarginalMeans`.
    df : str, default="auto"
        As in `marginal_means`.
    level : float, default=0.95
        Coverage of the limits.

    Returns
    -------
    MeanContrasts

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    TypeError
        When the model is none of skglmm.
    ValueError
        When a column or a choice is unknown; without inference; for ratios of means of which some
        are not positive.

    References
    ----------
    .. [1] Hernan, M. A. & Robins, J. M. (2020). Causal Inference: What If, chapter 13. Chapman &
       Hall/CRC.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import comparisons
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> comparisons(model, X, of="EP", values=[250, 350])
    Differences of average means
      contrast       estimate  std. error      z         p   2.5%  97.5%
      EP350 - EP250     12.54       1.427  8.783  1.59e-18  9.739  15.33
    """
    fitted = Fitted.of(model)
    ask = Asked(fitted.model, kind, "response", df, level, of_rows=True)
    table = as_table(X)
    name, groups = column_name(table, of), column_names(table, by)
    set_to = set_columns(table, at)
    _refuse_set(name, [*groups, *set_to])
    for other, value in set_to.items():
        if not np.isscalar(value) and not isinstance(value, date):
            msg = f"at: {other!r} is set to one value in all rows; got {value!r}"
            raise ValueError(msg)
    frame = with_columns(table, set_to)
    labels, pieces = _settings(fitted, table, name, values)
    found, codes = group_codes(table, groups, sort=True)
    rows = fitted.rows(pd.concat([with_columns(frame, {name: each}) for each in pieces]))
    each = shares(codes, np.ones(len(table)), len(found))
    weights = csr_array(block_diag([each] * len(pieces)))
    names = tuple(map(shown, (name, *groups)))
    both = tuple((label, *group) for label in labels for group in found)
    means = ask.averages(rows, weights, names, both, "Average means")
    return means.compared(method, list(names[1:]), adjust, reference, ratio=ratio)


def _refuse_set(name: Any, others: Sequence[Any]) -> None:
    if name in others:
        msg = f"of={name!r} is set to each of its values; take it out of by= and at="
        raise ValueError(msg)


def _settings(
    fitted: Fitted, table: pd.DataFrame, name: Any, values: Any
) -> tuple[list[Any], list[Any]]:
    """Return what a column is set to: labels, and a column or a value of each."""
    feature = Feature.of(fitted.model, table, name)
    if values is None and not feature.is_categorical:
        own = table[name].astype(np.float64)
        return [shown(name), f"{shown(name)} + 1"], [own, own + 1.0]
    given = feature.levels if values is None else list(values)
    if given is None or len(given) < 2:
        msg = f"values={values!r}: expected two or more values of {name!r} to compare"
        raise ValueError(msg)
    series = table[name]
    if isinstance(series.dtype, pd.CategoricalDtype):
        return given, [pd.Categorical([v] * len(table), dtype=series.dtype) for v in given]
    if is_number(series):
        return given, [np.full(len(table), v) for v in given]
    return given, [pd.array([v] * len(table), dtype=series.dtype) for v in given]
