"""Where a derivative stands among the packed rows of a `LogDensity`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, combinations_with_replacement
from typing import Self

import numpy as np

from skglmm.arrays import Floats

__all__ = ["Packing", "packed", "packed_products", "packed_rows"]

Keys = Mapping[tuple[int, ...], int]  # from the predictors of a derivative, sorted, to its row


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


@dataclass(frozen=True, eq=False)
class Packing:
    """Which derivatives of a log density a family keeps, and in which rows.

    Those that are not kept are 0 whatever the response, or, of the third, have no predictor that
    random effects may feed: nothing asks for these.

    Parameters
    ----------
    size : int
        Number of linear predictors, K.
    pairs, triples : mapping of tuple of int to int
        From the predictors of a second and of a third derivative, sorted, to its row.

    Examples
    --------
    >>> from skglmm.families import Packing
    >>> Packing.full(2).row(1, 0)
    1
    >>> print(Packing.sparse(3, lone={1, 2}, apart={(1, 2)}).row(1, 2))
    None
    """

    size: int
    pairs: Keys
    triples: Keys

    @classmethod
    @cache
    def full(cls, size: int) -> Self:
        """Return the packing of all derivatives in so many predictors."""
        return cls(size, packed_rows(size, 2), packed_rows(size, 3))

    @classmethod
    def sparse(
        cls, size: int, lone: Collection[int], apart: Collection[tuple[int, int]] = ()
    ) -> Self:
        """Return the packing without what is zero or never asked for.

        Parameters
        ----------
        size : int
        lone : collection of int
            Predictors that no random effects feed.
        apart : collection of tuple of int
            Pairs of predictors, sorted, of which no response depends on both.
        """

        def together(key: tuple[int, ...]) -> bool:
            return not any(pair in apart for pair in combinations(key, 2))

        pairs = filter(together, packed_rows(size, 2))
        triples = (
            key for key in packed_rows(size, 3) if together(key) and not set(key) <= set(lone)
        )
        numbered = [{key: row for row, key in enumerate(keys)} for keys in (pairs, triples)]
        return cls(size, *numbered)

    def row(self, *indices: int) -> int | None:
        """Return the row of a second or third derivative, in any order; None if it is not kept."""
        return (self.pairs if len(indices) == 2 else self.triples).get(tuple(sorted(indices)))
