"""The column of a horizontal axis: numbers to draw a curve over, or categories side by side.

Curves over whole times, as an autoregression has them, go from time to time: in between there is
nothing to predict.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.design import Places
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.inspection.data.data_grid import refuse_missing
from skglmm.inspection.data.fitted import name_in_model
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
    times : ndarray or None
        Numbers that are whole times to the model, those that occur, in order.
    is_coordinate : bool
        Whether numbers are times or coordinates of places with effects, of which there may be new.
    """

    name: Any
    levels: list[Any] | None
    times: Floats | None = None
    is_coordinate: bool = False

    @classmethod
    def of(cls, model: MixedModel, table: pd.DataFrame, name: Any) -> "Feature":
        """Read a column of a table.

        Raises
        ------
        ValueError
            When values are missing, or categories too many.
        """
        series = table[name]
        refuse_missing(table, [name])
        own = name_in_model(model, table, name)
        if is_number(series) and not _is_category(model, own):
            indexed = [e for e in model._spec.indexed if isinstance(e, Places) and own in e.columns]
            if any(places.are_whole for places in indexed):
                return cls(name, None, np.unique(series.astype(np.float64)))
            return cls(name, None, is_coordinate=bool(indexed))
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
        """Return `n` values over the range of some numbers, or the categories among them.

        Of whole times there are all within the range that occur in any group.
        """
        if self.levels is not None:
            here = np.unique(self.positions(series)).astype(np.intp)
            return pd.Series([self.levels[k] for k in here], dtype=series.dtype)
        low, high = series.astype(np.float64).agg(["min", "max"])
        if self.times is not None:
            return pd.Series(self.times[(self.times >= low) & (self.times <= high)])
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
