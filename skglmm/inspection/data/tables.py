"""X in any of its forms as a table whose columns are called as people call them."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skglmm.design import pick
from skglmm.estimators.reading.frames import to_pandas

__all__ = ["as_table", "column_name", "column_names", "is_number"]

_NUMBERS = {"decimal", "floating", "integer", "mixed-integer-float"}


def as_table(X: Any) -> pd.DataFrame:
    """Return X as a pandas frame; the columns of an array are called 0, 1, ..."""
    is_frame = isinstance(X, pd.DataFrame) or type(X).__module__.split(".")[0] == "polars"
    frame = to_pandas(X) if is_frame else pd.DataFrame(np.asarray(X))
    if frame.empty:
        msg = f"X has shape {frame.shape}; expected a table with rows and columns"
        raise ValueError(msg)
    return frame


def column_name(frame: pd.DataFrame, name: Any) -> Any:
    """Return the name by which the frame knows a column; x3 is column 3 of an array."""
    if name in frame.columns:
        return name
    numbered = isinstance(name, str) and re.fullmatch(r"x\d+", name)
    if numbered and int(name[1:]) in frame.columns:
        return int(name[1:])
    return pick(frame, str(name)).name


def column_names(frame: pd.DataFrame, names: Any) -> list[Any]:
    """Return the names of the columns that one name, a list of names or None stands for."""
    if names is None:
        return []
    several = isinstance(names, Sequence) and not isinstance(names, str)
    found = [column_name(frame, name) for name in (names if several else [names])]
    if len(set(found)) < len(found):
        msg = f"by={names!r} names a column twice; each one once, please"
        raise ValueError(msg)
    return found


def is_number(series: "pd.Series[Any]") -> bool:
    """Return whether a column holds numbers, which may be missing; booleans are none."""
    if series.dtype == object:
        return pd.api.types.infer_dtype(series, skipna=True) in _NUMBERS
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
