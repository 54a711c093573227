"""Columns of a data frame, vetted and brought to the types that they had in fit."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Bools, Floats, Ints
from skglmm.exceptions import DesignError

__all__ = ["Column", "Labels", "kind_of", "listing", "missing", "numbers", "pick"]

# What pandas calls the values of a column, in the words of our messages.
_KINDS = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "datetime64": "datetime",
    "decimal": "number",
    "empty": "empty",
    "floating": "number",
    "integer": "number",
    "interval": "interval",
    "mixed-integer-float": "number",
    "period": "period",
    "string": "text",
    "timedelta": "timedelta",
    "timedelta64": "timedelta",
}
_LISTED = 5  # names that a message shows of a longer list


def pick(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Return a column by its name; an unknown one gets a suggestion."""
    found = frame.columns == name
    if np.count_nonzero(found) == 1:
        return frame[name]
    if found.any():
        msg = f"the column {name!r} occurs {np.count_nonzero(found)} times; give each its own name"
        raise DesignError(msg)
    known = [str(column) for column in frame.columns]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    msg = f"unknown column {name!r}{hint} X has {listing(known)}"
    raise DesignError(msg)


def listing(names: Sequence[Any]) -> str:
    """Return the first of some names, for a message."""
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    return shown + (f" … ({len(names)} in all)" if len(names) > _LISTED else "")


def kind_of(series: "pd.Series[Any]") -> str:
    """Return what the values of a column are: number, boolean, text, datetime, …."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of(dtype.categories.to_series())
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_complex_dtype(dtype):
        return "complex"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if isinstance(dtype, pd.StringDtype):
        return "text"
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    return _KINDS.get(inferred, inferred)


def missing(series: "pd.Series[Any]", role: str) -> None:
    """Refuse a column with missing values."""
    absent = series.isna().to_numpy()
    if absent.any():
        _refuse(absent, f"{role} {series.name!r}", "missing (NaN)")


def _refuse(bad: Bools, what: str, state: str) -> None:
    count, first = np.count_nonzero(bad), int(np.argmax(bad))
    msg = (
        f"{what} has {count} {state} value{'s' * (count != 1)} in {len(bad)} rows, the first in "
        f"row {first}; drop or impute these rows"
    )
    raise DesignError(msg)


def numbers(series: "pd.Series[Any]", role: str = "column") -> Floats:
    """Return a column of numbers or booleans as finite floats."""
    missing(series, role)
    values = series.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        _refuse(~np.isfinite(values), f"{role} {series.name!r}", "infinite (inf)")
    return values


@dataclass(frozen=True, eq=False)
class Labels:
    """The distinct values of a column, to which later values are matched."""

    kind: str
    values: pd.Index  # type: ignore[type-arg]  # pandas itself has it bare in versions before 3

    @classmethod
    def learn(cls, series: "pd.Series[Any]", *, ordered: bool) -> tuple["Labels", Ints]:
        """Return the values that occur, with the code of each row.

        They are sorted, but those of a category keep its order when `ordered`.
        """
        kind = kind_of(series)
        if isinstance(series.dtype, pd.CategoricalDtype):
            codes, values = series.cat.codes.to_numpy(), series.cat.categories
            order = np.flatnonzero(np.bincount(codes, minlength=len(values)))
            if not ordered:
                order = order[np.argsort(values[order])]
            rank = np.empty(len(values), dtype=np.intp)
            rank[order] = np.arange(len(order))
            return cls(kind, values[order]), rank[codes]
        codes, values = pd.factorize(series, sort=True)
        return cls(kind, _plain(pd.Index(values), kind)), codes.astype(np.intp, copy=False)

    def codes(self, series: "pd.Series[Any]") -> Ints:
        """Return the code of each row, -1 for a value that was not learned."""
        if isinstance(series.dtype, pd.CategoricalDtype):
            return self._match(series.cat.categories)[series.cat.codes.to_numpy()]
        return self._match(pd.Index(series))

    def _match(self, values: "pd.Index[Any]") -> Ints:
        found = self.values.get_indexer(_plain(values, self.kind))
        return np.asarray(found, dtype=np.intp)

    def check_kind(self, series: "pd.Series[Any]", role: str) -> None:
        """Refuse values of another type than the learned ones: 1 against "1"."""
        kind = kind_of(series)
        if kind != self.kind:
            msg = (
                f"{role} {series.name!r} was {self.kind} in fit and is {kind} now; "
                "convert it to the type it had"
            )
            raise DesignError(msg)


def _plain(values: "pd.Index[Any]", kind: str) -> "pd.Index[Any]":
    """Return labels in numpy's own types where these have them."""
    if kind == "text":
        return values.astype(object)
    return pd.Index(values.to_numpy()) if kind in {"number", "boolean"} else values


@dataclass(frozen=True, eq=False)
class Column:
    """A column of the fixed part or of the effects: its kind, and its labels if it has any."""

    name: str
    kind: str
    labels: Labels | None = None

    @classmethod
    def learn(cls, series: "pd.Series[Any]", *, coded: bool) -> tuple["Column", Any]:
        """Return what is kept of a column, with its values in the types of `read`.

        `coded` is whether the formula has the column only as ``C(name)``.
        """
        name, kind = str(series.name), kind_of(series)
        missing(series, "column")
        is_category = isinstance(series.dtype, pd.CategoricalDtype)
        if kind == "text" or is_category or (coded and kind in {"number", "boolean"}):
            labels, codes = Labels.learn(series, ordered=True)
            return cls(name, kind, labels), pd.Categorical.from_codes(codes, labels.values)
        if kind in {"number", "boolean"}:
            return cls(name, kind), numbers(series)
        raise _unusable(name, kind)

    def read(self, series: "pd.Series[Any]") -> Any:
        """Return the values of new rows in the types of fit."""
        missing(series, "column")
        if self.labels is None:
            kind = kind_of(series)
            if kind not in {"number", "boolean"}:
                msg = (
                    f"column {self.name!r} was {self.kind} in fit and is {kind} now; "
                    "convert it to the type it had"
                )
                raise DesignError(msg)
            return numbers(series)
        self.labels.check_kind(series, "column")
        codes = self.labels.codes(series)
        if (codes < 0).any():
            unseen = pd.unique(series[codes < 0]).tolist()
            msg = (
                f"column {self.name!r} has levels that fit did not see, {listing(unseen)}; "
                f"known are {listing(self.labels.values.tolist())}"
            )
            raise DesignError(msg)
        return pd.Categorical.from_codes(codes, self.labels.values)


def _unusable(name: str, kind: str) -> DesignError:
    hints = {
        "datetime": "subtract a date and divide by a pd.Timedelta to get numbers",
        "timedelta": "divide by a pd.Timedelta to get numbers",
        "complex": "Complex data not supported",
    }
    hint = hints.get(kind, "convert it to numbers, or all of it to text")
    return DesignError(f"column {name!r} holds {kind} values, which no effect can use; {hint}")
