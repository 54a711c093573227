"""Columns of a data frame, vetted and brought to the types that they had in fit."""

import difflib
import unicodedata
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skglmm.arrays import Bools, Floats, Ints
from skglmm.design.matrices.plain import from_plain, to_plain
from skglmm.exceptions import DesignError

__all__ = [
    "Column",
    "Labels",
    "Use",
    "is_label",
    "kind_of",
    "missing",
    "numbers",
    "pick",
    "refuse_empty",
]

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
    "mixed-integer": "mixed",
    "mixed-integer-float": "number",
    "period": "period",
    "string": "text",
    "timedelta": "timedelta",
    "timedelta64": "timedelta",
}
_NUMERIC = {"boolean", "number"}
_HINTS = {
    "complex": "Complex data not supported",
    "date": "pd.to_datetime(X[{0!r}]) less a date, divided by a pd.Timedelta, are numbers",
    "datetime": (
        "subtract a date and divide by a pd.Timedelta, as in "
        "(X[{0!r}] - X[{0!r}].min()) / pd.Timedelta('1D'); X[{0!r}].astype(str) makes categories"
    ),
    "timedelta": "divide by a pd.Timedelta, as in X[{0!r}] / pd.Timedelta('1D')",
}
_ROLE = "column"
_CLOSE = 4  # times as many whole numbers from the least to the largest as there are rows
_LISTED = 5  # names that a message shows of a longer list


class Use(NamedTuple):
    """How a formula uses a column: as the argument of ``C()``, or in any other place."""

    coded: bool
    plain: bool


