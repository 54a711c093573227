"""Sums of rows by group, and group values spread over rows."""

from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from skglmm.arrays import Floats, Ints

__all__ = ["Grouping"]

MANY = 4_096  # rows, from which on a sparse matrix pays for the time to make it
SHARED = 8  # rows of a group, from which on it beats counting, as repeating does looking up
LONG = 16  # rows of a group, from which on segments are as fast, and exact to more digits


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
        if contiguous and bool(np.all((steps == 0) | (steps == 1))):
            self._starts = np.concatenate([[0], np.flatnonzero(steps) + 1])

    @cached_property
    def _matrix(self) -> Any:
        """Indicators of the groups, (size, n): each row of it in the order of the rows."""
        n = len(self.codes)
        places = np.int32 if n <= np.iinfo(np.int32).max else np.int64
        entries: tuple[Any, ...] = (
            np.ones(n),
            self.codes.astype(places),
            np.arange(n + 1, dtype=places),
        )
        return sparse.csr_array(entries, shape=(n, self.size)).T.tocsr()

    @cached_property
    def _counts(self) -> Ints:
        return np.bincount(self.codes, minlength=self.size)

    def sum(self, values: Floats) -> Floats:
        """Sum `values`, shape (..., n), over the rows of each group; shape (..., size)."""
        n = len(self.codes)
        if self._starts is not None and (n < MANY or n >= LONG * self.size):
            return np.asarray(np.add.reduceat(values, self._starts, axis=-1))
        if values.ndim == 1:
            if n >= max(MANY, SHARED * self.size):
                return np.asarray(self._matrix @ values)
            sums = np.bincount(self.codes, values, self.size)
            return np.asarray(sums, dtype=np.float64)
        flat = [self.sum(row) for row in values.reshape(prod(values.shape[:-1]), values.shape[-1])]
        return np.array(flat).reshape(*values.shape[:-1], self.size)

    def spread(self, values: Floats) -> Floats:
        """Give each row the value of its group: (..., size) to (..., n)."""
        n = len(self.codes)
        if self._starts is not None and n >= max(MANY, SHARED * self.size):
            return np.repeat(values, self._counts, axis=-1)
        return values.take(self.codes, axis=-1)
