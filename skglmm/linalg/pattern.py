"""Sparse entries between levels and columns: their Gram matrix, and products on the pattern."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["Pattern"]

DENSE_CHUNK = 2_000_000  # numbers in a dense slice of the entries: 16 MB
DENSE_RATE = 100.0  # multiply-adds of a dense product in the time of one scattered one
MEETINGS_MAX = 20_000_000  # listed meetings of one shard: their arrays stay below about 1 GB


@dataclass(frozen=True)
class Pattern:
    """Sparsity pattern between the levels of a nested factor and the columns of crossed ones.

    Parameters
    ----------
    levels, columns : ndarray of int, shape (m,)
        The level and the crossed column of each entry.
    n_levels, n_crossed : int
        Number of levels, and of columns of the crossed factors.
    """

    levels: Ints
    columns: Ints
    n_levels: int
    n_crossed: int

    @cached_property
    def is_dense(self) -> bool:
        """Whether dense products are cheaper than lists of what meets in each level."""
        counts = np.bincount(self.levels, minlength=self.n_levels).astype(float)
        meetings = float(counts @ counts)
        dense = float(self.n_levels) * self.n_crossed**2
        return meetings > MEETINGS_MAX or meetings * DENSE_RATE > dense

    @cached_property
    def order(self) -> Ints:
        """The entries, level by level."""
        return np.argsort(self.levels, kind="stable")

    @cached_property
    def meetings(self) -> tuple[Ints, Ints]:
        """Each pair of different entries that share a level, the lower column first."""
        counts = np.bincount(self.levels, minlength=self.n_levels)
        own = self.levels[self.order]
        repeats = counts[own]
        left = np.repeat(self.order, repeats)
        first = np.repeat((np.cumsum(counts) - counts)[own], repeats)
        within = np.arange(len(left)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        right = self.order[first + within]
        once = self.columns[left] < self.columns[right]  # a level meets a column once
        return left[once], right[once]

    @cached_property
    def targets(self) -> tuple[Ints, Ints]:
        """The distinct pairs of columns that the meetings reach, and that of each meeting."""
        left, right = self.meetings
        places = self.columns[left] * self.n_crossed + self.columns[right]
        distinct, index = np.unique(places, return_inverse=True)
        return distinct, index

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

    def subtract_gram(self, values: Floats, out: Floats) -> None:
        """Subtract the upper triangle of the Gram matrix of entries `values`, (k, m), in place.

        What becomes of the lower triangle of `out` is not defined.
        """
        if not values.size:
            return
        if self.is_dense:
            for levels, entries in self._slices(len(values)):
                rows = self._dense(values, levels, entries)
                out -= rows.T @ rows
            return
        left, right = self.meetings
        distinct, index = self.targets
        product = np.zeros(len(left))
        for row in values:
            product += row[left] * row[right]
        shares = np.bincount(index, weights=product, minlength=len(distinct))
        out.reshape(-1)[distinct] -= shares
        every = np.arange(self.n_crossed)
        out[every, every] -= self.by_column(np.einsum("ce,ce->e", values, values))

    def times(self, values: Floats, crossed: Floats) -> Floats:
        """Entries of ``values @ crossed`` on the pattern, (k, m), for a symmetric `crossed`."""
        out = np.empty_like(values)
        if not values.size:
            return out
        if self.is_dense:
            for levels, entries in self._slices(len(values)):
                rows = self._dense(values, levels, entries) @ crossed
                places = self.levels[entries] - levels.start, self.columns[entries]
                out[:, entries] = rows.reshape(len(values), -1, self.n_crossed)[:, *places]
            return out
        left, right = self.meetings
        distinct, index = self.targets
        inner, own = crossed.reshape(-1)[distinct][index], np.diagonal(crossed)[self.columns]
        for a, row in enumerate(values):
            lower = np.bincount(left, weights=row[right] * inner, minlength=len(row))
            upper = np.bincount(right, weights=row[left] * inner, minlength=len(row))
            out[a] = own * row + lower + upper
        return out

    def by_level(self, values: Floats) -> Floats:
        """Sum entries `values`, (..., m), over each level: shape (..., n_levels)."""
        flat = values.reshape(prod(values.shape[:-1]), values.shape[-1])
        sums = [np.bincount(self.levels, row, self.n_levels) for row in flat]
        return np.array(sums, dtype=np.float64).reshape(*values.shape[:-1], self.n_levels)

    def by_column(self, values: Floats) -> Floats:
        """Sum entries `values`, (m,), over each column: shape (n_crossed,)."""
        sums = np.bincount(self.columns, values, self.n_crossed)
        return np.asarray(sums, dtype=np.float64)
