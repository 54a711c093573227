"""Where a derivative stands among the packed rows of a `LogDensity`."""

from functools import cache
from itertools import combinations_with_replacement

import numpy as np

from skglmm.arrays import Floats

__all__ = ["packed", "packed_products", "packed_rows"]


@cache
def packed_rows(n_predictors: int, order: int) -> dict[tuple[int, ...], int]:
    """Return the row of each derivative among the packed ones of its order.

    Parameters
    ----------
    n_predictors : int
        Number of linear predictors, K.
    order : int
        How often is differentiated.

    Returns
    -------
    dict
        From the predictors of a derivative, sorted, to its row.

    Examples
    --------
    >>> from skglmm.families import packed_rows
    >>> packed_rows(2, 2)
    {(0, 0): 0, (0, 1): 1, (1, 1): 2}
    """
    keys = combinations_with_replacement(range(n_predictors), order)
    return {key: row for row, key in enumerate(keys)}


def packed(n_predictors: int, *indices: int) -> int:
    """Return the row of the derivative in the predictors `indices`, in any order.

    Parameters
    ----------
    n_predictors : int
        Number of linear predictors, K.
    *indices : int
        Predictors of the derivative, as often as it is taken in them.

    Returns
    -------
    int
        Row of `LogDensity.grad`, `hess` or `third`, for one, two or three indices.

    Examples
    --------
    >>> from skglmm.families import packed
    >>> packed(2, 1, 1), packed(2, 1, 0, 1)
    (2, 2)
    """
    return packed_rows(n_predictors, len(indices))[tuple(sorted(indices))]


def packed_products(rows: Floats) -> Floats:
    """Return the products of all pairs of rows, (K, n) to (K(K+1)/2, n)."""
    return np.stack([rows[i] * rows[j] for i, j in packed_rows(len(rows), 2)])
