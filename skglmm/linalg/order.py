"""Rows put in the order of their groups by counting, in as many steps as there are rows."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from skglmm.arrays import Ints

__all__ = ["grouped"]


def grouped(keys: Sequence[Ints], sizes: Sequence[int]) -> Ints | None:
    """Return the places of rows that are sorted by some keys, or None if they already are.

    Rows of equal keys stay in their order: ``numpy.lexsort(keys)``, many times as fast.

    Parameters
    ----------
    keys : sequence of ndarray of int, each of shape (n,)
        The last one comes first in the order; each is in ``range(size)``.
    sizes : sequence of int
    """
    if not keys or _are_sorted(keys, sizes):
        return None
    order = _counted(keys[0], sizes[0])
    for key, size in zip(keys[1:], sizes[1:], strict=True):
        order = order[_counted(key[order], size)]
    return order


def _are_sorted(keys: Sequence[Ints], sizes: Sequence[int]) -> bool:
    if prod(map(int, sizes)) > np.iinfo(np.intp).max:  # of what one number can hold
        return False
    joint = keys[-1]
    for key, size in zip(keys[-2::-1], sizes[-2::-1], strict=True):
        joint = joint * size + key
    return bool(np.all(joint[1:] >= joint[:-1]))


def _counted(key: Ints, size: int) -> Ints:
    """Places of the rows by one key: those of a sparse matrix, row by row, column by column."""
    n = len(key)
    if key.min() < 0 or key.max() >= size:  # which counting would write anywhere
        msg = f"keys from {key.min()} to {key.max()}, expected whole numbers below {size}"
        raise ValueError(msg)
    places = np.int32 if n <= np.iinfo(np.int32).max else np.int64
    entries: tuple[Any, ...] = (
        np.zeros(n, np.int8),
        key.astype(places),
        np.arange(n + 1, dtype=places),
    )
    return sparse.csr_array(entries, shape=(n, size)).tocsc().indices.astype(np.intp)
