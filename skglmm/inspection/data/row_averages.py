"""Predictions along a feature, averaged over rows that keep their other columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.arrays import Floats, Ints
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import build_rows
from skglmm.estimators.reading.validation import check_inference
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.question import Question

__all__ = ["Part", "parts_of", "predict_parts"]

# Rows times points that are predicted: a second or so. A mixture of responses is solved for.
MOST = {None: 400_000, "mean": 200_000, "response": 10_000}
MOST_PLACES = 2_000  # new times or places, whose covariances with each other averages need


@dataclass(frozen=True, eq=False)
class Part:
    """The rows behind one curve, and the values of the feature at which they are predicted.

    Parameters
    ----------
    rows : ndarray of int, shape (m,)
        Positions of rows that differ in what predictions may depend on.
    shares : ndarray, shape (m,)
        Weights with sum 1.
    values : Series, shape (k,)
    are_all : bool
        False where the rows stand for others, too.
    """

    rows: Ints
    shares: Floats
    values: "pd.Series[Any]"
    are_all: bool


def parts_of(
    groups: Sequence[Ints],
    values: Sequence["pd.Series[Any]"],
    codes: Ints,
    weights: Floats,
    interval: str | None,
    *,
    at_places: bool = False,
) -> list[Part]:
    """Return each row of a group that differs from the others once, with the weight of all like it.

    Where these are too many, evenly spaced ones in the order of the codes stand for all.

    Parameters
    ----------
    groups : sequence of ndarray of int
        Positions of the rows of each curve.
    values : sequence of Series
        Of the feature, for each curve.
    codes : ndarray of int, shape (n,)
        Number of what a row has in the columns that predictions may depend on.
    weights : ndarray, shape (n,)
    interval : {"mean", "response"} or None
    at_places : bool, default=False
        Whether values of the feature make new times or places.
    """
    predicted = min(MOST[interval], MOST_PLACES) if at_places else MOST[interval]
    most = max(1, predicted // sum(map(len, values)))
    return [_part(rows, of, codes, weights, most) for rows, of in zip(groups, values, strict=True)]


def _part(rows: Ints, values: Any, codes: Ints, weights: Floats, most: int) -> Part:
    _, first, place = np.unique(codes[rows], return_index=True, return_inverse=True)
    total = np.bincount(place, weights[rows])
    if len(first) <= most:
        return Part(rows[first], total / total.sum(), values, are_all=True)
    steps = (np.arange(most) + 0.5) / most * total.sum()
    chosen = first[np.searchsorted(np.cumsum(total), steps)]
    return Part(rows[chosen], np.full(most, 1.0 / most), values, are_all=False)


def predict_parts(
    fitted: Fitted, frame: pd.DataFrame, name: Any, parts: Sequence[Part], ask: Question
) -> list[tuple[Floats, Floats | None]]:
    """Return the averages at each value of a feature, and their limits, for each part.

    Parameters
    ----------
    fitted : Fitted
    frame : DataFrame
        Whose rows the parts number.
    name : name
        Of the feature.
    parts : sequence of Part
    ask : Question
        Factors whose predicted effects enter have one level in all rows of a part and value.

    Returns
    -------
    list of tuple
        Means, shape (k,), and limits, shape (k, 2), or None; NaN where a mean is.
    """
    grid = frame.iloc[_joined(np.repeat(part.rows, len(part.values)) for part in parts)]
    grid = grid.reset_index(drop=True)
    tiled = [np.tile(np.arange(len(part.values)), len(part.rows)) for part in parts]
    values = pd.concat([part.values.iloc[t] for part, t in zip(parts, tiled, strict=True)])
    grid[name] = values.array
    starts = np.cumsum([0, *(len(part.values) for part in parts)])
    places = _joined(start + t for start, t in zip(starts, tiled, strict=False))
    shares = np.concatenate([np.repeat(part.shares, len(part.values)) for part in parts])
    mean, limits = _averaged(fitted, fitted.rows(grid), places, shares, ask)
    cuts = starts[1:-1]
    ends = [None] * len(parts) if limits is None else np.split(limits, cuts)
    return list(zip(np.split(mean, cuts), ends, strict=True))


def _joined(pieces: Iterable[Ints]) -> Ints:
    return np.concatenate(list(pieces))


def _averaged(
    fitted: Fitted, rows: Any, places: Ints, shares: Floats, ask: Question
) -> tuple[Floats, Floats | None]:
    model = fitted.model
    mean = np.zeros(int(places.max()) + 1)
    np.add.at(mean, places, shares * fitted.means(rows, ask.kind))
    if ask.interval is None:
        return mean, None
    if len(mean) == len(places):  # every point is a row: places are in order
        return mean, model.predict_interval(rows, ask.interval, level=ask.level, kind=ask.kind)
    check_inference(model.fit_)
    frame = predict_frame(model, rows)
    design, plan = build_rows(model._spec, frame, ask.kind, model.new_groups, model.context)
    limits = infer.average_interval if ask.interval == "mean" else infer.average_quantiles
    ends = limits(model.fit_, design, plan, places, shares, ask.level)
    found = np.column_stack([model._scale.write(end) for end in ends])
    return mean, np.where(np.isnan(mean)[:, None], np.nan, found)
