"""Sums of log densities of which some depend on a part of the linear predictors."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.packing import packed_rows

__all__ = ["add_derivatives", "add_packed", "flat"]

_ALL = slice(None)


def flat(value: Floats, n_predictors: int, order: int) -> LogDensity:
    """Return log densities, (n,), with derivatives of zero, to which others can be added."""
    shapes = [(len(packed_rows(n_predictors, m)), len(value)) for m in range(1, order + 1)]
    return LogDensity(value, *(np.zeros(shape) for shape in shapes))


def add_derivatives(
    out: LogDensity, part: LogDensity, where: Sequence[int], columns: Bools | slice = _ALL
) -> None:
    """Add the derivatives of a part in the predictors at `where`, increasing, to the whole.

    `columns` of the whole are those of the part.
    """
    for order, (rows, more) in enumerate(zip(out[1:], part[1:], strict=True), start=1):
        if rows is not None and more is not None:
            add_packed(rows, more, where, order, columns)


def add_packed(
    out: Floats, part: Floats, where: Sequence[int], order: int, columns: Bools | slice = _ALL
) -> None:
    """Add packed derivatives of one order in the predictors at `where`."""
    rows = packed_rows(_n_predictors(len(out), order), order)
    for key, row in packed_rows(len(where), order).items():
        out[rows[tuple(where[i] for i in key)], columns] += part[row]


@cache
def _n_predictors(n_rows: int, order: int) -> int:
    return next(k for k in range(1, n_rows + 1) if len(packed_rows(k, order)) == n_rows)
