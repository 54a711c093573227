"""X in any of its forms, column by column, and what comes out of it in any of its forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import validate_data

from skglmm.arrays import Floats
from skglmm.estimators.reading.frames import to_pandas
from skglmm.parts import is_dask

__all__ = ["InputTable", "fit_table", "laid_out", "transform_table"]


@dataclass(frozen=True, eq=False)
class InputTable:
    """The columns of X.

    Parameters
    ----------
    frame : DataFrame
        Of pandas, whatever X was.
    names : sequence of str
        Of its columns, for messages.
    """

    frame: pd.DataFrame
    names: Sequence[str]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def column(self, place: int) -> "pd.Series[Any]":
        """Return a column by its position, in the type that its values have."""
        series = self.frame.iloc[:, place]
        return series.infer_objects() if series.dtype == object else series


def fit_table(estimator: Any, X: Any) -> InputTable:
    """Return the X of `fit`; sets `n_features_in_` and `feature_names_in_`."""
    return _read(estimator, X, reset=True)


def transform_table(estimator: Any, X: Any) -> InputTable:
    """Return the X of `transform`, which has the columns of `fit`."""
    return _read(estimator, X, reset=False)


def _read(estimator: Any, X: Any, *, reset: bool) -> InputTable:
    if is_dask(X):
        msg = "X is a dask DataFrame, expected rows in memory; call X.compute(), and y.compute()"
        raise TypeError(msg)
    if not hasattr(X, "columns"):
        options = {"dtype": None, "ensure_all_finite": False}
        X = pd.DataFrame(validate_data(estimator, X, reset=reset, **options))
        return InputTable(X, [f"x{j}" for j in range(X.shape[1])])
    if not min(X.shape):
        what = "feature(s)" if len(X) else "sample(s)"
        msg = f"Found array with 0 {what} (shape={X.shape}) while a minimum of 1 is required."
        raise ValueError(msg)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return InputTable(to_pandas(X), [str(name) for name in X.columns])


def laid_out(estimator: Any, table: InputTable, blocks: Mapping[int, Floats]) -> Any:
    """Return encoded columns in the places of what they encode, beside the others.

    Parameters
    ----------
    estimator : transformer
        Whose ``set_output`` says what comes out.
    table : InputTable
    blocks : mapping of int to ndarray, each of shape (n, k)
        Encoded columns by position.
    """
    places = range(table.frame.shape[1])
    if len(blocks) == len(places):
        return np.concatenate([blocks[place] for place in places], axis=1)
    columns: list[Any] = []
    for place in places:
        columns.extend(blocks[place].T if place in blocks else [table.frame.iloc[:, place]])
    container = _get_output_config("transform", estimator)["dense"]
    if container == "default":
        return _array(columns)
    names = list(estimator.get_feature_names_out())
    if container == "polars":
        polars = import_module("polars")
        pairs = zip(names, columns, strict=True)
        return polars.DataFrame([polars.Series(name, _values(each)) for name, each in pairs])
    found = dict(enumerate(columns))
    return pd.DataFrame(found, index=table.frame.index).set_axis(names, axis=1)


def _array(columns: Sequence[Any]) -> Any:
    """Return columns as an array of floats, or of objects where some are no numbers."""
    plain = [_is_plain(each) for each in columns]
    if all(plain):
        return np.column_stack([np.asarray(each, dtype=np.float64) for each in columns])
    out = np.empty((len(columns[0]), len(columns)), dtype=object)
    for j, each in enumerate(columns):
        out[:, j] = np.asarray(each, dtype=object)
    return out


def _is_plain(column: Any) -> bool:
    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf"


def _values(column: Any) -> Any:
    """Return a column as polars takes it without pyarrow."""
    if _is_plain(column):
        return np.asarray(column)
    return [None if pd.isna(value) else value for value in column]
