"""Rows to average means over: all combinations of the factors, covariates at their means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.validation import check_choice
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inspection.data.fitted import Fitted, name_in_model
from skglmm.inspection.data.tables import (
    as_table,
    column_names,
    is_finite,
    is_number,
    set_columns,
    shown,
)

__all__ = ["WEIGHT", "WEIGHTS", "FactorGrid", "grid_of_factors", "reference_grid"]

WEIGHT = "grid_weight"  # the column of weights of a reference grid
WEIGHTS = ("equal", "proportional", "cells")
KINDS = ("fixed", "marginal")
MOST_ROWS = 100_000
MOST_VALUES = 20  # of a covariate whose values are levels
SHOWN = 6  # names that a message lists


@dataclass(frozen=True, eq=False)
class FactorGrid:
    """A reference grid, and what it is.

    Parameters
    ----------
    frame : DataFrame
        With the column `WEIGHT`.
    by : list
        Columns whose values have averages of their own.
    notes : tuple of str
        What is averaged over, and where covariates are.
    factors : tuple
        Columns that hold categories.
    """

    frame: pd.DataFrame
    by: list[Any]
    notes: tuple[str, ...] = ()
    factors: tuple[Any, ...] = ()


@single_threaded
def reference_grid(
    model: Any,
    X: Any,
    *,
    by: Any = None,
    at: Mapping[Any, Any] | None = None,
    weights: str = "equal",
    kind: str = "fixed",
) -> pd.DataFrame:
    """Make the rows over which `marginal_means` averages.

    All combinations of the levels of the model's factors, each with the mean of every covariate
    [1]_. A column of numbers is a covariate, also of 0 and 1, unless the formula has ``C()`` around
    it; emmeans takes both of two numbers as levels, as ``at={"x": [0, 1]}`` does. The
    frame may be edited and passed to ``marginal_means(model, grid=frame, by=...)``.

    Parameters
    ----------
    model : estimator
        Fitted, itself, as the end of a pipeline or inside of a fitted search. Of a pipeline X and
        the grid have the columns of its own X.
    X : DataFrame or array-like, shape (n_samples, n_features)
        The rows of the fit, or others: covariates are at their means in them, and weights are
        their numbers.
    by : str or list of str, default=None
        Columns whose values are to have averages of their own; they vary slowest.
    at : mapping of str to value or list of values, default=None
        Values of covariates, or levels of factors to which the grid is restricted.
    weights : {"equal", "proportional", "cells"}, default="equal"
        How combinations of factors that are averaged over count: the same; as often as they
        occur in X; or as often as they occur together with the levels of `by`.
    kind : {"fixed", "marginal"}, default="fixed"
        Which mean; averages over random effects need the columns of random slopes, too.

    Returns
    -------
    DataFrame
        One row for each combination, with a column ``grid_weight``. Levels that are nested in those
        of another factor, each in one of them, are combined with that one only.

    Raises
    ------
    ValueError
        When a column or a value is unknown, or there are too many combinations.

    References
    ----------
    .. [1] Searle, S. R., Speed, F. M. & Milliken, G. A. (1980). Population marginal means in the
       linear model: an alternative to least squares means. The American Statistician, 34(4),
       216-221.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import reference_grid
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + V10 + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> reference_grid(model, X, by="EP", at={"EP": [250, 350]})
         V10   EP  grid_weight
    0  241.5  250          1.0
    1  241.5  350          1.0
    """
    return grid_of_factors(Fitted.of(model), X, by, at, weights, kind).frame


def grid_of_factors(
    fitted: Fitted,
    X: Any,
    by: Any,
    at: Mapping[Any, Any] | None,
    weights: str,
    kind: str,
) -> FactorGrid:
    """Return the grid of `reference_grid`, with what it is."""
    check_choice("weights", weights, WEIGHTS)
    check_choice("kind", kind, KINDS)
    table = as_table(X)
    given = set_columns(table, at)
    groups = column_names(table, by)
    columns = _Columns.of(fitted, table, kind)
    columns.refuse_others([*groups, *given])
    levels = {name: columns.levels(name, given.get(name)) for name in groups}
    for name in columns.names:
        if name not in levels and (name in given or columns.is_factor(name)):
            levels[name] = columns.levels(name, given.get(name))
    _refuse_many(levels)
    cells = _crossed(levels)
    factors = [name for name in levels if columns.is_factor(name)]
    nested = _nested(table, factors)
    for inner, outer in nested:
        cells = cells[_occurs(cells, table, [inner, outer])].reset_index(drop=True)
    over = [name for name in factors if name not in groups]
    occurring = [name for name in groups if name in factors or name not in given]
    counted = over if weights == "proportional" else [*occurring, *over]
    counts = np.ones(len(cells)) if weights == "equal" else _counts(cells, table, counted)
    frame = columns.framed(cells, len(cells)).assign(**{WEIGHT: counts})
    others = {name: values for name, values in levels.items() if name not in groups}
    notes = [*_told(others, given, weights), *(f"{a} is nested in {b}" for a, b in nested)]
    return FactorGrid(frame, groups, (*notes, *columns.told(levels, groups)), tuple(factors))


@dataclass(frozen=True, eq=False)
class _Columns:
    """The columns of a table that a model uses, and what they are to it.

    Parameters
    ----------
    model : MixedModel
    table : DataFrame
    names : list
        Columns of the table on which means may depend.
    others : list
        Columns that rows need, and means do not depend on.
    """

    model: MixedModel
    table: pd.DataFrame
    names: list[Any]
    others: list[Any]

    @classmethod
    def of(cls, fitted: Fitted, table: pd.DataFrame, kind: str) -> "_Columns":
        model, spec = fitted.model, fitted.model._spec
        effects = spec.effect_variables if kind == "marginal" else ()
        needed = {*spec.variables, *(name for part in effects for name in part)}
        found = [c for c in table.columns if name_in_model(model, table, c) in needed]
        groups = {name for part in spec.group_variables for name in part}
        rest = [c for c in table.columns if c not in found]
        if fitted.steps:  # what they make of a column is not known by its name
            rest = [c for c in rest if c not in groups]
            moving = [c for c in rest if is_number(table[c]) or _moves(fitted, table, c)]
            found += moving
        whole = bool(fitted.steps) or not hasattr(model, "feature_names_in_")
        return cls(model, table, found, [c for c in table if c not in found] if whole else [])

    def refuse_others(self, names: Sequence[Any]) -> None:
        """Refuse columns that means do not depend on."""
        for name in names:
            if name not in self.names:
                shown = ", ".join(map(repr, self.names[:SHOWN])) or "none"
                msg = (
                    f"{name!r} is no column that the means depend on; these are {shown}. "
                    "comparisons() averages over any rows"
                )
                raise ValueError(msg)

    def is_factor(self, name: Any) -> bool:
        """Return whether a column holds categories to the model."""
        column = self.model._spec.columns.get(name_in_model(self.model, self.table, name))
        coded = column is not None and column.labels is not None
        return coded or not is_number(self.table[name])

    def levels(self, name: Any, given: Any) -> list[Any]:
        """Return the values of a column in the grid, all of them or those that are given."""
        if given is not None:
            several = isinstance(given, (Sequence, np.ndarray, pd.Series, pd.Index))
            values = list(given) if several and not isinstance(given, str) else [given]
            known = self._known(name) if self.is_factor(name) else list(filter(is_finite, values))
            unknown = [value for value in values if value not in known]
            if unknown or not values:
                has = f"it has {known[:SHOWN]}" if self.is_factor(name) else "it holds numbers"
                msg = f"at: column {name!r} has no {unknown or 'empty list'}; {has}"
                raise ValueError(msg)
            return values
        known = self._known(name)
        if not self.is_factor(name) and len(known) > MOST_VALUES:
            msg = (
                f"by: column {name!r} holds {len(known)} different numbers; say at which, such as "
                f"at={{{name!r}: [{known[0]:.4g}, {known[-1]:.4g}]}}, or see slopes()"
            )
            raise ValueError(msg)
        return known

    def _known(self, name: Any) -> list[Any]:
        column = self.model._spec.columns.get(name_in_model(self.model, self.table, name))
        if column is not None and column.labels is not None:
            return list(column.labels.values)
        series = self.table[name].dropna()
        if isinstance(series.dtype, pd.CategoricalDtype):
            return [level for level in series.cat.categories if (series == level).any()]
        return sorted(series.unique().tolist())

    @property
    def _sizes(self) -> set[str]:
        """Columns that say what responses are parts of; means are of one."""
        spec, family = self.model._spec, self.model.fit_.family
        return {name for k in family.known for name in spec.offset_parts[k].columns}

    def framed(self, cells: pd.DataFrame, n: int) -> pd.DataFrame:
        """Return the grid with the columns of the table, in their order and types."""
        found: dict[Any, Any] = {}
        for name in self.table.columns:
            series = self.table[name]
            if name in cells:
                found[name] = _typed(series, cells[name])
            elif name_in_model(self.model, self.table, name) in self._sizes:
                found[name] = np.ones(n)
            elif name in self.names and not self.is_factor(name):
                found[name] = np.full(n, float(series.astype(np.float64).mean()))
            elif name in self.others:
                usual = series.dropna().mode()
                place = int(np.argmax((series == usual.iloc[0]).to_numpy())) if len(usual) else 0
                found[name] = series.iloc[np.full(n, place)].array
        return pd.DataFrame(found, index=range(n))

    def told(self, levels: Mapping[Any, Any], groups: Sequence[Any]) -> list[str]:
        """Return a sentence about where the columns are that have one value."""
        set_to = [
            f"{shown(n)} at {v[0]}" for n, v in levels.items() if n not in groups and len(v) == 1
        ]
        covariates = [name for name in self.names if not (name in levels or self.is_factor(name))]
        words = {name_in_model(self.model, self.table, name): name for name in covariates}
        means = set_to + [
            f"{word} at {float(self.table[name].astype(np.float64).mean()):.4g}"
            for word, name in words.items()
            if word not in self._sizes
        ]
        return [", ".join(means[:SHOWN]) + (" ..." if len(means) > SHOWN else "")] if means else []


def _moves(fitted: Fitted, table: pd.DataFrame, name: Any) -> bool:
    """Return whether the fixed part depends on a column that steps of a pipeline change."""
    levels = table[name].dropna().drop_duplicates()
    rows = table.iloc[np.zeros(len(levels), dtype=np.intp)].reset_index(drop=True)
    rows[name] = levels.array
    model = fitted.model
    frame = pd.DataFrame(fitted.rows(rows))
    used = [column for column in model._spec.variables if column in frame]
    return len(frame[used].drop_duplicates()) > 1


def _typed(series: "pd.Series[Any]", values: Any) -> Any:
    """Return new values of a column in its type; numbers as fractions where they are."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return pd.Categorical(values, dtype=series.dtype)
    if is_number(series):
        return pd.array(np.asarray(values, dtype=np.float64)) if _broken(values) else values.array
    return pd.Series(list(values), dtype=series.dtype).array


