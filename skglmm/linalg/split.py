"""Entries of columns that meet many levels, which are dense, and of all others, which are not."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Bools, Floats, Ints
from skglmm.linalg.meetings import Meetings, index_kind

__all__ = ["Split", "rows_of"]

CHUNK = 2_000_000  # numbers in a dense slice of the entries: 16 MB
FEW = 32  # heavy columns whose products are taken where entries are, not in a dense matrix

Rows = tuple[Ints, Ints, Ints]  # entries, their columns, and where each row begins


class _Slice(NamedTuple):
    """A range of levels with its entries of heavy columns, and of light ones."""

    levels: slice
    many: Ints
    places: Ints  # of the former in the dense rows
    few: Ints


@dataclass(frozen=True)
class Split:
    """Entries between levels and columns, of which some columns are heavy, the others light.

    Parameters
    ----------
    levels, columns : ndarray of int, shape (m,)
        The level and the column of each entry.
    shape : (int, int)
        Numbers of levels and of columns.
    heavy : ndarray of int, shape (n_heavy,)
        Columns whose entries are taken as dense, in order.
    """

    levels: Ints
    columns: Ints
    shape: tuple[int, int]
    heavy: Ints

    @cached_property
    def light(self) -> Ints:
        """The other columns."""
        return np.flatnonzero(~self._is_heavy)

    @cached_property
    def _is_heavy(self) -> Bools:
        found = np.zeros(self.shape[1], dtype=np.bool_)
        found[self.heavy] = True
        return found

    @cached_property
    def _number(self) -> Ints:
        """Number of each column among the heavy, or the light ones."""
        found = np.empty(self.shape[1], dtype=np.intp)
        for part in (self.heavy, self.light):
            found[part] = np.arange(len(part))
        return found

    @cached_property
    def _order(self) -> Ints:
        """Entries level by level, in the order of columns within each."""
        return np.lexsort((self.columns, self.levels))

    @cached_property
    def many(self) -> Ints:
        """Entries of heavy columns, level by level."""
        return self._order[self._is_heavy[self.columns[self._order]]]

    @cached_property
    def few(self) -> Ints:
        """Entries of light columns, level by level."""
        return self._order[~self._is_heavy[self.columns[self._order]]]

    @cached_property
    def _by_level(self) -> Rows:
        """Those of light columns, which are numbered among themselves."""
        columns = self._number[self.columns[self.few]]
        return rows_of(self.few, self.levels[self.few], columns, self.shape[0])

    @cached_property
    def _by_column(self) -> Rows:
        """The same column by column, with their levels."""
        numbers = self._number[self.columns[self.few]]
        order = np.argsort(numbers, kind="stable")
        entries = self.few[order]
        return rows_of(entries, numbers[order], self.levels[entries], len(self.light))

    @cached_property
    def meetings(self) -> Meetings:
        """Entries of light columns that share a level."""
        return Meetings.of(self.levels[self.few], self.columns[self.few], self.shape[1])

    @cached_property
    def _slices(self) -> list[_Slice]:
        """Ranges of levels whose dense rows stay small."""
        n, n_heavy = self.shape[0], len(self.heavy)
        step = max(1, CHUNK // self.shape[1])
        starts = np.arange(0, n, step)
        cuts = np.append(starts, n)
        many, few = (np.searchsorted(self.levels[each], cuts) for each in (self.many, self.few))
        found = []
        for k, start in enumerate(starts):
            some, rest = self.many[many[k] : many[k + 1]], self.few[few[k] : few[k + 1]]
            places = (self.levels[some] - start) * n_heavy + self._number[self.columns[some]]
            levels = slice(int(start), int(cuts[k + 1]))
            found.append(_Slice(levels, some, places, rest))
        return found

    def _dense(self, row: Floats, part: _Slice) -> Floats:
        """Entries of the heavy columns in a range of levels, (n, n_heavy)."""
        found = np.zeros((part.levels.stop - part.levels.start, len(self.heavy)))
        found.reshape(-1)[part.places] = row[part.many]
        return found

    def subtract_gram(self, values: Floats, out: Floats) -> None:
        """Subtract the Gram matrix of entries, (k, m), with lists of what meets, in place.

        Only the upper triangle of `out` is of use.
        """
        flat, found = out.reshape(-1), self.meetings
        flat[found.places] = flat.take(found.places) - found.sums(values.take(self.few, axis=1))
        squares = np.einsum("ce,ce->e", values, values)
        every = np.arange(len(out))
        out[every, every] -= np.bincount(self.columns, squares * self._is_light, len(out))
        if not len(self.heavy):
            return
        for row in values:
            own, across = self._heavy_products(row, row)
            out[self.heavy[:, None], self.heavy] -= own
            out[self.light[:, None], self.heavy] -= across
            out[self.heavy[:, None], self.light] -= across.T

    @cached_property
    def _is_light(self) -> Bools:
        return ~self._is_heavy[self.columns]

    def _heavy_products(self, left: Floats, right: Floats) -> tuple[Floats, Floats]:
        """Products of `left` with the heavy entries of `right`: of heavy, and of light columns."""
        n_heavy = len(self.heavy)
        own, across = np.zeros((n_heavy, n_heavy)), np.zeros((len(self.light), n_heavy))
        for part in self._slices:
            theirs = self._dense(right, part)
            mine = theirs if left is right else self._dense(left, part)
            own += mine.T @ theirs  # of the same array it is half the work
            across += self._light(left, part.levels).T @ theirs
        return own, across

    def _light(self, row: Floats, levels: slice) -> csr_array:
        """Entries of the light columns in a range of levels, (n, n_light)."""
        entries, columns, starts = self._by_level
        starts = starts[levels.start : levels.stop + 1]
        own = slice(int(starts[0]), int(starts[-1]))
        parts = (row[entries[own]], columns[own], starts - starts[0])
        return csr_array(parts, shape=(levels.stop - levels.start, len(self.light)))

    def times(self, values: Floats, crossed: Floats) -> Floats:
        """Entries of ``values @ crossed`` on the pattern, (k, m), with lists of what meets."""
        between = crossed.reshape(-1).take(self.meetings.places)
        found = values * (np.diagonal(crossed)[self.columns] * self._is_light)
        found[:, self.few] += self.meetings.spread(values.take(self.few, axis=1), between)
        if not len(self.heavy):
            return found
        rows = np.ascontiguousarray(crossed[self.heavy])
        light = np.ascontiguousarray(rows[:, self.light].T)
        for out, row in zip(found, values, strict=True):
            for part in self._slices:
                self._add_heavy(out, row, part, rows, light)
        return found

    def _add_heavy(
        self, out: Floats, row: Floats, part: _Slice, rows: Floats, light: Floats
    ) -> None:
        """Add what a range of levels has of the heavy rows of a matrix, and of these columns."""
        start, dense = part.levels.start, self._dense(row, part)
        levels, numbers = self.levels[part.few] - start, self._number[self.columns[part.few]]
        if len(rows) <= FEW:
            mine, theirs = dense.take(levels, axis=0), light.take(numbers, axis=0)
            products = np.einsum("eh,eh->e", mine, theirs)
        else:
            products = (dense @ light.T)[levels, numbers]
        out[part.few] += products
        across = dense @ rows[:, self.heavy] + self._light(row, part.levels) @ light
        out[part.many] += across.reshape(-1).take(part.places)

    def products(self, left: Floats, right: Floats) -> Iterator[tuple[slice, Floats]]:
        """Return products of entries, (m,) each, summed over the levels: rows by rows.

        Without lists of what meets.

        Yields
        ------
        rows : slice
        block : ndarray, shape (n_rows, n_columns)
            Those rows of the matrix of the columns; of ``left is right`` from the first of these
            columns on.
        """
        n, n_heavy, is_same = self.shape[1], len(self.heavy), left is right
        light = csr_array(_values(left, self._by_column), shape=(len(self.light), self.shape[0]))
        other = csr_array(_values(right, self._by_level), shape=(self.shape[0], len(self.light)))
        found = np.asarray((light @ other).toarray(), dtype=np.float64)
        if n_heavy:
            rest, found = found, np.empty((n, n))
            found[n_heavy:, n_heavy:] = rest
            del rest
            found[:n_heavy, :n_heavy], across = self._heavy_products(left, right)
            found[n_heavy:, :n_heavy] = across
            back = across if is_same else self._heavy_products(right, left)[1]
            found[:n_heavy, n_heavy:] = back.T
        place = self._number + np.where(self._is_heavy, 0, n_heavy)
        step = max(1, CHUNK // n)
        for start in range(0, n, step):
            rows, after = slice(start, min(start + step, n)), start if is_same else 0
            if n_heavy:
                yield rows, found[place[rows]].take(place[after:], axis=1)
            else:
                yield rows, found[rows, after:]

    def subtract_products(self, values: Floats, out: Floats) -> None:
        """Subtract the upper triangle of the Gram matrix of entries, (k, m), without lists."""
        for row in values:
            for rows, block in self.products(row, row):
                out[rows, rows.start :] -= block

    def sums_of_squares(self, values: Floats, crossed: Floats) -> Floats:
        """Return ``values @ crossed @ values.T`` summed over the levels, (k, k), without lists."""
        size, found = len(values), np.zeros((len(values), len(values)))
        rows = list(values)  # views that are known again
        for a, left in enumerate(rows):
            for b in range(a, size):
                parts = self.products(left, rows[b])
                weigh = _upper_sum if a == b else _sum
                found[a, b] = found[b, a] = sum(weigh(crossed, *part) for part in parts)
        return found


def _sum(crossed: Floats, rows: slice, block: Floats) -> float:
    return float(np.einsum("ab,ab->", crossed[rows], block))


def _upper_sum(crossed: Floats, rows: slice, block: Floats) -> float:
    """The same of symmetric matrices, from the rows of their upper triangle."""
    n = len(block)
    mine = crossed[rows, rows.start :]
    corner = float(np.einsum("ab,ab->", mine[:, :n], block[:, :n]))
    return corner + 2.0 * float(np.einsum("ab,ab->", mine[:, n:], block[:, n:]))


def _values(row: Floats, rows: Rows) -> tuple[Floats, Ints, Ints]:
    entries, columns, starts = rows
    return row[entries], columns, starts


def rows_of(entries: Ints, rows: Ints, columns: Ints, size: int) -> Rows:
    """Entries in the order of their rows, with their columns, and where each row begins."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=size))])
    kind = index_kind(len(entries))
    return entries, columns.astype(kind), starts.astype(kind)
