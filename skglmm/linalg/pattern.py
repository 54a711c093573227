"""Sparse entries between levels and columns: their Gram matrix, and products on the pattern."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Floats, Ints
from skglmm.linalg.batched import LARGE, is_large
from skglmm.linalg.grouping import Grouping

__all__ = ["Pattern"]

DENSE_CHUNK = 2_000_000  # numbers in a dense slice of the entries: 16 MB
DENSE_RATE = 100.0  # multiply-adds of a dense product in the time of one scattered one
SPARSE_RATE = 200.0  # in the time of one of a sparse product
MEETINGS_MAX = 20_000_000  # listed meetings of one shard: their arrays stay below about 1 GB
MEETINGS_FEW = 50_000  # are listed in the time of a few sparse products
FEW = 16  # possible keys for each key that occurs, which then are counted in a list of them
HEAVY = 0.08  # share of the levels that a column meets from which on it counts as dense


class _Split(NamedTuple):
    """Entries of columns that meet many levels, and those of all others, level by level.

    Columns are numbered within each part.
    """

    heavy: Ints  # (n_heavy,) columns
    light: Ints  # (n_light,) columns
    dense: tuple[Ints, Ints, Ints]  # entries, levels and columns of the heavy ones
    sparse: tuple[Ints, Ints, Ints]  # entries, columns, and where levels begin, of the light ones
    turned: tuple[Ints, Ints, Ints]  # entries, levels, and where columns begin, of the light ones


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
    def _n_meetings(self) -> float:
        counts = np.bincount(self.levels, minlength=self.n_levels).astype(float)
        return float(counts @ counts)

    @cached_property
    def is_dense(self) -> bool:
        """Whether dense products are cheaper than lists of what meets in each level."""
        return self._beats_lists(DENSE_RATE)

    @cached_property
    def has_dense_gram(self) -> bool:
        """Whether a dense Gram matrix, which is half the work, is cheaper than such lists."""
        return self._beats_lists(2.0 * DENSE_RATE)

    def _beats_lists(self, rate: float) -> bool:
        dense = float(self.n_levels) * self.n_crossed**2
        return self._n_meetings > MEETINGS_MAX or self._n_meetings * rate > dense

    @cached_property
    def is_sparse(self) -> bool:
        """Whether sparse products are cheaper than dense ones, and than lists of what meets."""
        dense, n_meetings = float(self.n_levels) * self.n_crossed**2, self._n_meetings
        is_listed = n_meetings <= (MEETINGS_MAX if self.is_lasting else MEETINGS_FEW)
        return not is_listed and n_meetings * SPARSE_RATE < dense

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
            kind = _index_kind(len(self.levels))
            return slice(None), self.columns.astype(kind), starts.astype(kind)
        return self._rows

    @cached_property
    def _level_counts(self) -> Ints:
        return np.bincount(self.levels, minlength=self.n_levels)

    @cached_property
    def _neighbors(self) -> tuple[Ints, Ints, Ints]:
        """Entries of the level of each entry, level by level, and where those of the next begin.

        Between them the places of both in a matrix of the columns. An entry is among its own.
        """
        counts, own = np.bincount(self.levels, minlength=self.n_levels), self.levels[self.order]
        repeats = counts[own]
        ends = np.concatenate([[0], np.cumsum(repeats)])
        first = np.repeat((np.cumsum(counts) - counts)[own] - ends[:-1], repeats)
        others = self.order[first + np.arange(len(first))]
        columns = np.repeat(self.columns[self.order] * self.n_crossed, repeats)
        columns += self.columns[others]
        return others.astype(kind := _index_kind(ends[-1])), columns, ends.astype(kind)

    @cached_property
    def meetings(self) -> tuple[Ints, Ints, Ints, Grouping]:
        """Each pair of different entries that share a level, the lower column first.

        Behind them the distinct pairs of columns that they reach, in a matrix of the columns, and
        that of each meeting.
        """
        others, places, ends = self._neighbors
        once = places // self.n_crossed < places % self.n_crossed  # a level meets a column once
        left, right = np.repeat(self.order, np.diff(ends))[once], others[once].astype(np.intp)
        distinct, index = _distinct(places[once], self.n_crossed**2)
        return left, right, distinct, Grouping(index, len(distinct))

    @cached_property
    def _split(self) -> _Split:
        counts = np.bincount(self.columns, minlength=self.n_crossed)
        is_heavy = (counts > HEAVY * self.n_levels) & (self._n_meetings > MEETINGS_MAX)
        heavy, light = np.flatnonzero(is_heavy), np.flatnonzero(~is_heavy)
        number = np.empty(self.n_crossed, dtype=np.intp)
        number[heavy], number[light] = np.arange(len(heavy)), np.arange(len(light))
        many = np.flatnonzero(is_heavy[self.columns])
        few = self.order[~is_heavy[self.columns[self.order]]]
        turned = few[np.argsort(self.columns[few], kind="stable")]
        return _Split(
            heavy,
            light,
            (many, self.levels[many], number[self.columns[many]]),
            _rows_of(few, self.levels[few], number[self.columns[few]], self.n_levels),
            _rows_of(turned, number[self.columns[turned]], self.levels[turned], len(light)),
        )

    @cached_property
    def _rows(self) -> tuple[Ints, Ints, Ints]:
        """All entries, level by level, with their columns, and where each level begins."""
        levels, columns = self.levels[self.order], self.columns[self.order]
        return _rows_of(self.order, levels, columns, self.n_levels)

    def _slices(self, width: int) -> Iterator[tuple[slice, Ints]]:
        """Ranges of levels whose dense rows stay small, with their entries."""
        step = max(1, DENSE_CHUNK // max(1, self.n_crossed * width))
        cuts = np.arange(0, self.n_levels + step, step)
        ends = np.searchsorted(self.levels[self.order], cuts)
        for start, first, last in zip(cuts, ends, ends[1:], strict=False):
            levels = slice(int(start), min(int(start) + step, self.n_levels))
            yield levels, self.order[first:last]

    def _dense(self, values: Floats, levels: slice, entries: Ints) -> Floats:
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
            order = np.argsort(np.concatenate([self._split.heavy, self._split.light]))
            for row in values:
                product = self._products(row, row)
                out -= product[order[:, None], order] if len(self._split.heavy) else product
        elif self.has_dense_gram:
            for levels, entries in self._slices(len(values)):
                rows = self._dense(values, levels, entries)
                out -= rows.T @ rows
        else:
            self._subtract_listed(values, out)

    def _subtract_listed(self, values: Floats, out: Floats) -> None:
        left, right, distinct, groups = self.meetings
        product = values[0][left] * values[0][right]
        for row in values[1:]:
            product += row[left] * row[right]
        out.reshape(-1)[distinct] -= groups.sum(product)
        every = np.arange(self.n_crossed)
        out[every, every] -= self.by_column(np.einsum("ce,ce->e", values, values))

    def _products(self, left: Floats, right: Floats) -> Floats:
        """Products of two rows of entries, (m,), summed over the levels: heavy columns first."""
        split = self._split
        n_heavy = len(split.heavy)
        few = _matrix(left, split.turned, self.n_levels)
        other = _matrix(right, split.sparse, len(split.light))
        if not n_heavy:
            return np.asarray((few @ other).toarray())
        one, theirs = (self._dense_part(row) for row in (left, right))
        found = np.empty((self.n_crossed, self.n_crossed))
        found[:n_heavy, :n_heavy] = one.T @ theirs
        found[n_heavy:, n_heavy:] = (few @ other).toarray()
        found[n_heavy:, :n_heavy] = few @ theirs
        if left is right:
            found[:n_heavy, n_heavy:] = found[n_heavy:, :n_heavy].T
        else:
            found[:n_heavy, n_heavy:] = (_matrix(right, split.turned, self.n_levels) @ one).T
        return found

    def _dense_part(self, row: Floats) -> Floats:
        """Entries of the heavy columns, (n_levels, n_heavy)."""
        split = self._split
        entries, levels, columns = split.dense
        found = np.zeros((self.n_levels, len(split.heavy)))
        found[levels, columns] = row[entries]
        return found

    def _with_heavy_first(self, crossed: Floats) -> Floats:
        """A matrix of the crossed columns, (n_crossed, n_crossed), in the order of `_products`."""
        split = self._split
        if not len(split.heavy):
            return crossed
        order = np.concatenate([split.heavy, split.light])
        return np.asarray(crossed[order[:, None], order])

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
        found, crossed = np.zeros((size, size)), self._with_heavy_first(crossed)
        rows = list(values)  # views that are known again
        for a, left in enumerate(rows):
            for b in range(a, size):
                product = np.vdot(crossed, self._products(left, rows[b]))
                found[a, b] = found[b, a] = product
        return found

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
                product = _matrix(row, self._rows, self.n_crossed) @ crossed
                out[a] = product[self.levels, self.columns]
            return out
        if self.is_dense:
            for levels, entries in self._slices(len(values)):
                rows = self._dense(values, levels, entries) @ crossed
                places = self.levels[entries] - levels.start, self.columns[entries]
                out[:, entries] = rows.reshape(len(values), -1, self.n_crossed)[:, *places]
            return out
        others, keys, ends = self._neighbors
        parts: Any = (crossed.reshape(-1)[keys], others, ends)
        matrix = csr_array(parts, shape=(values.shape[1], values.shape[1]))
        for a, row in enumerate(values):
            out[a, self.order] = matrix @ row
        return out

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


def _rows_of(entries: Ints, rows: Ints, columns: Ints, size: int) -> tuple[Ints, Ints, Ints]:
    """Entries in the order of their rows, with their columns, and where each row begins."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=size))])
    kind = _index_kind(len(entries))
    return entries, columns.astype(kind), starts.astype(kind)


def _index_kind(largest: int) -> type[np.signedinteger[Any]]:
    """Kind of the indices of a sparse matrix: short ones are what SciPy is fastest with."""
    return np.int32 if largest <= np.iinfo(np.int32).max else np.int64


def _distinct(keys: Ints, size: int) -> tuple[Ints, Ints]:
    """Return the distinct keys, below `size`, and the number of each key among them."""
    if size > FEW * max(len(keys), 1):
        distinct, index = np.unique(keys, return_inverse=True)
        return distinct, index
    distinct = np.flatnonzero(np.bincount(keys, minlength=size))
    number = np.empty(size, dtype=np.intp)
    number[distinct] = np.arange(len(distinct))
    return distinct, number[keys]
