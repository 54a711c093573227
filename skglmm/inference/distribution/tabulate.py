"""A smooth function of a few numbers of each row, tabulated where the rows are many.

The box that holds the rows is halved until polynomials through Chebyshev points agree with the
function on rows that are tried out, the outermost among them. Boxes shrink to their rows, so
nothing is extrapolated, and a row far from the others costs no resolution.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander

from skglmm.arrays import Floats, Ints
from skglmm.inference.distribution.chebyshev import chebyshev_transform

__all__ = ["Values", "tabulate"]

DEGREES = (16, 9, 8)  # of the polynomials in one, two, three or more numbers that vary
WORTH = 3  # rows of a box, at least, for each evaluation that its polynomial takes
SHARE = 3  # rows, at least, for each evaluation of all
TRIALS = 12  # rows of a box that are tried out beside the outermost
STEP = 2**14  # rows at a time


class Values(NamedTuple):
    """Values of a function, and the errors that they may have, (n, k) each."""

    value: Floats
    unit: Floats


def tabulate(points: Floats, function: Callable[[Floats], Values], n_values: int) -> Floats:
    """Return the values of a smooth function at many points, from evaluations at fewer.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        The numbers of each row.
    function : callable
        From points to `Values`.
    n_values : int
        How many values it has at a point.

    Returns
    -------
    ndarray, shape (n, n_values)
        NaN in the rows that are too few, or whose function is too rough, for a table.

    Examples
    --------
    >>> points = np.linspace(0.0, 1.0, 1000)[:, None]
    >>> def function(points):
    ...     return Values(np.exp(points), np.full(points.shape, 1e-9))
    >>> bool(np.abs(tabulate(points, function, 1) - np.exp(points)).max() < 1e-9)
    True
    """
    result = np.full((len(points), n_values), np.nan)
    rows = np.flatnonzero(np.isfinite(points).all(axis=1))
    if not len(rows):
        return result
    boxes, left = [_Box.around(points, rows)], len(points) // SHARE
    while boxes := [box for box in boxes if len(box.rows) >= WORTH * box.cost]:
        left -= sum(box.cost for box in boxes)
        if left < 0:
            break
        boxes = _level(points, boxes, function, result)
    return result


@dataclass(frozen=True, eq=False)
class _Box:
    """Rows, and the corners, (d,) each, between which their numbers lie."""

    rows: Ints
    low: Floats
    high: Floats

    @classmethod
    def around(cls, points: Floats, rows: Ints) -> "_Box":
        """Return the smallest box of some rows."""
        inside = points[rows]
        return cls(rows, inside.min(axis=0), inside.max(axis=0))

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of a polynomial in each of the numbers; 0 in those that do not vary here."""
        varies = self.high > self.low
        degree = DEGREES[min(max(int(varies.sum()), 1), len(DEGREES)) - 1]
        return tuple(np.where(varies, degree, 0).tolist())

    @property
    def cost(self) -> int:
        """How many evaluations a polynomial takes, and the rows that are tried out."""
        return int(np.prod(np.array(self.degrees) + 1)) + TRIALS + 2 * len(self.low)

    @property
    def nodes(self) -> Floats:
        """Chebyshev points of the box, (n_nodes, d)."""
        lines = [0.5 * (1.0 + chebpts1(degree + 1)) for degree in self.degrees]
        unit = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, len(lines))
        return np.asarray(self.low + (self.high - self.low) * unit)

    def trials(self, points: Floats) -> Ints:
        """Return rows to try: the outermost, and others at equal distances in their order."""
        inside = points[self.rows]
        outermost = np.concatenate([inside.argmin(axis=0), inside.argmax(axis=0)])
        spread = np.linspace(0, len(self.rows) - 1, TRIALS).astype(np.intp)
        return np.asarray(self.rows[np.concatenate([outermost, spread])])

    def halves(self, points: Floats, axis: int) -> "list[_Box]":
        """Return the boxes of the rows on either side of the middle."""
        middle = self.low[axis] + 0.5 * (self.high[axis] - self.low[axis])
        lower = points[self.rows, axis] <= middle
        parts = (self.rows[lower], self.rows[~lower])
        return [_Box.around(points, rows) for rows in parts if len(rows)]


@dataclass(frozen=True, eq=False)
class _Table:
    """A polynomial on a box, by its Chebyshev coefficients, (*degrees + 1, k)."""

    box: _Box
    coefficients: Floats

    @classmethod
    def through(cls, box: _Box, values: Floats) -> "_Table":
        """Return the polynomial with these values, (n_nodes, k), at the nodes of the box."""
        table = values.reshape(*(degree + 1 for degree in box.degrees), -1)
        for axis, degree in enumerate(box.degrees):
            table = np.moveaxis(
                np.tensordot(chebyshev_transform(degree), table, (1, axis)), 0, axis
            )
        return cls(box, table)

    @property
    def roughest(self) -> int:
        """The axis along which the coefficients fall off the least."""
        sizes = np.nan_to_num(np.abs(self.coefficients))
        tails = [np.sum(np.moveaxis(sizes, axis, 0)[-2:]) for axis in range(sizes.ndim - 1)]
        return int(np.argmax(np.where(self.box.high > self.box.low, tails, -1.0)))

    def at(self, points: Floats) -> Floats:
        """Return the values, (n, k), at points of the box."""
        low, high = self.box.low, self.box.high
        places = 2.0 * (points - low) / np.where(high > low, high - low, 1.0) - 1.0
        first, *others = (
            chebvander(place, size - 1)
            for place, size in zip(places.T, self.coefficients.shape[:-1], strict=True)
        )
        table = np.tensordot(first, self.coefficients, 1)
        for basis in others:
            table = np.einsum("nj,nj...->n...", basis, table)
        return np.asarray(table)


def _level(
    points: Floats, boxes: list[_Box], function: Callable[[Floats], Values], result: Floats
) -> list[_Box]:
    """Fill the rows of the boxes where polynomials will do, and return halves of the others."""
    trials = [points[box.trials(points)] for box in boxes]
    pieces = [*(box.nodes for box in boxes), *trials]
    found = function(np.concatenate(pieces))
    ends = np.cumsum([len(piece) for piece in pieces])[:-1]
    values, units = np.split(found.value, ends), np.split(found.unit, ends)
    halves = []
    for k, (box, tried) in enumerate(zip(boxes, trials, strict=True), len(boxes)):
        table = _Table.through(box, values[k - len(boxes)])
        most = np.minimum(units[k - len(boxes)].min(axis=0), units[k].min(axis=0))
        if not np.all(np.abs(table.at(tried) - values[k]) <= most):  # which NaN is not, either
            halves += box.halves(points, table.roughest)
            continue
        for start in range(0, len(box.rows), STEP):
            rows = box.rows[start : start + STEP]
            result[rows] = table.at(points[rows])
    return halves
