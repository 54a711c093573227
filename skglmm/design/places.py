"""Times and places of the rows: each distinct one is an effect of every level."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Floats, Ints
from skglmm.design.columns import Labels, kind_of, missing, numbers, pick
from skglmm.exceptions import DesignError

__all__ = ["Places"]

SHOWN = 5  # levels that a message lists
_UNORDERED = {"text", "date"}
_TIME, _COORDINATE = "column of times", "coordinate column"


@dataclass(frozen=True, eq=False)
class Places:
    """The distinct times or places of a data frame, and the number of each.

    Parameters
    ----------
    columns : tuple of str, length d
        Of coordinates, or one of times.
    points : ndarray, shape (q, d)
        Those that occur, in order: times increase. Those of later rows follow.
    labels : Labels or None
        Levels of a category of times, which count from 0, those without rows among them.
    are_whole : bool
        Whether points are whole times, of which nothing is known in between.
    """

    columns: tuple[str, ...]
    points: Floats
    labels: Labels | None = None
    are_whole: bool = False

    @classmethod
    def of_times(cls, frame: pd.DataFrame, column: str, word: str) -> "Places":
        """Learn times: whole numbers, or levels of a category, which are equal steps apart.

        Parameters
        ----------
        frame : DataFrame
        column : str
        word : str
            Of the structure, for messages.
        """
        series = pick(frame, column)
        missing(series, _TIME)
        if isinstance(series.dtype, pd.CategoricalDtype):
            labels = Labels.of(series.cat.categories)
            codes = labels.codes(series, _TIME).astype(np.float64)
            return cls._learn((column,), codes[:, None], word, labels, are_whole=True)
        if kind_of(series) in _UNORDERED:
            shown = ", ".join(map(repr, sorted(map(str, series.unique()))[:SHOWN]))
            msg = (
                f"{_TIME} {column!r} holds {kind_of(series)} values, which have no order: sorted "
                f"they are {shown}; make it a pd.Categorical with ordered=True and all levels in "
                "order, or whole numbers"
            )
            raise DesignError(msg)
        if kind_of(series) == "datetime":
            msg = (
                f"{_TIME} {column!r} holds datetime values, which tell not how long a step is; "
                f"count days, as in (X[{column!r}] - X[{column!r}].min()).dt.days, or months, or "
                "years"
            )
            raise DesignError(msg)
        times = numbers(series, _TIME)
        broken = times != np.round(times)
        if broken.any():
            row = int(np.argmax(broken))
            msg = (
                f"{word}() takes whole times, and {_TIME} {column!r} holds {times[row]:g} in row "
                f"{row}; ou(0 + {column} | g) takes any numbers, and levels of an ordered "
                "category are equal steps apart"
            )
            raise DesignError(msg)
        return cls._learn((column,), times[:, None], word, are_whole=True)

    @classmethod
    def of_points(cls, frame: pd.DataFrame, columns: Sequence[str], word: str) -> "Places":
        """Learn the distinct points of numeric columns."""
        return cls._learn(tuple(columns), _coordinates(frame, columns, _COORDINATE), word)

    @classmethod
    def _learn(
        cls,
        columns: tuple[str, ...],
        points: Floats,
        word: str,
        labels: Labels | None = None,
        *,
        are_whole: bool = False,
    ) -> "Places":
        found = np.unique(points + 0.0, axis=0)  # -0.0 is 0.0
        if len(found) < 2:
            what = " and ".join(map(repr, columns))
            value = ", ".join(f"{x:g}" for x in found[0])
            shown = value if labels is None else repr(labels.values[int(found[0, 0])])
            msg = (
                f"{word}() needs two or more times or places, and {what} holds {shown} in all rows"
            )
            raise DesignError(msg)
        return cls(columns, found, labels, are_whole)

    @property
    def joint_name(self) -> str:
        """Name of all effects together, in those of parameters: ``t``."""
        return ", ".join(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the effects: ``t[3]``."""
        return self.names_of(self.points)

    def names_of(self, points: Floats) -> tuple[str, ...]:
        """Return the names of effects at points, shape (m, d), which are different."""
        head = self.joint_name if len(self.columns) == 1 else f"({self.joint_name})"
        if self.labels is not None:
            values = self.labels.values[points[:, 0].astype(np.intp)]
            return tuple(f"{head}[{value}]" for value in values)
        short = [", ".join(f"{x:g}" for x in point) for point in points.tolist()]
        if len(set(short)) < len(short):
            short = [", ".join(map(repr, point)) for point in points.tolist()]
        return tuple(f"{head}[{text}]" for text in short)

    @property
    def are_evenly_spaced(self) -> bool:
        """Whether times follow each other in equal steps, without a gap."""
        gaps = np.diff(self.points[:, 0])
        is_even = bool(np.all(gaps == gaps[0]))
        return is_even and (self.labels is None or gaps[0] == 1.0)

    def read(self, frame: pd.DataFrame) -> Floats:
        """Return the point of each row, shape (n, d), of the learned ones and of others.

        Raises
        ------
        DesignError
            When a column is unknown, misses values, or has a level of no known time.
        """
        if self.labels is None:
            role = _TIME if self.are_whole else _COORDINATE
            return _coordinates(frame, self.columns, role) + 0.0
        series = pick(frame, self.columns[0])
        codes = self.labels.codes(series, _TIME)
        if (codes < 0).any():
            msg = (
                f"{_TIME} {self.columns[0]!r} has levels of which fit knows no time, "
                f"{_listed(pd.unique(series[codes < 0]).tolist())}; known are "
                f"{_listed(self.labels.values.tolist())}"
            )
            raise DesignError(msg)
        return codes[:, None].astype(np.float64)

    def extended(self, frame: pd.DataFrame) -> "Places":
        """Return the points with those of other rows that are new after them, in order."""
        points = self.read(frame)
        fresh = points[self.index_of(points) < 0]
        if not len(fresh):
            return self
        return replace(self, points=np.concatenate([self.points, np.unique(fresh, axis=0)]))

    def index(self, frame: pd.DataFrame) -> Ints:
        """Return the time or place of each row, shape (n,); -1 for what was not learned."""
        return self.index_of(self.read(frame))

    def index_of(self, points: Floats) -> Ints:
        """Return the number of each point, shape (m, d); -1 for those that were not learned."""
        known = pd.MultiIndex.from_arrays(list(self.points.T))
        found = known.get_indexer(pd.MultiIndex.from_arrays(list(points.T)))
        return np.asarray(found, dtype=np.intp)


def _coordinates(frame: pd.DataFrame, columns: Sequence[str], role: str) -> Floats:
    found = [numbers(pick(frame, name), role) for name in columns]
    return np.column_stack(found)


def _listed(names: Collection[Any]) -> str:
    shown = ", ".join(map(repr, list(names)[:SHOWN]))
    return shown + (f" … ({len(names)} in all)" if len(names) > SHOWN else "")
