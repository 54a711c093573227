"""Predictions along one feature, a curve for each group."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d

from skglmm.arrays import Floats, Ints
from skglmm.inspection._data_grid import grid_of, held_columns
from skglmm.inspection._feature import Feature
from skglmm.inspection._fitted import Fitted, name_in_model
from skglmm.inspection._known_factors import KnownFactors
from skglmm.inspection._question import Question
from skglmm.inspection._row_averages import average_over, distinct_rows
from skglmm.inspection._tables import as_table, column_name, column_names

__all__ = ["Curve", "Scene"]


@dataclass(frozen=True, eq=False)
class Curve:
    """The predictions for one group along a feature, and the data of the group.

    Parameters
    ----------
    x : ndarray, shape (n_points,)
        Values of the feature; of one with categories, their places from 0.
    mean : ndarray, shape (n_points,)
        Predicted means, on the scale of y; NaN where the data do not determine them.
    limits : ndarray, shape (n_points, 2), or None
        Lower and upper limits, on the scale of y.
    group : tuple of str
        Labels of the group, one for each grouping column.
    data : ndarray, shape (2, n_samples), or None
        Feature and response of the rows of the group.
    averaged : tuple of str
        Columns whose values were averaged over.
    """

    x: Floats
    mean: Floats
    limits: Floats | None = None
    group: tuple[str, ...] = ()
    data: Floats | None = None
    averaged: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """A model, and the data along a feature.

    Parameters
    ----------
    fitted : Fitted
        The model, and the steps that the table has not passed yet.
    table : DataFrame, shape (n_samples, n_features)
    y : ndarray, shape (n_samples,), or None
        Responses.
    feature : Feature
        Column of the horizontal axis.
    by : list of names
        Grouping columns.
    kind : str or set
        The kind of prediction that the grouping columns are enough for.
    """

    fitted: Fitted
    table: pd.DataFrame
    y: Floats | None
    feature: Feature
    by: list[Any] = field(default_factory=list)
    kind: str | Collection[str] = "fixed"

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, feature: Any, by: Any, kind: Any) -> "Scene":
        """Find the columns in X, or else after the last step that makes columns."""
        fitted, table = Fitted.of(estimator), as_table(X)
        response = None if y is None else np.asarray(column_or_1d(y), dtype=np.float64)
        check_consistent_length(table, response)
        try:
            x, names = column_name(table, feature), column_names(table, by)
        except ValueError:
            if not fitted.steps:
                raise
            table, fitted = as_table(fitted.rows(X)), Fitted(fitted.model)
            x, names = column_name(table, feature), column_names(table, by)
        found = Feature.of(fitted.model, table, x)
        factors = KnownFactors(fitted.model, table, x if found.is_categorical else None)
        names = factors.refined(names, kind)
        return cls(fitted, table, response, found, names, factors.kind(names, kind))

    @property
    def n_groups(self) -> int:
        """Number of groups that have a curve each."""
        return len(_positions(self.table, self.by))

    @property
    def is_conditional(self) -> bool:
        """Whether predicted effects of single levels enter."""
        terms = self.fitted.model.random_terms_
        return bool(terms) and self.kind not in {"fixed", "marginal"}

    def words(self, kind: str | Collection[str]) -> str:
        """Return the kind as displays call it: without random effects there is one only."""
        if not self.fitted.model.random_terms_:
            return "mean"
        return kind if isinstance(kind, str) else "conditional"

    def curves(self, ask: Question) -> list[Curve]:
        """Return a curve for each group, in order; one over all rows without groups."""
        if not self.by and not self.is_conditional:
            return [self.average(ask, self._observed(np.arange(len(self.table))))]
        grid = self._grid(ask)
        rows, model = self.fitted.rows(grid), self.fitted.model
        mean, limits = np.asarray(model.predict(rows, kind=ask.kind)), None
        if ask.interval is not None:
            limits = model.predict_interval(rows, ask.interval, level=ask.level, kind=ask.kind)
        x = self.feature.places(grid)
        found, curves = _positions(self.table, self.by), []
        for group, here in _positions(grid, self.by).items():
            inside = None if limits is None else limits[here]
            data = self._observed(found[group])
            curves.append(Curve(x[here], mean[here], inside, group, data))
        return curves

    def average(self, ask: Question, data: Floats | None = None) -> Curve:
        """Return the average of the curves by the numbers of their rows.

        Without groups it is that of a curve for each row. Each of these curves runs over the
        whole range of the feature.
        """
        rows = grid_of(self.table, self.by, {}) if self.by else self.table
        counts = np.array([len(each) for each in _positions(self.table, self.by).values()])
        weights = counts.astype(np.float64) if self.by else np.ones(len(rows))
        others = self._others(rows, ask)
        points = self.feature.points(self.table, ask.n_points)
        some = distinct_rows(rows, others, weights, len(points), ask.interval)
        mean, limits = average_over(self.fitted, some, {self.feature.name: points}, ask)
        averaged = tuple(str(name) for name in others if some.frame[name].nunique() > 1)
        if not some.are_all:
            averaged = (f"{len(some.frame)} of {len(rows)} rows",)
        return Curve(self.feature.positions(points), mean, limits, (), data, averaged)

    def held(self, ask: Question) -> dict[str, str]:
        """Return the values at which other columns stand, where the mean depends on them."""
        if not self.by and not self.is_conditional:
            return {}
        grid = self._grid(ask)
        names = held_columns(self.table, self._grid_groups, [self.feature.name])
        used = set(self._others(self.table, ask))
        return {str(name): _values(grid[name]) for name in names if name in used}

    @property
    def _grid_groups(self) -> list[Any]:
        own = self.is_conditional and self.feature.is_categorical and not self.by
        return [self.feature.name] if own else self.by

    def _grid(self, ask: Question) -> pd.DataFrame:
        """Return the rows to predict; those of a factor's own levels keep what belongs to them."""
        if self._grid_groups != self.by:
            return grid_of(self.table, self._grid_groups, {})
        return self.feature.grid(self.table, self.by, ask.n_points)

    def _observed(self, rows: Ints) -> Floats | None:
        if self.y is None:
            return None
        return np.stack([self.feature.places(self.table)[rows], self.y[rows]])

    def _others(self, frame: pd.DataFrame, ask: Question) -> list[Any]:
        """Return the columns beside the feature that the answer may depend on."""
        effects = ask.kind != "fixed"
        used = self.fitted.columns(effects=effects, response=ask.interval == "response")
        model = self.fitted.model
        names = {name_in_model(model, self.table, name): name for name in frame.columns}
        known = used <= names.keys()  # or steps of a pipeline make the columns of the model
        others = [names[name] for name in names if name in used or not known]
        return [name for name in others if name != self.feature.name]


def _values(series: "pd.Series[Any]") -> str:
    """Return the value of a column of the grid, or that groups differ in it."""
    usual = series.mode(dropna=False).iloc[0]
    text = f"{usual:.4g}" if isinstance(usual, float) else str(usual)
    return text if series.nunique(dropna=False) == 1 else f"{text}, or usual in the group"


def _positions(frame: pd.DataFrame, by: list[Any]) -> Mapping[tuple[str, ...], Any]:
    """Return the positions of the rows of each group, by its labels, in order."""
    if not by:
        return {(): np.arange(len(frame))}
    codes = frame.groupby(by, sort=True, observed=True).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    labels = [frame[name].to_numpy(dtype=object) for name in by]
    return {
        tuple(str(label[rows[0]]) for label in labels): rows for rows in np.split(order, starts[1:])
    }
