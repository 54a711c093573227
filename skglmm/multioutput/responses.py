"""Y in any of its forms as named columns, with the rows in which each has a value."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skglmm.arrays import Bools
from skglmm.estimators.reading.frames import to_pandas

__all__ = ["Responses", "read_responses"]

SHOWN = 5  # names that a message lists
NUMBERS = {
    "integer",
    "floating",
    "mixed-integer-float",
    "boolean",
    "decimal",
    "empty",
}  # in columns of objects


class Responses(NamedTuple):
    """Responses by column.

    Parameters
    ----------
    names : ndarray of object, shape (m,)
    columns : ndarray, shape (m, n), or list of ndarray, each of shape (n,)
        Numbers as floats, or labels of any type.
    seen : ndarray of bool, shape (m, n)
        Where there is a value.
    """

    names: NDArray[np.object_]
    columns: Any
    seen: Bools

    def take(self, rows: Bools) -> "Responses":
        """Return some of the rows."""
        kept = [column[rows] for column in self.columns]
        return Responses(self.names, kept, self.seen[:, rows])

    @property
    def partial(self) -> list[str]:
        """Names of responses that miss values, in quotes."""
        return [repr(name) for name in self.names[~self.seen.all(axis=1)]]


def read_responses(Y: Any, n_rows: int, *, labels: bool) -> Responses:
    """Read the responses of `n_rows` rows.

    Parameters
    ----------
    Y : DataFrame or array-like, shape (n, m)
    n_rows : int
    labels : bool
        Whether they are labels of classes, and not numbers.

    Raises
    ------
    ValueError
        When Y has another shape, or no columns with names of their own.
    TypeError
        When a column has texts where numbers are expected.
    """
    frame = _frame(Y)
    if len(frame) != n_rows:
        turned = "; its columns are as many: pass Y.T" if frame.shape[1] == n_rows else ""
        msg = f"Y has {len(frame)} rows for {n_rows} rows of X{turned}"
        raise ValueError(msg)
    if not frame.shape[1]:
        msg = f"Y has no columns (shape={frame.shape}); expected one for each response"
        raise ValueError(msg)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        msg = f"Y has the column {twice!r} several times; results are told apart by their names"
        raise ValueError(msg)
    names = np.empty(frame.shape[1], dtype=object)
    names[:] = list(frame.columns)
    seen = frame.notna().to_numpy().T
    if labels:
        return Responses(names, [_labels(frame.iloc[:, j]) for j in range(len(names))], seen)
    _refuse_texts(frame)
    numbers = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return Responses(names, np.ascontiguousarray(numbers.T), seen)


def _frame(Y: Any) -> pd.DataFrame:
    if hasattr(Y, "toarray"):
        msg = "Y is sparse, expected a table of numbers; pass Y.toarray()"
        raise TypeError(msg)
    shape = np.shape(Y)
    if len(shape) != 2:
        msg = (
            f"Y has the shape {shape}, expected one column for each response, (n, m); "
            "model.fit(X, y) fits a single one"
        )
        raise ValueError(msg)
    if hasattr(Y, "columns"):  # of pandas or polars
        return to_pandas(Y)
    return pd.DataFrame(np.asarray(Y), columns=[f"y{j}" for j in range(shape[1])])


def _labels(column: "pd.Series[Any]") -> NDArray[Any]:
    return column.to_numpy(dtype=object) if column.isna().any() else column.to_numpy()


def _refuse_texts(frame: pd.DataFrame) -> None:
    kinds = {name: kind for name, kind in frame.dtypes.items() if not _is_numeric(frame[name])}
    if kinds:
        names = ", ".join(map(repr, list(kinds)[:SHOWN]))
        more = ", ..." if len(kinds) > SHOWN else ""
        msg = (
            f"{len(kinds)} of {frame.shape[1]} columns of Y hold no numbers: {names}{more}, the "
            f"first of type {next(iter(kinds.values()))}; leave out labels of rows, and convert "
            "texts with pd.to_numeric"
        )
        raise TypeError(msg)


def _is_numeric(column: "pd.Series[Any]") -> bool:
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=True) in NUMBERS
    is_number = pd.api.types.is_numeric_dtype(column)
    return bool(is_number and not pd.api.types.is_complex_dtype(column))
