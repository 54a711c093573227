"""Sums of rows by group, and group values spread over rows."""

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
        """Sum `values`, shape (n,), over the rows of each group; shape (size,)."""
        if self._starts is not None:
            return np.asarray(np.add.reduceat(values, self._starts))
        return np.asarray(np.bincount(self.codes, values, self.size), dtype=np.float64)

    def spread(self, values: Floats) -> Floats:
        """Give each row the value of its group: (..., size) to (..., n)."""
        return np.take(values, self.codes, axis=-1)
