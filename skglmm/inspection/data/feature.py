"""The column of a horizontal axis: numbers to draw a curve over, or categories side by side."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.inspection.data.data_grid import refuse_missing
from skglmm.inspection.data.fitted import Fitted, name_in_model
from skglmm.inspection.data.tables import is_number

__all__ = ["Feature"]

MOST_LEVELS = 100  # side by side


@dataclass(frozen=True, eq=False)
class Feature:
    """A column with what it is to the model.

    Parameters
    ----------
    name : name
        Of the column.
    levels : list or None
        Its categories that occur, in order; None are numbers.
    are_times : bool
        Whether it holds numbered times of an autoregression or the like: none lie between them.
    """

    name: Any
    levels: list[Any] | None
    are_times: bool = False

    @classmethod
    def of(cls, fitted: Fitted, table: pd.DataFrame, name: Any) -> "Feature":
        """Read a column of a table.

        Raises
        ------
        ValueError
            When values are missing, or categories too many.
        """
        series, model = table[name], fitted.model
        refuse_missing(table, [name])
        own_name = name_in_model(model, table, name)
        if is_number(series) and not _is_category(model, own_name):
            return cls(name, None, own_name in fitted.places("times"))
        levels = list(pd.factorize(series, sort=True)[1])
        if len(levels) > MOST_LEVELS:
            msg = (
                f"feature={name!r} has {len(levels)} categories, of at most {MOST_LEVELS} side by "
                "side; choose the rows of some of them, name it in by, or make a column of "
                "numbers of it, such as days since a date"
            )
            raise ValueError(msg)
        return cls(name, levels)

    @property
    def is_categorical(self) -> bool:
        """Whether there are categories."""
        return self.levels is not None

    @property
    def labels(self) -> list[str] | None:
        """Texts of the categories."""
        if self.levels is None:
            return None
        dates = [isinstance(level, pd.Timestamp) for level in self.levels]
        if all(dates) and all(level == level.normalize() for level in self.levels):
            return [f"{level:%Y-%m-%d}" for level in self.levels]
        return [str(level) for level in self.levels]

    def values(self, series: "pd.Series[Any]", n: int) -> "pd.Series[Any]":
        """Return `n` values over the range of numbers, `n` of some times, or all categories."""
        if self.levels is not None:
            here = np.unique(self.positions(series)).astype(np.intp)
            return pd.Series([self.levels[k] for k in here], dtype=series.dtype)
        if self.are_times:
            times = pd.Series(np.sort(series.unique()))
            return times.iloc[np.unique(np.linspace(0, len(times) - 1, n).round().astype(np.intp))]
        low, high = series.astype(np.float64).agg(["min", "max"])
        return pd.Series(np.linspace(low, high, n if high > low else 1))

    def positions(self, values: "pd.Series[Any]") -> Floats:
        """Return where on the axis values are, (n,)."""
        if self.levels is None:
            return values.to_numpy(dtype=np.float64)
        codes = pd.Index(self.levels, dtype=object).get_indexer(values.astype(object))
        return np.asarray(codes, dtype=np.float64)


def _is_category(model: MixedModel, name: str) -> bool:
    """Return whether numbers are labels to the model: by C(), or as levels of a factor."""
    column = model._spec.columns.get(name)
    if column is not None:
        return column.labels is not None
    return any(name in columns for columns in model._spec.group_variables)
