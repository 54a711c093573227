"""Rows to predict: a grid over some columns within each group, the others at typical values."""

from collections.abc import Collection, Iterable, Mapping
from itertools import repeat
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skglmm.arrays import Ints
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inspection.data.tables import as_table, column_name, column_names, is_number

__all__ = ["data_grid", "grid_of", "held_columns", "refuse_missing"]

SHOWN = 5  # categories that a message lists


@single_threaded
def data_grid(X: Any, /, by: Any = None, n: int = 50, **columns: Any) -> pd.DataFrame:
    """Make rows to predict: some columns vary within each group, the others are typical.

    Parameters
    ----------
    X : DataFrame of pandas or polars, or array, shape (n_samples, n_features)
        The data whose ranges, groups and typical values count. The columns of an array are
        called ``x0``, ``x1``, and so on.
    by : str or list of str, default=None
        Grouping columns, any number. The grid has each combination of their values that occurs
        in X, and no other.
    n : int, default=50
        Points of each column that varies, from the lowest to the highest value in the group.
    **columns : ``...``, int, or values
        What varies, column by column: ``bodyLength=...`` takes `n` points, evenly spaced
        within each group's own range, ``bodyLength=20`` takes 20 points, and
        ``bodyLength=[180, 200]`` or ``bodyLength=180.0`` these values in every group. Of a
        column that holds no numbers, ``...`` takes the values that occur in the group. Times of
        ``ar1(0 + t | g)`` are whole: ``t=range(12)``. Several
        columns are crossed. Columns called ``by`` or ``n`` cannot be named; rename them.

    Returns
    -------
    DataFrame
        A pandas frame, also for polars, with the columns of X in their order, one row for each
        group and point, groups sorted. Of the other columns, those with one value within each
        group keep it, such as the site and the altitude of a plot. The rest have the same value
        everywhere: fractional numbers their median, whole numbers and dates the lower median,
        which occurs, all others the most frequent value; in groups where this does not occur,
        the most frequent one of the group.

    Notes
    -----
    Typical values are one choice of values, and no average: the mean at the most frequent
    treatment is that of this treatment alone. To average over a column, let it vary, predict
    every row, and average the predictions.

    Raises
    ------
    ValueError
        When a column is unknown, is missing values that are needed, or does not fit what is
        asked of it.

    Examples
    --------
    >>> from skglmm.datasets import make_dragons
    >>> from skglmm.inspection import data_grid
    >>> X, y = make_dragons(random_state=3, return_X_y=True)
    >>> data_grid(X, by="mountainRange", bodyLength=2).head(4).round(1)
       bodyLength mountainRange site
    0       190.2      Bavarian    a
    1       235.7      Bavarian    a
    2       196.0       Central    a
    3       240.5       Central    a
    """
    frame = as_table(X)
    named = {column_name(frame, name): wish for name, wish in columns.items()}
    return grid_of(frame, column_names(frame, by), named, n)


def grid_of(
    frame: pd.DataFrame, by: list[Any], wishes: Mapping[Any, Any], n: int = 50
) -> pd.DataFrame:
    """Return the grid of `data_grid`, whose columns that vary come in a mapping."""
    _check(frame, by, wishes, n)
    groups = _group_codes(frame, by)
    points = _points(frame, groups, {name: _wish(frame, name, wishes[name], n) for name in wishes})
    sizes = [len(rows) for rows in points]
    first = np.unique(groups, return_index=True)[1]
    grid = frame.iloc[np.repeat(first, sizes)].reset_index(drop=True)
    for place, name in enumerate(wishes):
        grid[name] = _retyped(frame[name], [row[place] for rows in points for row in rows])
    for name in held_columns(frame, by, wishes):
        grid[name] = _typical(frame[name], groups, sizes)
    return grid


def held_columns(frame: pd.DataFrame, by: list[Any], varying: Collection[Any]) -> list[Any]:
    """Return the columns of a grid that stand at typical values: the groups do not fix them."""
    others = list(frame.columns.difference([*by, *varying], sort=False))
    if not by:
        return others
    groups = frame.groupby(by, sort=False, observed=True)
    return [name for name in others if (groups[name].nunique() != 1).any() or _lacks(frame[name])]


def _lacks(series: "pd.Series[Any]") -> bool:
    return bool(series.isna().any())


def _check(frame: pd.DataFrame, by: list[Any], wishes: Mapping[Any, Any], n: Any) -> None:
    if not _is_whole(n) or n < 1:
        msg = (
            f"n={n!r} must be a number of points, at least 1; of a column that is called 'n' "
            "data_grid cannot be told the values: rename it"
        )
        raise ValueError(msg)
    for name in by:
        if name in wishes:
            msg = (
                f"{name!r} is in by, whose values are those of X, and is given values, too; take "
                "it out of one of them (for some groups only, choose their rows of X first)"
            )
            raise ValueError(msg)
    refuse_missing(frame, [*by, *wishes])


def refuse_missing(frame: pd.DataFrame, names: Iterable[Any]) -> None:
    """Refuse missing values of some columns."""
    for name in names:
        missing = frame[name].isna()
        if missing.any():
            msg = (
                f"column {name!r} has {missing.sum()} missing values in {len(frame)} rows, the "
                f"first in row {int(np.argmax(missing))}; drop or impute these rows"
            )
            raise ValueError(msg)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _group_codes(frame: pd.DataFrame, by: list[Any]) -> Ints:
    """Number the groups of the rows in sorted order, (n,)."""
    if not by:
        return np.zeros(len(frame), dtype=np.intp)
    codes = frame.groupby(by, sort=True, observed=True).ngroup()
    return np.asarray(codes, dtype=np.intp)


