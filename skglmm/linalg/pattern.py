"""Sparse entries between levels and columns: their Gram matrix, and products on the pattern."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Floats, Ints
from skglmm.linalg.batched import LARGE, is_large
from skglmm.linalg.grouping import Grouping
from skglmm.linalg.meetings import index_kind
from skglmm.linalg.split import Split, rows_of

__all__ = ["Pattern"]

DENSE_CHUNK = 2_000_000  # numbers in a dense slice of the entries: 16 MB
# Nanoseconds: of a multiply-add of a dense Gram matrix, and of a dense product; of one with an
# entry whose column is light; of two entries that meet, in a list, and in a sparse product.
SYRK, GEMM, ACROSS, LISTED, SPARSE = 0.04, 0.05, 1.0, 8.0, 24.0
FILLED = 2.0  # of a number of a matrix that is filled from sparse ones
MEETINGS_MAX = 10_000_000  # listed meetings of one shard: their arrays stay below about 500 MB
MEETINGS_FEW = 2_000_000  # are listed in the time of a few sparse products
SHARES = (0.3, 0.15, 0.08, 0.04, 0.02)  # of the levels, from which on a column may count as heavy


class _Cut(NamedTuple):
    """Columns that count as dense, and what work with all others is left then."""

    heavy: Ints
    n_meetings: float
    dense: float  # nanoseconds of a Gram matrix, beside what meets


@dataclass(frozen=True)
class Pattern:
    """Sparsity pattern between the levels of a nested factor and the columns of crossed ones.

    Parameters
    ----------
    levels, columns : ndarray of int, shape (m,)
        The level and the crossed column of each entry.
    n_levels, n_crossed : int
        Number of levels, and of columns of the crossed factors.
    is_lasting : bool
        Whether it is used so often that lists of what meets pay for the time to make them.
    """

    levels: Ints
    columns: Ints
    n_levels: int
    n_crossed: int
    is_lasting: bool = field(default=True)

    @cached_property
    def is_full(self) -> bool:
        """Whether each level meets each column, column by column in the order of the levels."""
        if not len(self.levels) or len(self.levels) != self.n_levels * self.n_crossed:
            return False
        levels = np.tile(np.arange(self.n_levels), self.n_crossed)
        columns = np.repeat(np.arange(self.n_crossed), self.n_levels)
        return np.array_equal(self.levels, levels) and np.array_equal(self.columns, columns)

    @cached_property
    def is_dense(self) -> bool:
        """Whether dense products are cheaper than lists of what meets in each level."""
        return not self._is_listed or GEMM * self._dense < self._cost(LISTED)

    @cached_property
    def has_dense_gram(self) -> bool:
        """Whether a dense Gram matrix, which is half the work, is cheaper than such lists."""
        return not self._is_listed or SYRK * self._dense < self._cost(LISTED)

    @cached_property
    def is_sparse(self) -> bool:
        """Whether sparse products are cheaper than dense ones, and lists of what meets too long."""
        filled = FILLED * self.n_crossed**2
        return not self._is_listed and self._cost(SPARSE) + filled < SYRK * self._dense

    @property
    def _dense(self) -> float:
        return float(self.n_levels) * self.n_crossed**2

    @cached_property
    def _is_listed(self) -> bool:
        most = MEETINGS_MAX if self.is_lasting else MEETINGS_FEW
        return self._best(LISTED).n_meetings <= most

    def _cost(self, rate: float) -> float:
        best = self._best(rate)
        return best.dense + rate * best.n_meetings

    def _best(self, rate: float) -> _Cut:
        return min(self._cuts, key=lambda cut: cut.dense + rate * cut.n_meetings)

    @cached_property
    def _cuts(self) -> list[_Cut]:
        """What columns may be taken as dense: none, or those that meet a share of the levels."""
        found: list[_Cut] = []
        counts = np.bincount(self.columns, minlength=self.n_crossed)
        for share in (1.0, *SHARES):
            is_heavy = counts > share * self.n_levels
            n_heavy = int(is_heavy.sum())
            if found and n_heavy in (len(found[-1].heavy), self.n_crossed):
                continue
            light = self.levels[~is_heavy[self.columns]] if n_heavy else self.levels
            met = np.bincount(light, minlength=self.n_levels).astype(np.float64)
            dense = n_heavy * (SYRK * n_heavy * self.n_levels + ACROSS * len(light))
            n_meetings = 0.5 * float(met @ met - met.sum())
            found.append(_Cut(np.flatnonzero(is_heavy), n_meetings, dense))
        return found

    def _split_at(self, rate: float) -> Split:
        shape = (self.n_levels, self.n_crossed)
        return Split(self.levels, self.columns, shape, self._best(rate).heavy)

    @cached_property
    def _lists(self) -> Split:
        """The entries as lists of what meets take them."""
        return self._split_at(LISTED)

    @cached_property
    def _sparse(self) -> Split:
        """The entries as sparse products take them."""
        return self._split_at(SPARSE)

    @cached_property
    def _by_level(self) -> Grouping:
        return Grouping(self.levels, self.n_levels)

    @cached_property
    def _by_column(self) -> Grouping:
        return Grouping(self.columns, self.n_crossed)

    @cached_property
    def order(self) -> Ints:
        """The entries, level by level."""
        return np.argsort(self.levels, kind="stable")

    @cached_property
    def compressed(self) -> tuple[Ints | slice, Ints, Ints]:
        """The entries level by level, their columns, and where each level begins: as SciPy has it.

        Entries that are in this order already are a slice.
        """
        if np.all(self.levels[1:] >= self.levels[:-1]):
            starts = np.concatenate([[0], np.cumsum(self._level_counts)])
            kind = index_kind(len(self.levels))
            return slice(None), self.columns.astype(kind), starts.astype(kind)
        return self._rows

    @cached_property
    def _level_counts(self) -> Ints:
        return np.bincount(self.levels, minlength=self.n_levels)

    @cached_property
    def _rows(self) -> tuple[Ints, Ints, Ints]:
        """All entries, level by level, with their columns, and where each level begins."""
        levels, columns = self.levels[self.order], self.columns[self.order]
        return rows_of(self.order, levels, columns, self.n_levels)

    def _slices(self, width: int) -> Iterator[tuple[slice, Ints]]:
        """Ranges of levels whose dense rows stay small, with their entries."""
        step = max(1, DENSE_CHUNK // max(1, self.n_crossed * width))
        cuts = np.arange(0, self.n_levels + step, step)
        ends = np.searchsorted(self.levels[self.order], cuts)
        for start, first, last in zip(cuts, ends, ends[1:], strict=False):
            levels = slice(int(start), min(int(start) + step, self.n_levels))
            yield levels, self.order[first:last]

    def _dense_rows(self, values: Floats, levels: slice, entries: Ints) -> Floats:
        rows = np.zeros((len(values), levels.stop - levels.start, self.n_crossed))
        rows[:, self.levels[entries] - levels.start, self.columns[entries]] = values[:, entries]
        return rows.reshape(-1, self.n_crossed)

    def _full(self, values: Floats) -> Floats:
        """Entries of a full pattern, (k, m), as (k, n_crossed, n_levels)."""
        return values.reshape(len(values), self.n_crossed, self.n_levels)

    def _flat(self, values: Floats) -> Floats:
        """Entries of a full pattern, (k, m), as (n_crossed, k * n_levels)."""
        return np.swapaxes(self._full(values), 0, 1).reshape(self.n_crossed, -1)

    def subtract_gram(self, values: Floats, out: Floats) -> None:
        """Subtract the upper triangle of the Gram matrix of entries `values`, (k, m), in place.

        What becomes of the lower triangle of `out` is not defined.
        """
        if not values.size:
            return
        if self.is_full and len(values) >= LARGE:
            rows = self._flat(values)
            out -= rows @ rows.T
        elif self.is_full:
            for row in self._full(values):
                out -= row @ row.T
        elif self.is_sparse:
            self._sparse.subtract_products(values, out)
        elif self.has_dense_gram:
            for levels, entries in self._slices(len(values)):
                rows = self._dense_rows(values, levels, entries)
                out -= rows.T @ rows
        else:
            self._lists.subtract_gram(values, out)

    def sums_of_squares(self, values: Floats, crossed: Floats) -> Floats:
        """Return ``values @ crossed @ values.T`` summed over the levels, (k, k).

        Parameters
        ----------
        values : ndarray, shape (k, m)
            Entries.
        crossed : ndarray, shape (n_crossed, n_crossed)
            Symmetric.
        """
        size = len(values)
        if self.is_full and size >= LARGE:
            return np.asarray(values @ self.times(values, crossed).T)
        if self.is_full:
            full = self._full(values)
            return np.array([[np.vdot(crossed @ right, left) for right in full] for left in full])
        if not self.is_sparse:
            return np.asarray(values @ self.times(values, crossed).T)
        return self._sparse.sums_of_squares(values, crossed)

    def times(self, values: Floats, crossed: Floats) -> Floats:
        """Entries of ``values @ crossed`` on the pattern, (k, m), for a symmetric `crossed`."""
        out = np.empty_like(values)
        if not values.size:
            return out
        if self.is_full and len(values) >= LARGE:
            found = (crossed @ self._flat(values)).reshape(self.n_crossed, len(values), -1)
            return np.swapaxes(found, 0, 1).reshape(values.shape)
        if self.is_full:
            return np.asarray((crossed @ self._full(values)).reshape(values.shape))
        if self.is_sparse:
            for a, row in enumerate(values):
                matrix = _matrix(row, self._rows, self.n_crossed)
                for levels, entries in self._slices(1):
                    product = matrix[levels] @ crossed
                    places = self.levels[entries] - levels.start, self.columns[entries]
                    out[a, entries] = product[places]
            return out
        if self.is_dense:
            for levels, entries in self._slices(len(values)):
                rows = self._dense_rows(values, levels, entries) @ crossed
                places = self.levels[entries] - levels.start, self.columns[entries]
                out[:, entries] = rows.reshape(len(values), -1, self.n_crossed)[:, *places]
            return out
        return self._lists.times(values, crossed)

    def by_level(self, values: Floats) -> Floats:
        """Sum entries `values`, (..., m), over each level: shape (..., n_levels)."""
        if self.is_full:
            shape = (*values.shape[:-1], self.n_crossed, self.n_levels)
            return np.asarray(values.reshape(shape).sum(axis=-2))
        return self._by_level.sum(values)

    def products_by_level(self, left: Floats, right: Floats) -> Floats:
        """Products ``left @ right.T`` of entries, (k, m) each, of each level: (k, k, n_levels)."""
        if not is_large(len(left), self.n_levels):
            return self.by_level(left[:, None] * right[None])
        found = np.empty((self.n_levels, len(left), len(right)))
        ends = np.cumsum(np.bincount(self.levels, minlength=self.n_levels))
        for out, own in zip(found, np.split(self.order, ends[:-1]), strict=True):
            np.matmul(left[:, own], right[:, own].T, out=out)
        return np.moveaxis(found, 0, -1)

    def by_column(self, values: Floats) -> Floats:
        """Sum entries `values`, (m,), over each column: shape (n_crossed,)."""
        if self.is_full:
            return np.asarray(values.reshape(self.n_crossed, self.n_levels).sum(axis=1))
        return self._by_column.sum(values)


def _matrix(row: Floats, parts: tuple[Ints, Ints, Ints], n_columns: int) -> csr_array:
    """Some entries, in an order, with their columns, and where the rows of the matrix begin."""
    entries, columns, ends = parts
    return csr_array((row[entries], columns, ends), shape=(len(ends) - 1, n_columns))
