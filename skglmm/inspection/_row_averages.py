"""Predictions along a feature, averaged over rows that keep their other columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.estimators._frames import predict_frame
from skglmm.estimators._rows import build_rows
from skglmm.estimators._validation import check_inference
from skglmm.inspection._fitted import Fitted
from skglmm.inspection._question import Question

__all__ = ["SomeRows", "average_over", "distinct_rows"]

# Rows times points that are predicted: a second or so. A mixture of responses is solved for.
MOST = {None: 400_000, "mean": 200_000, "response": 10_000}


@dataclass(frozen=True, eq=False)
class SomeRows:
    """Rows that differ in what predictions may depend on.

    Parameters
    ----------
    frame : DataFrame, m rows
    shares : ndarray, shape (m,)
        Weights with sum 1.
    are_all : bool
        False where they stand for others, too.
    """

    frame: pd.DataFrame
    shares: Floats
    are_all: bool = True


def distinct_rows(
    rows: pd.DataFrame, others: list[Any], weights: Floats, n_points: int, interval: str | None
) -> SomeRows:
    """Return each row that differs in some columns once, with the weight of all like it.

    Where these are too many, evenly spaced ones in the order of the columns stand for all.

    Parameters
    ----------
    rows : DataFrame, n rows
    others : list
        Columns that predictions may depend on.
    weights : ndarray, shape (n,)
    n_points : int
        Points at which each row is predicted.
    interval : {"mean", "response"} or None
    """
    if not others:
        return SomeRows(rows.iloc[:1], np.ones(1))
    codes = rows.groupby(others, sort=True, dropna=False, observed=True).ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    total, most = np.bincount(codes, weights), max(1, MOST[interval] // n_points)
    if len(first) <= most:
        return SomeRows(rows.iloc[first], total / total.sum())
    steps = (np.arange(most) + 0.5) / most * total.sum()
    chosen = first[np.searchsorted(np.cumsum(total), steps)]
    return SomeRows(rows.iloc[chosen], np.full(most, 1.0 / most), are_all=False)


def average_over(
    fitted: Fitted, some: SomeRows, feature: Mapping[Any, "pd.Series[Any]"], ask: Question
) -> tuple[Floats, Floats | None]:
    """Return the averages at each value of a feature, and their limits.

    Parameters
    ----------
    fitted : Fitted
    some : SomeRows
    feature : mapping
        The name of the feature, and its values, of which there are k.
    ask : Question
        Of a kind without predicted effects.

    Returns
    -------
    mean : ndarray, shape (k,)
    limits : ndarray, shape (k, 2), or None
        NaN where a mean is.
    """
    ((name, values),) = feature.items()
    m, k = len(some.frame), len(values)
    places = np.tile(np.arange(k), m)
    grid = some.frame.iloc[np.repeat(np.arange(m), k)].reset_index(drop=True)
    grid[name] = values.iloc[places].array
    rows, model = fitted.rows(grid), fitted.model
    shares = np.repeat(some.shares, k)
    mean = np.zeros(k)
    np.add.at(mean, places, shares * np.asarray(model.predict(rows, kind=ask.kind)))
    if ask.interval is None:
        return mean, None
    check_inference(model.fit_)
    if m == 1:
        return mean, model.predict_interval(rows, ask.interval, level=ask.level, kind=ask.kind)
    frame = predict_frame(model, rows)
    kind = ask.kind if model.random_terms_ else "fixed"
    design, plan = build_rows(model._spec, frame, kind, "fixed", model.context)
    if ask.interval == "mean":
        found = infer.average_interval(model.fit_, design, plan, places, shares, ask.level)
        ends = found.lower, found.upper
    else:
        ends = infer.average_quantiles(model.fit_, design, plan, places, shares, ask.level)
    limits = np.column_stack([model._scale.response(end) for end in ends])
    return mean, np.where(np.isnan(mean)[:, None], np.nan, limits)
