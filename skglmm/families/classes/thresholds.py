"""Structures of cut points: each a linear function of some numbers that are estimated."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["STRUCTURES", "Classes", "Thresholds"]

STRUCTURES = ("flexible", "symmetric", "equidistant")
_SPAN_TOL = 1e-9  # what rounding leaves of cut points that another structure has, too


@dataclass(frozen=True)
class Thresholds:
    """Cut points between ordered classes.

    Parameters
    ----------
    structure : {"flexible", "symmetric", "equidistant"}
        Any cut points; some that are as far above their center as others are below; or all at one
        distance.
    names : tuple of str
        Of the cut points, increasing: "1|2", "2|3".

    Examples
    --------
    >>> from skglmm.families.classes.thresholds import Thresholds
    >>> Thresholds("equidistant", ("1|2", "2|3", "3|4")).matrix
    array([[1., 0.],
           [1., 1.],
           [1., 2.]])
    """

    structure: str
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of cut points."""
        return len(self.names)

    @cached_property
    def matrix(self) -> Floats:
        """Cut points from parameters, (n_cuts, n_params)."""
        m, half = self.size, self.size // 2
        if self.structure == "equidistant" and m > 1:
            return np.column_stack([np.ones(m), np.arange(m)])
        if self.structure == "symmetric" and m > 2:
            center = np.zeros((m, 1 if m % 2 else 2))
            center[: m - half, 0] = center[half:, -1] = 1.0
            n_spaces = (m - 1) // 2
            spaces = np.zeros((m, n_spaces))
            for j in range(n_spaces):  # those next to the center first
                spaces[n_spaces - 1 - j, j], spaces[m - n_spaces + j, j] = -1.0, 1.0
            return np.hstack([center, spaces])
        return np.eye(m)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the numbers that are estimated, those of R's package ordinal."""
        m, n_params = self.matrix.shape
        if self.is_flexible:
            return self.names
        if self.structure == "equidistant":
            return "threshold.1", "spacing"
        centers = ("central",) if m % 2 else ("central.1", "central.2")
        return *centers, *(f"spacing.{j + 1}" for j in range(n_params - len(centers)))

    @cached_property
    def is_flexible(self) -> bool:
        """Whether the parameters are the cut points themselves."""
        return np.array_equal(self.matrix, np.eye(self.size))

    def contains(self, other: "Thresholds") -> bool:
        """Return whether all cut points of another structure are among those of this one."""
        if self.names != other.names:
            return False
        found = np.linalg.lstsq(self.matrix, other.matrix, rcond=None)[0]
        return bool(np.all(np.abs(self.matrix @ found - other.matrix) < _SPAN_TOL))

    @cached_property
    def used(self) -> Floats:
        """On which parameters classes depend: 1 or 0, (n_cuts + 1, n_params)."""
        ends = np.vstack([self.matrix != 0.0, np.zeros((1, self.matrix.shape[1]))])
        return np.asarray(np.maximum(ends, np.roll(ends, 1, axis=0)))  # of both cut points

    @cached_property
    def apart(self) -> set[tuple[int, int]]:
        """Pairs of parameters, j < k, on which no class depends together."""
        pairs = zip(*np.nonzero(self.used.T @ self.used == 0.0), strict=True)
        return {(int(j), int(k)) for j, k in pairs if j < k}

    def cuts(self, parameters: Sequence[Floats]) -> Floats:
        """Return the cut points, (n_cuts, n) or (n_cuts, 1)."""
        return np.asarray(self.matrix @ np.stack(np.broadcast_arrays(*parameters)))

    def start(self, cuts: Floats) -> Floats:
        """Return the parameters whose cut points are nearest to some, which increase."""
        return np.asarray(np.linalg.lstsq(self.matrix, cuts, rcond=None)[0])

    def along(self, classes: "Classes", upper: Floats, lower: Floats) -> Floats:
        """Return derivatives in the parameters from those in both cut points, (n_params, n)."""
        out = np.zeros((self.matrix.shape[1], len(upper)))
        if self.is_flexible:
            out[classes.has_upper] = upper[classes.has_upper[1]]
            out[classes.has_lower] = lower[classes.has_lower[1]]
            return out
        for j, (above, below) in enumerate(zip(*self.ends(classes.codes), strict=True)):
            out[j] = above * upper + below * lower
        return out

    def twice(
        self, classes: "Classes", upper: Floats, mixed: Floats, lower: Floats
    ) -> dict[tuple[int, int], Floats]:
        """Return second derivatives in pairs of parameters, j <= k, that are not `apart`."""
        n_params = self.matrix.shape[1]
        if self.is_flexible:
            squares = self.along(classes, upper, lower)
            found = {(j, j): row for j, row in enumerate(squares)}
            where = classes.has_both
            between = np.zeros((n_params - 1, len(upper)))
            between[where] = mixed[where[1]]
            return found | {(j, j + 1): row for j, row in enumerate(between)}
        above, below = self.ends(classes.codes)
        return {
            (j, k): above[j] * above[k] * upper
            + (above[j] * below[k] + below[j] * above[k]) * mixed
            + below[j] * below[k] * lower
            for j in range(n_params)
            for k in range(j, n_params)
            if (j, k) not in self.apart
        }

    def ends(self, codes: Ints) -> tuple[Floats, Floats]:
        """Return derivatives of both cut points of rows, upper and lower, (n_params, n) each."""
        zero = np.zeros((1, self.matrix.shape[1]))
        return (
            np.vstack([self.matrix, zero]).T[:, codes],
            np.vstack([zero, self.matrix]).T[:, codes],
        )


class Classes:
    """The classes of rows, with the places of their cut points among all of them.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Numbers of the classes, from 0.
    n_cuts : int
    """

    def __init__(self, codes: Ints, n_cuts: int) -> None:
        self.codes = codes
        rows = np.arange(len(codes))
        upper, lower = codes < n_cuts, codes > 0
        self.has_upper = codes[upper], rows[upper]
        self.has_lower = codes[lower] - 1, rows[lower]
        both = upper & lower
        self.has_both = codes[both] - 1, rows[both]
