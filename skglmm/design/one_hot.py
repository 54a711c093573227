"""Random-effects columns of which each row has one, by its index: times, places, individuals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Bools, Floats, Ints

__all__ = ["EffectColumns", "OneHot", "effect_slots", "rows_with_effects", "turned", "used_in"]


@dataclass(frozen=True, eq=False)
class OneHot:
    """Indicator columns, (n, size), that are never made: a row has one effect of its level.

    Parameters
    ----------
    index : ndarray of intp, shape (n,)
        The effect of each row, in ``range(size)``.
    size : int
        Number of effects of a level; some may have no rows.
    values : ndarray, shape (n,), or None
        What stands in the columns in place of ones.
    new : ndarray, shape (m, d), or None
        Times or places that were not learned, of the last m effects.
    """

    index: Ints
    size: int
    values: Floats | None = None
    new: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.index), self.size

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Ints | Bools | slice) -> "OneHot":
        values = None if self.values is None else self.values[rows]
        return replace(self, index=self.index[rows], values=values)

    @property
    def n_known(self) -> int:
        """Number of the effects that were learned."""
        return self.size if self.new is None else self.size - len(self.new)

    @property
    def entries(self) -> Floats:
        """What stands in the column of each row's effect, (n,)."""
        return np.ones(len(self.index)) if self.values is None else self.values

    def times(self, share: float | Floats) -> "OneHot":
        """Return the columns multiplied by a number, or by one for each row."""
        if isinstance(share, float) and share == 1.0:
            return self
        return replace(self, values=self.entries * share)

    def toarray(self) -> Floats:
        """Return the columns, in Fortran order."""
        dense = np.zeros(self.shape, order="F")
        dense[np.arange(len(self.index)), self.index] = self.entries
        return dense


EffectColumns = Floats | OneHot


def turned(z: EffectColumns, basis: Floats) -> EffectColumns:
    """Return effect columns times a basis, (k, k), of one-hot ones a multiple of the identity."""
    if isinstance(z, OneHot):
        return z.times(float(basis[0, 0]))
    is_identity = np.array_equal(basis, np.eye(len(basis)))
    return z if is_identity else np.asfortranarray(z @ basis)


def used_in(z: EffectColumns, rows: Bools) -> EffectColumns:
    """Return effect columns with zeros in all other rows."""
    if isinstance(z, OneHot):
        return z.times(rows.astype(np.float64))
    return np.where(rows[:, None], z, 0.0)


def rows_with_effects(z: EffectColumns) -> Bools:
    """Return in which rows a column is not 0, (n,)."""
    if isinstance(z, OneHot):
        return np.asarray(z.entries != 0.0)
    return np.asarray(np.any(z != 0.0, axis=1))


def effect_slots(
    z: EffectColumns, predictors: Sequence[int]
) -> Iterator[tuple[int | Ints, Floats, int]]:
    """Yield effects of which each row has one, what they are multiplied by, and their predictor.

    The effects are a place for all rows or, of one-hot columns, one for each: ``b[place, level]``
    is what a row takes of effects b, (k, L).

    Parameters
    ----------
    z : ndarray, shape (n, k), or OneHot
    predictors : sequence of int, length k
        The linear predictor that each effect feeds.
    """
    if isinstance(z, OneHot):
        (predictor,) = set(predictors)  # all effects feed one
        yield z.index, z.entries, predictor
        return
    for c, k in enumerate(predictors):
        yield c, z[:, c], k