def pick(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Return a column by its name; an unknown one gets a suggestion."""
    if _are_texts(frame.columns) and name in frame.columns:  # most often
        return frame[name]
    found = frame.columns == name
    if np.count_nonzero(found) == 1:
        return frame[name]
    if found.any():
        msg = f"the column {name!r} occurs {np.count_nonzero(found)} times; give each its own name"
        raise DesignError(msg)
    known = [str(column) for column in frame.columns]
    by_letters = {_letters(column): column for column in known}
    close = difflib.get_close_matches(_letters(name), by_letters, n=1)
    hint = f"; did you mean {by_letters[close[0]]!r}?" if close else "."
    msg = f"unknown column {name!r}{hint} The data have {_listing(known)}"
    raise DesignError(msg)


def _are_texts(names: "pd.Index[Any]") -> bool:
    """Return whether names are different texts or objects, of which none is read as a date."""
    return names.is_unique and (isinstance(names.dtype, pd.StringDtype) or names.dtype == object)


def _letters(name: str) -> str:
    """Return a name without the difference of cases, and of letters that look the same."""
    return unicodedata.normalize("NFKC", name).lower()


def _listing(names: Sequence[Any]) -> str:
    """Return the first of some names, for a message."""
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    return shown + (f" … ({len(names)} in all)" if len(names) > _LISTED else "")


def refuse_empty(frame: pd.DataFrame) -> None:
    """Refuse a data frame without rows."""
    if not len(frame):
        msg = "the data have 0 rows; a design needs at least one"
        raise DesignError(msg)


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
    if inferred.startswith("mixed"):
        _refuse_containers(series)
    return _KINDS.get(inferred, inferred)


def _refuse_containers(series: "pd.Series[Any]") -> None:
    for row, value in enumerate(series):
        if not isinstance(value, Hashable):
            msg = (
                f"column {series.name!r} holds a {type(value).__name__} in row {row}; "
                "an argument must be a string or a real number"
            )
            raise TypeError(msg)


def is_label(series: "pd.Series[Any]") -> bool:
    """Return whether a column holds labels wherever a formula uses it: text or categories."""
    return kind_of(series) == "text" or isinstance(series.dtype, pd.CategoricalDtype)


def missing(series: "pd.Series[Any]", role: str) -> None:
    """Refuse a column with missing values."""
    kind = series.dtype.kind if isinstance(series.dtype, np.dtype) else "O"
    if kind in "iub":  # which have no place for them
        return
    absent = np.isnan(series.to_numpy()) if kind == "f" else series.isna().to_numpy()
    if absent.any():
        _refuse(absent, f"{role} {series.name!r}", "missing (NaN)")


def _refuse(bad: Bools, what: str, state: str) -> None:
    count, first = np.count_nonzero(bad), int(np.argmax(bad))
    msg = (
        f"{what} has {count} {state} value{'' if count == 1 else 's'} in {len(bad)} rows, "
        f"the first in row {first}; drop or impute these rows"
    )
    raise DesignError(msg)


def numbers(series: "pd.Series[Any]", role: str = _ROLE) -> Floats:
    """Return a column of numbers or booleans as finite floats."""
    missing(series, role)
    kind = kind_of(series)
    if kind not in _NUMERIC:
        hint = _HINTS.get(kind, "convert it to numbers, or all of it to text").format(series.name)
        msg = f"{role} {series.name!r} holds {kind} values, expected numbers; {hint}"
        raise DesignError(msg)
    values = series.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        _refuse(~np.isfinite(values), f"{role} {series.name!r}", "infinite (inf)")
    return values


@dataclass(frozen=True, eq=False)
class Labels:
    """The distinct values of a column, to which later values are matched."""

    kind: str
    values: "pd.Index[Any]"

    def __getstate__(self) -> dict[str, Any]:
        return {"kind": self.kind, "values": to_plain(self.values)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(kind=state["kind"], values=from_plain(state["values"]))

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
        codes, found = _counted(series) or pd.factorize(series, sort=True)
        return cls(kind, _plain(pd.Index(found), kind)), codes.astype(np.intp, copy=False)

    @classmethod
    def of(cls, values: "pd.Index[Any]") -> "Labels":
        """Return labels that are known, in their order."""
        kind = kind_of(values.to_series())
        return cls(kind, _plain(values, kind))

    def codes(self, series: "pd.Series[Any]", role: str) -> Ints:
        """Return the code of each row, -1 for a value that was not learned."""
        missing(series, role)
        _refuse_change(series, role, self.kind)
        if isinstance(series.dtype, pd.CategoricalDtype):
            return self._match(series.cat.categories)[series.cat.codes.to_numpy()]
        return self._match(pd.Index(series))

    def extended(self, series: "pd.Series[Any]", role: str) -> "Labels":
        """Return the labels with those of a column that are new, in order, after them.

        The labels keep the type that they had.
        """
        fresh = self.codes(series, role) < 0
        if not fresh.any():
            return self
        added = Labels.learn(series[fresh], ordered=False)[0].values
        if self.values.dtype.kind in "iu" and added.dtype.kind == "f":
            added = _whole(added, role, series.name)
        grown = self.values.append(added)
        if grown.dtype == object != self.values.dtype:
            msg = (
                f"{role} {series.name!r} held {self.values.dtype} values in fit and holds "
                f"{added.dtype} values now; convert it to the type it had"
            )
            raise DesignError(msg)
        return Labels(self.kind, grown)

    def _match(self, values: "pd.Index[Any]") -> Ints:
        found = self.values.get_indexer(_plain(values, self.kind))
        return np.asarray(found, dtype=np.intp)


def _counted(series: "pd.Series[Any]") -> tuple[Ints, NDArray[Any]] | None:
    """Return codes and sorted values of whole numbers that are close together, None of others.

    As `pd.factorize` does, without a table of hashes.
    """
    if not isinstance(series.dtype, np.dtype) or series.dtype.kind not in "iu":
        return None
    low, high = int(series.min()), int(series.max())
    if high - low >= _CLOSE * len(series) or high > np.iinfo(np.intp).max:
        return None
    places = series.to_numpy().astype(np.intp) - low
    occurs = np.zeros(high - low + 1, dtype=np.bool_)
    occurs[places] = True
    return (np.cumsum(occurs) - 1)[places], (np.flatnonzero(occurs) + low).astype(series.dtype)


def _plain(values: "pd.Index[Any]", kind: str) -> "pd.Index[Any]":
    """Return labels in numpy's own types where these have them."""
    if kind == "text":
        return values.astype(object)
    return pd.Index(values.to_numpy()) if kind in {"number", "boolean"} else values


def _whole(values: "pd.Index[Any]", role: str, name: Hashable) -> "pd.Index[Any]":
    """Return floats that are whole numbers as integers."""
    broken = values[~(values == np.floor(values)) | np.isinf(values)]
    if len(broken):
        msg = (
            f"{role} {name!r} held whole numbers in fit and holds {float(broken[0])!r} now; "
            "give new groups whole numbers, too"
        )
        raise DesignError(msg)
    return values.astype(np.int64)


def _refuse_change(series: "pd.Series[Any]", role: str, before: str) -> None:
    """Refuse values of another type than in fit: 1 against "1"."""
    kind = kind_of(series)
    if kind != before:
        msg = (
            f"{role} {series.name!r} was {before} in fit and is {kind} now; "
            "convert it to the type it had"
        )
        raise DesignError(msg)


@dataclass(frozen=True, eq=False)
class Column:
    """A column that a formula uses: numbers, or labels, or numbers of which ``C()`` made labels.

    Parameters
    ----------
    name : str
        Its name in the data frame.
    labels : Labels or None
        Known values, None when any number will do.
    numeric : bool
        Whether formulaic gets numbers, not a category.
    """

    name: str
    labels: Labels | None
    numeric: bool

    @classmethod
    def learn(cls, series: "pd.Series[Any]", use: Use) -> tuple["Column", Any]:
        """Return what is kept of a column, with its values in the types of `read`."""
        missing(series, _ROLE)
        name, is_category = str(series.name), is_label(series)
        if not is_category and not use.coded:
            return cls(name, None, numeric=True), numbers(series)
        if not is_category:
            numbers(series)
        labels, codes = Labels.learn(series, ordered=True)
        column = cls(name, labels, numeric=use.plain and not is_category)
        return column, column._values(codes)

    def read(self, series: "pd.Series[Any]") -> Any:
        """Return the values of new rows in the types of fit."""
        if self.labels is None:
            missing(series, _ROLE)
            if kind_of(series) not in _NUMERIC:
                _refuse_change(series, _ROLE, "number")
            return numbers(series)
        codes = self.labels.codes(series, _ROLE)
        if (codes < 0).any():
            unseen = pd.unique(series[codes < 0]).tolist()
            msg = (
                f"column {self.name!r} has levels that fit did not see, {_listing(unseen)}; "
                f"known are {_listing(self.labels.values.tolist())}"
            )
            raise DesignError(msg)
        return self._values(codes)

    def _values(self, codes: Ints) -> Any:
        assert self.labels is not None
        if self.numeric:  # as they were learned: the names of C(k) tell 2 from 2.0
            return self.labels.values.to_numpy()[codes]
        return pd.Categorical.from_codes(codes, self.labels.values)