def _broken(values: Any) -> bool:
    return bool(np.any(np.asarray(values, dtype=np.float64) % 1.0))


def _refuse_many(levels: Mapping[Any, Sequence[Any]]) -> None:
    size = prod(len(values) for values in levels.values())
    if size > MOST_ROWS:
        shown = ", ".join(f"{name!r} ({len(values)})" for name, values in levels.items())
        msg = (
            f"the reference grid would have {size:,} rows, from {shown}; restrict some by at=, or "
            "average over rows of data: comparisons() or poststratify()"
        )
        raise ValueError(msg)


def _crossed(levels: Mapping[Any, Sequence[Any]]) -> pd.DataFrame:
    """Return all combinations, the last column fastest."""
    size, cells, repeat = prod(map(len, levels.values())), {}, 1
    for name, values in reversed(list(levels.items())):
        places = np.arange(size) // repeat % len(values)
        cells[name] = pd.Series([values[place] for place in places])
        repeat *= len(values)
    frame = pd.DataFrame(cells, index=range(size))
    return frame[list(levels)]


def _nested(table: pd.DataFrame, factors: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return the factors each of whose levels occurs with one level of another, with these."""
    counts = {name: table[name].nunique() for name in factors}
    return [
        (inner, outer)
        for inner, outer in permutations(factors, 2)
        if counts[inner] > counts[outer] > 1
        and len(table[[inner, outer]].drop_duplicates()) == counts[inner]
    ]


def _occurs(cells: pd.DataFrame, table: pd.DataFrame, names: list[Any]) -> Any:
    return _counts(cells, table, names) > 0


def _counts(cells: pd.DataFrame, table: pd.DataFrame, names: list[Any]) -> Floats:
    """Return how many rows of a table have the values of each cell."""
    keys = [tuple(row) for row in cells[names].astype(object).itertuples(index=False)]
    found: dict[Any, int] = {}
    for row in table[names].astype(object).itertuples(index=False):
        found[tuple(row)] = found.get(tuple(row), 0) + 1
    return np.array([float(found.get(key, 0)) for key in keys])


def _told(others: Mapping[Any, Sequence[Any]], given: Mapping[Any, Any], weights: str) -> list[str]:
    """Return a sentence about what is averaged over, with the levels that were chosen."""
    names = [
        f"{shown(name)} ({', '.join(map(str, values))})" if name in given else shown(name)
        for name, values in others.items()
        if len(values) > 1 or name not in given
    ]
    return [f"Averaged over {', '.join(names)}, {weights} weights"] if names else []
