"""X in any of its forms as a pandas frame whose columns have names."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from skglmm.exceptions import DesignError

__all__ = ["fit_frame", "is_array", "new_frame", "predict_frame", "to_pandas"]

MIN_SAMPLES = 2  # one row has no spread
SHOWN = 5  # names of columns that a message lists


def fit_frame(estimator: Any, X: Any) -> pd.DataFrame:
    """Return the X of `fit` as a frame; sets `n_features_in_` and `feature_names_in_`.

    Arrays are vetted by scikit-learn, frames by what formulas make of their columns. Of a frame
    whose names are no texts the names are kept, as `_labels`.
    """
    estimator._labels = None
    if not _is_frame(X):
        array = validate_data(estimator, X, dtype=None, ensure_min_samples=MIN_SAMPLES)
        return _from_array(array, _array_names(array.shape[1]))
    _check_size(estimator, X, MIN_SAMPLES)
    _check_names(X)
    frame = to_pandas(X)
    _learn_names(estimator, frame)
    if hasattr(estimator, "feature_names_in_"):
        return frame
    estimator._labels = frame.columns.tolist()
    return _renamed(frame)


def is_array(estimator: Any, frame: pd.DataFrame) -> bool:
    """Return whether the X of `fit` was an array, or ``pd.DataFrame(array)``."""
    if hasattr(estimator, "feature_names_in_"):
        return False
    labels = estimator._labels
    return labels is None or (labels == list(range(len(labels))) and frame.dtypes.nunique() == 1)


def predict_frame(estimator: Any, X: Any) -> pd.DataFrame:
    """Return the X of `predict` as a frame; frames need only the columns of the model."""
    frame = new_frame(estimator, X)
    estimator._scale.refuse_rows(frame)
    return frame


def new_frame(estimator: Any, X: Any) -> pd.DataFrame:
    """Return the same, of rows that may not say what their responses are parts of."""
    names = getattr(estimator, "feature_names_in_", None)
    if not _is_frame(X):
        array = validate_data(estimator, X, reset=False, dtype=None)
        return _from_array(array, _array_names(array.shape[1]) if names is None else list(names))
    _check_size(estimator, X, 1)
    _check_levels(X)
    frame = to_pandas(X)
    if names is not None:
        return frame
    if estimator._labels is not None:
        return _relabeled(frame, estimator._labels)
    validate_data(estimator, frame, reset=False, skip_check_array=True)
    return _renamed(frame)


def _is_frame(X: Any) -> bool:
    """Return whether X is a data frame, of pandas or polars."""
    return isinstance(X, pd.DataFrame) or _is_polars(X)


def _array_names(n_features: int) -> list[str]:
    """Return the names that formulas use for the columns of an array."""
    return [f"x{j}" for j in range(n_features)]


def _is_polars(X: Any) -> bool:
    if type(X).__module__.split(".")[0] != "polars":
        return False
    if type(X).__name__ == "LazyFrame":
        msg = "X is a polars LazyFrame, expected a DataFrame; call X.collect() first"
        raise TypeError(msg)
    return type(X).__name__ == "DataFrame"


def _check_size(estimator: Any, X: Any, min_samples: int) -> None:
    n_samples, n_features = X.shape
    if n_features == 0:
        msg = (
            f"X has 0 feature(s) (shape=({n_samples}, 0)) while a minimum of 1 is required. "
            f"{type(estimator).__name__} needs the columns that its formula uses"
        )
        raise ValueError(msg)
    if n_samples < min_samples:
        msg = (
            f"X has {n_samples} sample(s) (shape=({n_samples}, {n_features})) while a minimum of "
            f"{min_samples} is required by {type(estimator).__name__}."
        )
        raise ValueError(msg)


def _check_names(X: Any) -> None:
    _check_levels(X)
    columns = X.columns if isinstance(X.columns, pd.Index) else pd.Index(X.columns)
    if not columns.is_unique:
        twice = columns[columns.duplicated()][0]
        msg = f"X has the column {twice!r} {(columns == twice).sum()} times; rename or drop copies"
        raise DesignError(msg)


def _check_levels(X: Any) -> None:
    if isinstance(X.columns, pd.MultiIndex):
        msg = (
            f"the columns of X have names of {X.columns.nlevels} levels, such as {X.columns[0]!r}; "
            "formulas need plain names: X.columns = ['_'.join(map(str, c)) for c in X.columns]"
        )
        raise DesignError(msg)


def _learn_names(estimator: Any, frame: pd.DataFrame) -> None:
    """Set `n_features_in_` and `feature_names_in_` as scikit-learn does."""
    names = frame.columns.to_numpy(dtype=object)
    if all(type(name) is str for name in names):  # without a look at what kind of frame it is
        estimator.feature_names_in_, estimator.n_features_in_ = names.copy(), len(names)
    else:
        validate_data(estimator, frame, skip_check_array=True)


def _relabeled(frame: pd.DataFrame, labels: list[Any]) -> pd.DataFrame:
    """Return the columns that fit has seen, found by their names and called as formulas do."""
    names = dict(zip(labels, _array_names(len(labels)), strict=True))
    known = frame.loc[:, frame.columns.isin(labels)]
    if not known.shape[1]:
        msg = (
            f"X has none of the columns of fit, which were {labels[:SHOWN]!r}"
            f"{' …' if len(labels) > SHOWN else ''}; it has {list(frame.columns[:SHOWN])!r}"
        )
        raise DesignError(msg)
    return known.set_axis([names[label] for label in known.columns], axis=1)


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns are numbered as one with the names of an array's."""
    return frame.set_axis(_array_names(frame.shape[1]), axis=1)


def to_pandas(X: Any) -> pd.DataFrame:
    """Return a frame with the kinds of its columns kept: numbers, texts, categories."""
    if isinstance(X, pd.DataFrame):
        return X
    columns = [pd.Series(_polars_values(X[name])) for name in X.columns]
    return pd.DataFrame(dict(enumerate(columns))).set_axis(list(X.columns), axis=1)


def _polars_values(series: Any) -> Any:
    """Return a polars column in pandas' types, without pyarrow, which may not be there."""
    kind = type(series.dtype).__name__
    if series.dtype.is_numeric() and not series.dtype.is_decimal():
        return series.to_numpy()
    values = series.to_list()
    if kind == "Enum":
        return pd.Categorical(values, categories=list(series.dtype.categories))
    if kind == "Categorical":  # without an order of its own
        return pd.Categorical(values)
    if kind == "Boolean" and not series.null_count():
        return np.array(values, dtype=np.bool_)
    return np.array(values, dtype=object) if kind == "Boolean" else values


def _from_array(array: NDArray[Any], names: list[str]) -> pd.DataFrame:
    if array.dtype.kind not in "OUS":
        values = array.astype(np.float64) if array.dtype.kind == "f" else array
        return pd.DataFrame(values, columns=names, copy=False)
    columns = [_object_column(column) for column in array.T]
    return pd.DataFrame(dict(enumerate(columns))).set_axis(names, axis=1)


def _object_column(column: NDArray[Any]) -> Any:
    """Return numbers as floats and leave texts, which only other columns may hold."""
    texts = [isinstance(value, (str, bytes)) for value in column]
    if not any(texts):
        return np.array([float(value) for value in column])
    if not all(texts):
        for value, is_text in zip(column, texts, strict=True):
            if not is_text:
                float(value)  # raises TypeError where it is neither number nor text
    return column
