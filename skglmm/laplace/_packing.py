"""Where a derivative stands among the packed rows of a `LogDensity`."""

from functools import cache
from itertools import combinations_with_replacement

__all__ = ["packed"]


@cache
def _places(n_predictors: int, order: int) -> dict[tuple[int, ...], int]:
    keys = combinations_with_replacement(range(n_predictors), order)
    return {key: place for place, key in enumerate(keys)}


def packed(n_predictors: int, *indices: int) -> int:
    """Row of the derivative in the predictors `indices`, in any order."""
    return _places(n_predictors, len(indices))[tuple(sorted(indices))]
