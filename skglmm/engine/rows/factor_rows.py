"""Levels and effects of one grouping factor in the rows of a shard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.linalg import Grouping

__all__ = ["NO_CODES", "AnyFactorRows", "FactorRows", "OneHotRows", "times"]

NO_ROWS = np.zeros(0)
NO_CODES = np.zeros(0, dtype=np.intp)

Slot = tuple[int | slice, int, Floats | None]  # places of effects, predictor, what multiplies these


@dataclass(frozen=True)
class FactorRows:
    """Levels and random-effects columns of one grouping factor, for the rows of a shard.

    Parameters
    ----------
    grouping : Grouping
        Rows to levels; levels of a factor of the chain are numbered within the shard.
    columns : tuple of ndarray of shape (n,), or None
        The random-effects columns; None stands for a column of ones.
    predictors : tuple of int
        The linear predictor that each column feeds.
    stacked : mapping from int to ndarray, shape (n, m), or None
        All columns that feed each predictor, where they are at hand as one matrix.
    """

    grouping: Grouping
    columns: tuple[Floats | None, ...]
    predictors: tuple[int, ...]
    stacked: Mapping[int, Floats] | None = None

    @property
    def n_columns(self) -> int:
        """Number of effects of a level."""
        return len(self.columns)

    @property
    def is_alone(self) -> bool:
        """Whether all rows are of one level: their sums are products of matrices."""
        return self.grouping.size == 1

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Effects of which a row has one each, the predictor they feed, and their column."""
        return tuple(
            (c, k, z) for c, (z, k) in enumerate(zip(self.columns, self.predictors, strict=True))
        )

    def sums(self, rows: Mapping[int, Floats] | Sequence[Floats] | Floats) -> Floats:
        """Sums of z times a row of its predictor over the rows of each level, (k, L)."""
        pairs = zip(self.columns, self.predictors, strict=True)
        found = [self.grouping.sum(times(rows[k], z)) for z, k in pairs]
        return found[0][None] if len(found) == 1 else np.stack(found)

    def add_to(self, found: list[Floats | None], effects: Floats) -> None:
        """Add what effects, (k, L), add to each predictor; None stays where they are zero."""
        for column, k, effect in zip(self.columns, self.predictors, effects, strict=True):
            if not effect.any():
                continue
            part, before = self.grouping.spread(effect), found[k]
            if column is not None:
                part *= column
            if before is not None:
                part += before
            found[k] = part

    @cached_property
    def matrices(self) -> dict[int, tuple[Ints, Floats]]:
        """Places of the columns that feed each predictor, and these columns, (n, m)."""
        one, found = np.ones(len(self.grouping.codes)), {}
        for k in sorted(set(self.predictors)):
            places = np.flatnonzero(np.array(self.predictors) == k)
            if self.stacked is not None:
                found[k] = places, self.stacked[k]
                continue
            columns = [self.columns[c] for c in places]
            found[k] = places, np.stack([one if z is None else z for z in columns]).T
        return found

    def without_rows(self, n_levels: int) -> "FactorRows":
        """Return a factor with these columns, as many levels, and no rows."""
        columns = tuple(NO_ROWS for _ in self.columns)
        grouping = Grouping(NO_CODES, n_levels)
        return replace(self, grouping=grouping, columns=columns, stacked=None)


@dataclass(frozen=True)
class OneHotRows:
    """Levels of one grouping factor, and the effect of its level that each row of a shard has.

    Parameters
    ----------
    grouping : Grouping
        Rows to levels, see `FactorRows`.
    index : ndarray of int, shape (n,)
        Rows to effects of their level.
    n_columns : int
        Number of effects of a level.
    predictor : int
        The linear predictor that they feed.
    values : ndarray, shape (n,), or None
        What multiplies the effect of a row.
    """

    grouping: Grouping
    index: Ints
    n_columns: int
    predictor: int
    values: Floats | None = None

    @property
    def is_alone(self) -> bool:
        """Whether all rows are of one level."""
        return self.grouping.size == 1

    @property
    def predictors(self) -> tuple[int, ...]:
        """The linear predictor that each effect feeds."""
        return (self.predictor,) * self.n_columns

    @property
    def columns(self) -> tuple[Floats, ...]:
        """The columns as they are never stored: for what takes a few effects one by one."""
        ones = np.ones(len(self.index)) if self.values is None else self.values
        return tuple(np.where(self.index == c, ones, 0.0) for c in range(self.n_columns))

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """All effects are one slot, see `FactorRows`."""
        return ((slice(None), self.predictor, self.values),)

    @cached_property
    def cells(self) -> Grouping:
        """Rows to entries of arrays (k, L): their effect and level."""
        size = self.grouping.size
        return Grouping(self.index * size + self.grouping.codes, self.n_columns * size)

    def sums(self, rows: Mapping[int, Floats] | Sequence[Floats] | Floats) -> Floats:
        """Sums of a row of the predictor over the rows of each effect, (k, L)."""
        found = self.cells.sum(times(rows[self.predictor], self.values))
        return found.reshape(self.n_columns, -1)

    def add_to(self, found: list[Floats | None], effects: Floats) -> None:
        """Add what effects, (k, L), add to the predictor; None stays where they are zero."""
        if not effects.any():
            return
        part, before = self.cells.spread(effects.reshape(-1)), found[self.predictor]
        if self.values is not None:
            part *= self.values
        if before is not None:
            part += before
        found[self.predictor] = part

    def without_rows(self, n_levels: int) -> "OneHotRows":
        """Return a factor with these effects, as many levels, and no rows."""
        return replace(self, grouping=Grouping(NO_CODES, n_levels), index=NO_CODES, values=None)


AnyFactorRows = FactorRows | OneHotRows


def times(row: Floats, column: Floats | None) -> Floats:
    """Return a row times a column, of which None is ones."""
    return row if column is None else row * column
