"""Pairs of entries that share a level, in lists: by the pair of columns that they reach."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Floats, Ints
from skglmm.linalg.order import grouped

__all__ = ["Meetings", "index_kind"]

FEW = 16  # possible pairs of columns for each meeting, up to which these are counted pair by pair


@dataclass(frozen=True)
class Meetings:
    """Each pair of different entries of one level, the lower column first.

    Entries are numbered level by level, by column within each. As rows of sparse matrices, meetings
    are summed, and spread, in calls that read each list once.

    Parameters
    ----------
    left, right : ndarray of int, shape (n_meetings,)
        The entries of each meeting, column pair by column pair.
    starts : ndarray of int, shape (n_pairs + 1,)
        Where the meetings of each pair of columns begin.
    places : ndarray of int, shape (n_pairs,)
        Of these pairs in the upper triangle of a matrix of the columns, row by row.
    pairs, seconds : ndarray of int, shape (n_meetings,)
        The pair of columns and the second entry of each meeting, first entry by first entry.
    firsts : ndarray of int, shape (m + 1,)
        Where the meetings of each first entry begin.
    """

    left: Ints
    right: Ints
    starts: Ints
    places: Ints
    pairs: Ints
    seconds: Ints
    firsts: Ints

    @classmethod
    def of(cls, levels: Ints, columns: Ints, n_columns: int) -> "Meetings":
        """List what meets.

        Parameters
        ----------
        levels, columns : ndarray of int, shape (m,)
            Of each entry, level by level, in the order of columns within each.
        n_columns : int
        """
        places = np.arange(len(levels))
        ends = np.cumsum(np.bincount(levels))[levels] if len(levels) else places
        later = ends - 1 - places  # entries of the same level
        stops = np.cumsum(later)
        first = np.repeat(places, later)
        second = np.arange(len(first)) + np.repeat(places + 1 - (stops - later), later)
        kind = index_kind(max(len(first), len(places)))
        order, starts, pairs, keys = _by_pair(columns[first], columns[second], n_columns)
        first, second = first.astype(kind), second.astype(kind)
        return cls(
            first[order],
            second[order],
            starts.astype(kind),
            keys,
            pairs,
            second,
            np.concatenate([[0], stops]).astype(kind),
        )

    def sums(self, values: Floats) -> Floats:
        """Sum products of the entries `values`, (k, m), that meet, by pair of columns."""
        found = np.zeros(len(self.places))
        for row in values:
            parts, shape = (row.take(self.left), self.right, self.starts), (len(found), len(row))
            found += csr_array(parts, shape=shape) @ row
        return found

    def spread(self, values: Floats, between: Floats) -> Floats:
        """Return what entries meet, (k, m), times the number of each pair of columns."""
        n = values.shape[1]
        parts = (between.take(self.pairs), self.seconds, self.firsts)
        matrix = csr_array(parts, shape=(n, n))
        turned, found = matrix.T, np.empty_like(values)
        for a, row in enumerate(values):
            found[a] = matrix @ row
            found[a] += turned @ row
        return found


def _by_pair(left: Ints, right: Ints, n_columns: int) -> tuple[Ints | slice, Ints, Ints, Ints]:
    """Order of meetings by the columns that meet, where each pair of these begins, and its place.

    Between the last two the pair of each meeting as it was given.
    """
    n, keys = len(left), left * n_columns + right
    order: Ints | slice | None = None
    if n_columns**2 <= FEW * n:
        order = grouped((keys,), (n_columns**2,))
    elif n:
        order = grouped((right, left), (n_columns, n_columns))
    order = slice(None) if order is None else order
    ordered = keys[order]
    is_new = np.ones(n, dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    new = np.flatnonzero(is_new)
    starts = np.append(new, n)
    pairs = np.empty(n, dtype=np.intp)
    pairs[order] = np.repeat(np.arange(len(new)), np.diff(starts))
    return order, starts, pairs, ordered[new]


def index_kind(largest: int) -> type[np.signedinteger]:
    """Kind of the indices of a sparse matrix: short ones are what SciPy is fastest with."""
    return np.int32 if largest <= np.iinfo(np.int32).max else np.int64
