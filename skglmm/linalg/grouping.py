"""Sums of rows by group, and group values spread over rows."""

from functools import cached_property
from math import prod

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["Grouping"]

MANY = 4_096  # rows, of which the lengths of the groups are more than a processor remembers
LONG = 8  # rows of a group, from which on segments are summed faster than counted
REPEATED = 32  # rows of a group, from which on its value is repeated faster than looked up


class Grouping:
    """Rows that belong to groups.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Group of each row, in ``range(size)``.
    size : int
        Number of groups; some may have no rows.
    """

    def __init__(self, codes: Ints, size: int) -> None:
        self.codes = codes
        self.size = size
        steps = np.diff(codes)
        # Contiguous groups, none of them empty, are summed as segments.
        contiguous = len(codes) > 0 and codes[0] == 0 and codes[-1] == size - 1
        self._starts: Ints | None = None
        self._is_each = contiguous and len(codes) == size and bool(np.all(steps == 1))
        if self._is_each:  # every row is a group, in order
            return
        is_summed = len(codes) < MANY or len(codes) >= LONG * size  # otherwise they are counted
        if contiguous and is_summed and bool(np.all((steps == 0) | (steps == 1))):
            self._starts = np.concatenate([[0], np.flatnonzero(steps) + 1])

    @cached_property
    def _counts(self) -> Ints:
        return np.bincount(self.codes, minlength=self.size)

    def sum(self, values: Floats) -> Floats:
        """Sum `values`, shape (..., n), over the rows of each group; shape (..., size)."""
        n = len(self.codes)
        if self._is_each:
            return np.array(values, dtype=np.float64)
        if self._starts is not None and (n < MANY or n >= LONG * self.size):
            return np.asarray(np.add.reduceat(values, self._starts, axis=-1))
        if values.ndim == 1:
            sums = np.bincount(self.codes, values, self.size)
            return np.asarray(sums, dtype=np.float64)
        flat = [self.sum(row) for row in values.reshape(prod(values.shape[:-1]), values.shape[-1])]
        return np.array(flat).reshape(*values.shape[:-1], self.size)

    def spread(self, values: Floats) -> Floats:
        """Give each row the value of its group: (..., size) to (..., n)."""
        n = len(self.codes)
        if self._is_each:
            return values.copy()
        if self._starts is not None and n >= max(MANY, REPEATED * self.size):
            return np.repeat(values, self._counts, axis=-1)
        return values.take(self.codes, axis=-1)
