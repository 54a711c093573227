"""Where a derivative stands among the packed rows of a `LogDensity`."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement

from skglmm.arrays import Bools, Floats

__all__ = ["add_packed", "packed", "packed_rows"]

ALL = slice(None)


@cache
def packed_rows(n_predictors: int, order: int) -> dict[tuple[int, ...], int]:
    """Return the row of each sorted tuple of predictors."""
    keys = combinations_with_replacement(range(n_predictors), order)
    return {key: row for row, key in enumerate(keys)}


def packed(n_predictors: int, *indices: int) -> int:
    """Return the row of the derivative in the predictors `indices`, in any order."""
    return packed_rows(n_predictors, len(indices))[tuple(sorted(indices))]


def add_packed(
    out: Floats, part: Floats, where: Sequence[int], order: int, columns: Bools | slice = ALL
) -> None:
    """Add derivatives in the predictors at `where`, increasing, to those in all predictors.

    Both are packed; `columns` of `out` are those of `part`.
    """
    rows = packed_rows(_n_predictors(len(out), order), order)
    for key, row in packed_rows(len(where), order).items():
        out[rows[tuple(where[i] for i in key)], columns] += part[row]


@cache
def _n_predictors(n_rows: int, order: int) -> int:
    return next(k for k in range(1, n_rows + 1) if len(packed_rows(k, order)) == n_rows)