def _wish(frame: pd.DataFrame, name: Any, wish: Any, n: int) -> int | NDArray[Any]:
    """Return the number of points that is wished of a column, 0 for all values, or the values."""
    number = is_number(frame[name])
    if wish is ...:
        return int(n) if number else 0
    if _is_whole(wish):
        if number and wish >= 1:
            return int(wish)
        example = f"{name}=[{frame[name].tolist()[0]!r}]"
        what = "a number of points, at least 1" if number else "its values, or ... for all"
        msg = f"{name}={wish!r}: expected {what}; a value stands in a list: {example}"
        raise ValueError(msg)
    values = np.atleast_1d(np.asarray(wish, dtype=None if number else object))
    _check_values(frame[name], values)
    return values


def _check_values(series: "pd.Series[Any]", values: NDArray[Any]) -> None:
    if values.ndim != 1 or not len(values):
        msg = f"{series.name}: expected a list of values, got an array of shape {values.shape}"
        raise ValueError(msg)
    if is_number(series) and (values.dtype.kind not in "iuf" or not np.isfinite(values).all()):
        msg = f"column {series.name!r} holds numbers, expected finite numbers, got {values!r}"
        raise ValueError(msg)
    if isinstance(series.dtype, pd.CategoricalDtype):
        unknown = [value for value in values if value not in series.cat.categories]
        if unknown:
            known = list(series.cat.categories[:SHOWN])
            more = " and others" if len(series.cat.categories) > SHOWN else ""
            msg = f"column {series.name!r} has no category {unknown[0]!r}; it has {known}{more}"
            raise ValueError(msg)


def _points(
    frame: pd.DataFrame, groups: Ints, wishes: Mapping[Any, int | NDArray[Any]]
) -> list[list[tuple[Any, ...]]]:
    """Return the points of each group: what its columns that vary are, crossed."""
    n_groups = int(groups.max()) + 1
    each = [_values(frame[name], groups, n_groups, wish) for name, wish in wishes.items()]
    return [_crossed([values[k] for values in each]) for k in range(n_groups)]


def _values(
    series: "pd.Series[Any]", groups: Ints, n_groups: int, wish: int | NDArray[Any]
) -> list[Any]:
    """Return the values of one column in each group."""
    if not isinstance(wish, int):
        return list(repeat(wish, n_groups))
    if wish == 0:
        found = [pd.factorize(part, sort=True)[1] for _, part in series.groupby(groups)]
        return [np.asarray(labels, dtype=object) for labels in found]
    ranges = series.astype(np.float64).groupby(groups).agg(["min", "max"]).to_numpy()
    return [np.linspace(low, high, wish if high > low else 1) for low, high in ranges]


def _crossed(values: list[NDArray[Any]]) -> list[tuple[Any, ...]]:
    meshes = np.meshgrid(*values, indexing="ij")
    return list(zip(*(mesh.ravel() for mesh in meshes), strict=True)) if values else [()]


def _retyped(series: "pd.Series[Any]", values: list[Any]) -> Any:
    """Return new values of a column in its type; points between whole numbers are fractions."""
    dtype: Any = series.dtype
    if is_number(series) and not pd.api.types.is_float_dtype(series):
        whole = np.asarray(values).dtype.kind in "iu"
        return np.array(values) if whole else np.array(values, dtype=np.float64)
    return pd.array(values, dtype=dtype)


def _typical(series: "pd.Series[Any]", groups: Ints, sizes: list[int]) -> Any:
    """Return the typical value of a column for all rows of the grid."""
    dtype: Any = series.dtype
    if is_number(series) and (dtype.kind == "O" or pd.api.types.is_float_dtype(dtype)):
        middle = series.dropna().astype(np.float64).median()  # older pandas warns of all missing
        return pd.array(np.full(sum(sizes), middle), dtype=dtype)
    if is_number(series) or pd.api.types.is_datetime64_any_dtype(series):
        order = np.flatnonzero(series.notna())[np.argsort(series.dropna(), kind="stable")]
        middle = order[(len(order) - 1) // 2] if len(order) else 0
        return series.iloc[np.full(sum(sizes), middle)].array
    return series.iloc[np.repeat(_most_frequent(series, groups), sizes)].array


def _most_frequent(series: "pd.Series[Any]", groups: Ints) -> Ints:
    """Return, for each group, a row with the most frequent value: of all rows where it occurs."""
    codes, values = pd.factorize(series, sort=True)
    counts = np.zeros((int(groups.max()) + 1, len(values)))
    known = codes >= 0
    np.add.at(counts, (groups[known], codes[known]), 1)
    if not len(values):
        return np.zeros(len(counts), dtype=np.intp)
    usual = np.argmax(counts.sum(axis=0))
    chosen = np.where(counts[:, usual] > 0, usual, np.argmax(counts, axis=1))
    chosen[counts.sum(axis=1) == 0] = usual
    first = {code: place for place, code in reversed(list(enumerate(codes)))}
    return np.array([first[code] for code in chosen], dtype=np.intp)
