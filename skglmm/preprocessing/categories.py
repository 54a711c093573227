"""Columns of categories as codes, with missing values as a category of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skglmm.arrays import Ints
from skglmm.design import Labels, kind_of

__all__ = ["Categories", "places"]

SHOWN = 5  # names of columns that a message lists
_ENCODABLE = {
    "boolean",
    "date",
    "datetime",
    "empty",
    "interval",
    "number",
    "period",
    "text",
    "timedelta",
}


@dataclass(frozen=True, eq=False)
class Categories:
    """The distinct values of a column, sorted, the missing one last.

    Parameters
    ----------
    name : str
        Of the column, for messages.
    labels : Labels
        Those that are not missing.
    has_missing : bool
        Whether missing values are a category, too.
    """

    name: str
    labels: Labels
    has_missing: bool

    @classmethod
    def learn(cls, series: "pd.Series[Any]", name: str) -> tuple["Categories", Ints]:
        """Return the categories that occur, with the code of each row."""
        absent = series.isna().to_numpy()
        present = _checked(series[~absent] if absent.any() else series, name)
        labels, found = Labels.learn(present, ordered=False)
        codes = np.full(len(series), len(labels.values), dtype=np.intp)
        codes[~absent] = found
        return cls(name, labels, bool(absent.any())), codes

    def codes(self, series: "pd.Series[Any]") -> Ints:
        """Return the code of each row, -1 for a category that was not learned."""
        absent = series.isna().to_numpy()
        present = _checked(series[~absent] if absent.any() else series, self.name)
        unknown = len(self.labels.values) if self.has_missing else -1
        codes = np.full(len(series), unknown, dtype=np.intp)
        if len(self.labels.values) and len(present):
            codes[~absent] = self.labels.codes(present.rename(self.name), "column")
        elif len(present):
            codes[~absent] = -1
        return codes

    def __len__(self) -> int:
        return len(self.labels.values) + self.has_missing

    @property
    def values(self) -> NDArray[Any]:
        """The categories themselves."""
        values = self.labels.values.to_numpy()
        if not self.has_missing:
            return values
        if values.dtype.kind == "f":
            return np.append(values, np.nan)
        if values.dtype.kind in "mM":
            return np.append(values, np.array("NaT", dtype=values.dtype))
        return np.append(values.astype(object), np.array([None], dtype=object))


def _checked(series: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    """Refuse values that are no categories, or not of one kind."""
    kind = kind_of(series) if len(series) else "empty"
    if kind not in _ENCODABLE:
        hint = "Complex data not supported" if kind == "complex" else "give them one type"
        msg = (
            f"column {name!r} holds {kind} values; categories are all text, all numbers, all "
            f"booleans or all dates: {hint}, such as with astype(str)"
        )
        raise (ValueError if kind == "complex" else TypeError)(msg)
    if pd.api.types.is_float_dtype(series.dtype):
        infinite = np.isinf(series.to_numpy(dtype=np.float64))
        if infinite.any():
            msg = (
                f"column {name!r} holds infinity in {np.count_nonzero(infinite)} of "
                f"{len(series)} rows, the first at position {int(np.argmax(infinite))}; categories "
                "are finite numbers, or missing"
            )
            raise ValueError(msg)
    return series


def places(columns: Any, X: Any, names: Sequence[str] | None, n_features: int) -> list[int]:
    """Return the positions of the columns that are encoded.

    Parameters
    ----------
    columns : list of str or int, callable or None
        None are all of them; a callable takes X and returns a list.
    X : DataFrame or ndarray
    names : sequence of str, or None
        Of the columns of X, where all of them are texts.
    n_features : int
        Their number.

    Raises
    ------
    ValueError
        When a column is not there, or named twice.
    TypeError
        When a column is named by something else.
    """
    if columns is None:
        return list(range(n_features))
    if isinstance(columns, Callable):  # type: ignore[arg-type]
        columns = columns(X)
    if isinstance(columns, (str, Integral)):
        columns = [columns]
    found = [_place(column, names, n_features) for column in columns]
    twice = [column for column, place in zip(columns, found, strict=True) if found.count(place) > 1]
    if twice:
        msg = f"columns has {twice[0]!r} several times; name each column once"
        raise ValueError(msg)
    return found


def _place(column: Any, names: Sequence[str] | None, n_features: int) -> int:
    if isinstance(column, Integral) and not isinstance(column, (bool, np.bool_)):
        if not -n_features <= int(column) < n_features:
            msg = f"columns has the position {column}, but X has {n_features} columns"
            raise ValueError(msg)
        return int(column) % n_features
    if not isinstance(column, str):
        msg = f"columns has {column!r}, expected names of columns or their positions"
        raise TypeError(msg)
    if names is None:
        msg = f"columns has the name {column!r}, but the columns of X have none; give positions"
        raise ValueError(msg)
    known = list(names)
    if column not in known:
        close = get_close_matches(column, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        more = f" … ({len(known)} in all)" if len(known) > SHOWN else ""
        shown = ", ".join(map(repr, known[:SHOWN]))
        msg = f"columns has the unknown name {column!r}; {hint}X has {shown}{more}"
        raise ValueError(msg)
    return known.index(column)
