"""X in any of its forms as a table whose columns are called as people call them."""

import re
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.design import pick
from skglmm.estimators.reading.frames import to_pandas

__all__ = [
    "as_table",
    "column_name",
    "column_names",
    "is_finite",
    "is_number",
    "set_columns",
    "shown",
    "weights_of",
    "with_columns",
]

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
    if isinstance(name, list | dict | set):
        msg = f"expected the name of one column, got {name!r}"
        raise ValueError(msg)
    if name in frame.columns:
        return name
    numbered = isinstance(name, str) and re.fullmatch(r"x\d+", name)
    if numbered and int(name[1:]) in frame.columns:
        return int(name[1:])
    return pick(frame, str(name)).name


def set_columns(frame: pd.DataFrame, at: Any) -> dict[Any, Any]:
    """Return what `at` sets columns to, by the names that the frame knows them by."""
    if not isinstance(at, Mapping | None):
        msg = f"at={at!r}: expected a mapping of columns to values, such as {{'age': 40}}"
        raise ValueError(msg)
    return {column_name(frame, name): value for name, value in (at or {}).items()}


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


def shown(name: Any) -> str:
    """Return what a column is called: those of an array are x0, x1, and so on."""
    return f"x{name}" if isinstance(name, int) else str(name)


def is_finite(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, Real | np.bool_) and bool(np.isfinite(float(value)))


def weights_of(frame: pd.DataFrame, name: Any, words: str) -> Floats:
    """Return a column of weights, (n,).

    Raises
    ------
    ValueError
        When some are no finite numbers, or negative.
    """
    found: Floats = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(found).all() or (found < 0.0).any():
        msg = f"{words} column {name!r} has to hold finite numbers, 0 or more"
        raise ValueError(msg)
    return found


def with_columns(frame: pd.DataFrame, columns: Mapping[Any, Any]) -> pd.DataFrame:
    """Return a frame with other values of some columns, which numbers may name, too."""
    found = frame.copy()
    for name, values in columns.items():
        found[name] = values
    return found


def is_number(series: "pd.Series[Any]") -> bool:
    """Return whether a column holds numbers, which may be missing; booleans are none."""
    if series.dtype == object:
        return pd.api.types.infer_dtype(series, skipna=True) in _NUMBERS
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
