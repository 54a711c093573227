"""Labels as texts and arrays of numpy, for files that hold no objects of pandas."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["from_plain", "to_plain"]

Plain = tuple[Any, ...]


def to_plain(values: "pd.Index[Any]") -> Plain:
    """Return what an index holds: a word for its type, and then arrays and texts."""
    match values:
        case pd.DatetimeIndex():
            plain: Plain = ("datetime", values.asi8, values.unit, values.tz and str(values.tz))
        case pd.TimedeltaIndex():
            plain = ("timedelta", values.asi8, values.unit)
        case pd.PeriodIndex():
            plain = ("period", values.asi8, values.freqstr)
        case pd.IntervalIndex():
            plain = ("interval", to_plain(values.left), to_plain(values.right), values.closed)
        case _:
            plain = _ordinary(values)
    return plain


def _ordinary(values: "pd.Index[Any]") -> Plain:
    """Return what an index of numbers, texts, dates or other objects holds."""
    kind = pd.api.types.infer_dtype(values, skipna=False)
    if kind == "string":
        sizes = np.array([len(text) for text in values])
        return "text", "".join(values), sizes, str(values.dtype)
    if kind == "date":
        return "date", values.to_numpy().astype("M8[D]").view(np.int64)
    array = values.to_numpy()
    return "values", values.tolist() if array.dtype == object else array, str(values.dtype)


def from_plain(plain: Plain) -> "pd.Index[Any]":
    """Return the index of which these are the parts; the inverse of `to_plain`."""
    match plain:
        case "datetime", stamps, unit, zone:
            times = pd.DatetimeIndex(stamps.view(f"M8[{unit}]"))
            index: pd.Index[Any] = times.tz_localize("UTC").tz_convert(zone) if zone else times
        case "timedelta", steps, unit:
            index = pd.TimedeltaIndex(steps.view(f"m8[{unit}]"))
        case "period", ordinals, frequency:
            index = pd.Index([pd.Period(ordinal=k, freq=frequency) for k in ordinals.tolist()])
        case "interval", left, right, closed:
            index = pd.IntervalIndex.from_arrays(from_plain(left), from_plain(right), closed)
        case "date", days:
            index = pd.Index(days.view("M8[D]").astype(object), dtype=object)
        case "text", joined, sizes, dtype:
            ends = [0, *np.cumsum(sizes).tolist()]
            index = pd.Index([joined[start:stop] for start, stop in pairwise(ends)], dtype=dtype)
        case _, values, dtype:
            index = pd.Index(values, dtype=dtype)
    return index
