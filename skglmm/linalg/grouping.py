"""Sums of rows by group, and group values spread over rows."""

from math import prod

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["Grouping"]


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

    def sum(self, values: Floats) -> Floats:
        """Sum `values`, shape (..., n), over the rows of each group; shape (..., size)."""
        if self._starts is not None:
            return np.asarray(np.add.reduceat(values, self._starts, axis=-1))
        if values.ndim == 1:
            sums = np.bincount(self.codes, values, self.size)
            return np.asarray(sums, dtype=np.float64)
        flat = [self.sum(row) for row in values.reshape(prod(values.shape[:-1]), values.shape[-1])]
        return np.array(flat).reshape(*values.shape[:-1], self.size)

    def spread(self, values: Floats) -> Floats:
        """Give each row the value of its group: (..., size) to (..., n)."""
        return values.take(self.codes, axis=-1)
