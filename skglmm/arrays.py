"""The names of the array types that the numerical core passes around."""

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Floats", "Ints", "give_back_memory", "keep_freed_memory", "slices"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


def slices(n: int, size: int) -> Iterator[slice]:
    """Cut n rows into even slices of about `size`, none longer than one and a half times that."""
    n_slices = max(min(n, 1), round(n / size))
    for k in range(n_slices):
        yield slice(n * k // n_slices, n * (k + 1) // n_slices)


@cache
def keep_freed_memory() -> None:
    """Make glibc keep the memory of freed arrays for the next ones, up to 64 MB.

    It returns free memory at the end of the heap to the system when that is twice as large as the
    largest block ever mapped and freed, of at most 32 MB. With small blocks only, passes over
    cache-sized slices would ask for their pages again and again: a fifth of the time of a fit.
    """
    np.empty(2**25 - 2**16, dtype=np.uint8)  # freed at once and never touched: it costs nothing


def give_back_memory() -> None:
    """Make glibc return what it keeps of freed arrays, where arrays of other sizes follow."""
    with suppress(OSError, AttributeError, TypeError):  # of other libraries
        ctypes.CDLL(None).malloc_trim(0)
