"""Predictions along one feature, a curve for each group."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length

from skglmm.arrays import Floats, Ints
from skglmm.estimators.runtime.warnings import tell
from skglmm.inspection.data.data_grid import grid_of, held_columns, refuse_missing
from skglmm.inspection.data.feature import Feature
from skglmm.inspection.data.fitted import Fitted, name_in_model
from skglmm.inspection.data.known_factors import KnownFactors
from skglmm.inspection.data.question import Question
from skglmm.inspection.data.row_averages import Part, parts_of, predict_parts
from skglmm.inspection.data.tables import as_table, column_name, column_names

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
    own_levels : bool
        Whether the feature's categories are levels whose predicted effects enter.
    typical : bool
        Whether other columns stand at typical values, rather than at those of each row.
    n_points : int
        Points of each curve over numbers.
    """

    fitted: Fitted
    table: pd.DataFrame
    y: Floats | None
    feature: Feature
    by: list[Any]
    kind: str | Collection[str]
    own_levels: bool
    typical: bool
    n_points: int

    @classmethod
    def of(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        columns: tuple[Any, Any],
        kind: Any,
        *,
        typical: bool,
        n_points: int,
    ) -> "Scene":
        """Find feature and groups in X, or else after the last step that makes columns."""
        feature, by = columns
        fitted, table = Fitted.of(estimator), as_table(X)
        response = None if y is None else fitted.numbers(y)
        check_consistent_length(table, response)
        try:
            x, names = column_name(table, feature), column_names(table, by)
        except ValueError:
            if not fitted.steps:
                raise
            table, fitted = as_table(fitted.rows(X)), Fitted(fitted.model)
            x, names = column_name(table, feature), column_names(table, by)
        refuse_missing(table, names)
        found = Feature.of(fitted.model, table, x)
        if x in names and not found.is_categorical:
            msg = f"feature={feature!r} holds numbers to draw curves over; take it out of by={by!r}"
            raise ValueError(msg)
        if not fitted.steps:
            _tell_unused(fitted, table, x)
        factors = KnownFactors(fitted.model, table, x if found.is_categorical else None)
        names = factors.refined(names, kind)
        known = factors.kind(names, kind)
        own = known not in ("fixed", "marginal") and factors.need_feature(names)
        return cls(fitted, table, response, found, names, known, own, typical, n_points)

    @property
    def n_groups(self) -> int:
        """Number of groups that have a curve each."""
        return len(_positions(self.table, self.by))

    def words(self, kind: str | Collection[str]) -> str:
        """Return the kind as displays call it: without random effects there is one only."""
        if not self.fitted.model.fit_.layout.grouping_factors:
            return "mean"
        return kind if isinstance(kind, str) else "conditional"

    def curves(self, ask: Question) -> list[Curve]:
        """Return a curve for each group, in order: the average over its rows.

        Each row keeps its own other columns, or all have the typical ones.
        """
        groups = _positions(self.table, self._cells)
        frame = grid_of(self.table, self._cells, {}) if self.typical else self.table
        rows = [np.array([k]) for k in range(len(groups))] if self.typical else groups.values()
        values = [self._values(group) for group in groups.values()]
        parts = self._parts(frame, list(rows), values, np.ones(len(frame)), ask)
        found = predict_parts(self.fitted, frame, self.feature.name, parts, ask)
        averaged = () if self.typical else self._averaged(self._loose(ask), parts, len(frame))
        return [
            self._curve(group, rows, [parts[k] for k in cells], [found[k] for k in cells], averaged)
            for (group, rows), cells in zip(
                _positions(self.table, self.by).items(), self._cells_of(list(groups)), strict=True
            )
        ]

    def overall(self, ask: Question) -> Curve:
        """Return the average over all rows, each over the whole range of the feature.

        Where other columns are typical these are those of the groups, by their numbers of rows.
        """
        groups = _positions(self.table, self.by).values()
        frame = grid_of(self.table, self.by, {}) if self.typical else self.table
        counts = [len(group) if self.typical else 1 for group in groups]
        weights = np.array(counts if self.typical else np.ones(len(frame)), dtype=np.float64)
        every = np.arange(len(frame))
        values = [self._values(np.arange(len(self.table)))]
        parts = self._parts(frame, [every], values, weights, ask)
        ((mean, limits),) = predict_parts(self.fitted, frame, self.feature.name, parts, ask)
        names = [name for name in self._others(ask) if frame[name].nunique() > 1]
        averaged = self._averaged(names, parts, len(frame))
        return Curve(self.feature.positions(values[0]), mean, limits, averaged=averaged)

    def held(self, ask: Question) -> dict[str, str]:
        """Return the values at which other columns stand, where the mean depends on them."""
        if not self.typical:
            return {}
        grid = grid_of(self.table, self._cells, {})
        return {str(name): _usual(grid[name]) for name in self._loose(ask)}

    @property
    def _cells(self) -> list[Any]:
        """Columns whose combinations have rows of their own."""
        return list(dict.fromkeys([*self.by, *([self.feature.name] if self.own_levels else [])]))

    def _cells_of(self, keys: list[tuple[str, ...]]) -> list[list[int]]:
        """Return the numbers of the cells of each group."""
        found: dict[tuple[str, ...], list[int]] = {}
        for k, key in enumerate(keys):
            found.setdefault(key[: len(self.by)], []).append(k)
        return list(found.values())

    def _values(self, rows: Ints) -> "pd.Series[Any]":
        """Return the values of the feature at which some rows are predicted."""
        return self.feature.values(self.table[self.feature.name].iloc[rows], self.n_points)

    def _parts(
        self, frame: pd.DataFrame, groups: list[Ints], values: list[Any], weights: Floats, ask: Any
    ) -> list[Part]:
        others, codes = self._others(ask), np.zeros(len(frame), dtype=np.intp)
        if others:
            alike = frame.groupby(others, sort=True, dropna=False, observed=True)
            codes = np.asarray(alike.ngroup(), dtype=np.intp)
        at_places = self.feature.is_coordinate and ask.kind not in ("fixed", "marginal")
        return parts_of(groups, values, codes, weights, ask.interval, at_places=at_places)

    def _curve(
        self,
        group: tuple[str, ...],
        rows: Ints,
        parts: list[Part],
        found: list[Any],
        averaged: tuple[str, ...],
    ) -> Curve:
        x = np.concatenate([self.feature.positions(part.values) for part in parts])
        mean = np.concatenate([each for each, _ in found])
        ends = [limits for _, limits in found if limits is not None]
        data = None
        if self.y is not None:
            at = self.feature.positions(self.table[self.feature.name].iloc[rows])
            data = np.stack([at, self.y[rows]])
        return Curve(x, mean, np.concatenate(ends) if ends else None, group, data, averaged)

    def _averaged(self, names: list[Any], parts: list[Part], n_rows: int) -> tuple[str, ...]:
        """Return what was averaged over: columns, or some of the rows."""
        if all(part.are_all for part in parts):
            return tuple(map(str, names))
        return (f"{sum(len(part.rows) for part in parts)} of {n_rows} rows",)

    def _loose(self, ask: Question) -> list[Any]:
        """Return the columns that the groups do not fix and the answer may depend on."""
        loose = set(held_columns(self.table, self._cells, [self.feature.name]))
        return [name for name in self._others(ask) if name in loose]

    def _others(self, ask: Question) -> list[Any]:
        """Return the columns beside the feature that the answer may depend on."""
        model, frame = self.fitted.model, self.table
        effects = ask.kind != "fixed"
        used = self.fitted.columns(effects=effects, response=ask.interval == "response")
        names = {name_in_model(model, frame, name): name for name in frame.columns}
        known = used <= names.keys()  # or steps of a pipeline make the columns of the model
        others = [names[name] for name in names if name in used or not known]
        return [name for name in others if name != self.feature.name]


def _tell_unused(fitted: Fitted, table: pd.DataFrame, feature: Any) -> None:
    """Warn of a feature that the model does not know: its curves are flat, whatever the truth."""
    spec, name = fitted.model._spec, name_in_model(fitted.model, table, feature)
    known = {
        *spec.columns,
        spec.offset,
        *(name for group in spec.group_variables for name in group),
        *(name for effects in spec.effect_variables for name in effects),
    }
    if name not in known:
        text = (
            f"the model does not use {name!r}, so its means are the same at all of its values, "
            "which says nothing about the data; add it to the formula, or draw another feature"
        )
        tell(text)


def _usual(series: "pd.Series[Any]") -> str:
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
