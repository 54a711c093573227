"""Predictions along one feature, a curve for each group."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d

from skglmm.arrays import Floats
from skglmm.inspection._data_grid import grid_of
from skglmm.inspection._fitted import Fitted
from skglmm.inspection._tables import as_table, column_name, column_names, is_number

__all__ = ["Curve", "Question", "Scene"]


@dataclass(frozen=True, eq=False)
class Curve:
    """The predictions for one group along a feature, and the data of the group.

    Parameters
    ----------
    x : ndarray, shape (n_points,)
        Values of the feature.
    mean : ndarray, shape (n_points,)
        Predicted means, on the scale of y.
    limits : ndarray, shape (n_points, 2), or None
        Lower and upper limits, on the scale of y.
    group : tuple of str
        Labels of the group, one for each grouping column.
    data : ndarray, shape (2, n_samples), or None
        Feature and response of the rows of the group.
    """

    x: Floats
    mean: Floats
    limits: Floats | None = None
    group: tuple[str, ...] = ()
    data: Floats | None = None


@dataclass(frozen=True)
class Question:
    """What is asked of each point of a curve: the words of `predict` and `predict_interval`."""

    kind: str | Collection[str]
    interval: str | None
    level: float
    n_points: int


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
    feature : name
        Column of the horizontal axis.
    by : list of names
        Grouping columns.
    """

    fitted: Fitted
    table: pd.DataFrame
    y: Floats | None
    feature: Any
    by: list[Any]

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, feature: Any, by: Any) -> "Scene":
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
        if not is_number(table[x]):
            msg = (
                f"feature={feature!r} holds no numbers to draw a curve over; name it in by, or "
                "make a column of numbers of it, such as days since a date"
            )
            raise ValueError(msg)
        return cls(fitted, table, response, x, names)

    @property
    def n_groups(self) -> int:
        """Number of groups that have a curve each."""
        return len(_positions(self.table, self.by))

    def kind(self, kind: str | Collection[str] | None) -> str | Collection[str]:
        """Return the kind of prediction that the grouping columns are enough for."""
        model = self.fitted.model
        wanted = model.predict_kind if kind is None else kind
        if wanted != "conditional" or not model.random_terms_:
            return wanted
        factors = {":".join(bar.group): set(bar.group) for bar in model.random_terms_}
        known = {self._name_in_model(name) for name in self.by}
        covered = {name for name, columns in factors.items() if columns <= known}
        if covered:
            return wanted if len(covered) == len(factors) else covered
        if kind is None:
            return "marginal"
        msg = (
            f"kind='conditional' needs the columns of a grouping factor in by, got by={self.by}; "
            f"the model has {list(factors)}. Or choose kind='marginal', kind='fixed'"
        )
        raise ValueError(msg)

    def curves(self, ask: Question, by: list[Any]) -> list[Curve]:
        """Return a curve for each group, in order; a single one without groups."""
        grid = grid_of(self.table, by, {self.feature: ask.n_points})
        rows, model = self.fitted.rows(grid), self.fitted.model
        mean, limits = np.asarray(model.predict(rows, kind=ask.kind)), None
        if ask.interval is not None:
            limits = model.predict_interval(rows, ask.interval, level=ask.level, kind=ask.kind)
        x, observed = (
            frame[self.feature].to_numpy(dtype=np.float64) for frame in (grid, self.table)
        )
        found, curves = _positions(self.table, by), []
        for group, here in _positions(grid, by).items():
            there = found[group]
            data = None if self.y is None else np.stack([observed[there], self.y[there]])
            inside = None if limits is None else limits[here]
            curves.append(Curve(x[here], mean[here], inside, group, data))
        return curves

    def _name_in_model(self, name: Any) -> str:
        """Return what formulas call a column; those without names are numbered."""
        if hasattr(self.fitted.model, "feature_names_in_"):
            return str(name)
        return f"x{list(self.table.columns).index(name)}"


def _positions(frame: pd.DataFrame, by: list[Any]) -> dict[tuple[str, ...], Any]:
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
