"""Random-effects columns of which each row has one, by its index: times, places, individuals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats, Ints

__all__ = ["EffectColumns", "OneHot", "fed_by", "products", "turned"]


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
    """

    index: Ints
    size: int
    values: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.index), self.size

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Ints | Bools | slice) -> "OneHot":
        values = None if self.values is None else self.values[rows]
        return OneHot(self.index[rows], self.size, values)

    def times(self, share: float) -> "OneHot":
        """Return the columns multiplied by a number."""
        if share == 1.0:
            return self
        values = np.ones(len(self)) if self.values is None else self.values
        return OneHot(self.index, self.size, values * share)

    def weighted(self, rows: Floats) -> Floats:
        """Return rows, (n, ...), times what stands in the columns."""
        if self.values is None:
            return rows
        return rows * self.values.reshape(-1, *([1] * (rows.ndim - 1)))

    def toarray(self) -> Floats:
        """Return the columns, in Fortran order."""
        dense = np.zeros(self.shape, order="F")
        dense[np.arange(len(self)), self.index] = 1.0 if self.values is None else self.values
        return dense

    def __matmul__(self, other: Floats) -> Floats:
        return self.weighted(other[self.index])


EffectColumns = Floats | OneHot


def turned(z: EffectColumns, basis: Floats) -> EffectColumns:
    """Return effect columns times a basis, (k, k), of one-hot ones a multiple of the identity."""
    if isinstance(z, OneHot):
        return z.times(float(basis[0, 0]))
    is_identity = np.array_equal(basis, np.eye(len(basis)))
    return z if is_identity else np.asfortranarray(z @ basis)


def fed_by(z: EffectColumns, effects: Floats, codes: Ints) -> Floats:
    """Return what effects of their levels, (k, L), add to rows with these columns, (n,)."""
    if isinstance(z, OneHot):
        return z.weighted(effects[z.index, codes])
    return np.asarray(np.einsum("nc,cn->n", z, effects[:, codes]))


def products(z: EffectColumns, matrices: Sequence[Floats]) -> list[Floats]:
    """Return the columns, (n, k), times some matrices, (k, m) each."""
    return [z @ each for each in matrices]
