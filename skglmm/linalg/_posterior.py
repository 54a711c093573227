"""The inverse of an arrowhead matrix between any two levels, without the rows behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.linalg._arrowhead import Arrowhead
from skglmm.linalg._batched import solve_upper

__all__ = ["Posterior"]

CHUNK = 4_000_000  # terms summed at a time: a few arrays of 32 MB


@dataclass(frozen=True)
class Posterior:
    """What is needed of an arrowhead matrix for any entry of its inverse.

    With ``M = inv(A_00) A_0R`` on its pattern and the dense inverse of the Schur complement,
    the entry between a level l of the leading part and a column c of the rest is
    ``-M_l inv(S)[:, c]``.

    Parameters
    ----------
    blocks : ndarray, shape (k, k, n_levels)
        Diagonal blocks of the inverse, for the levels of the leading part.
    slopes : ndarray, shape (k, m)
        M on the entries of the pattern, level by level.
    columns : ndarray of int, shape (m,)
        Column of the rest of each entry.
    starts : ndarray of int, shape (n_levels + 1,)
        Where the entries of each level begin.
    rest : ndarray, shape (n_rest, n_rest)
        Inverse of the Schur complement, which is the inverse's block of the rest.
    """

    blocks: Floats
    slopes: Floats
    columns: Ints
    starts: Ints
    rest: Floats

    @classmethod
    def of(cls, system: Arrowhead) -> "Posterior":
        """Collect the pieces of a factorized system; `system` is not kept."""
        inverse = system.inverse()
        slopes, columns, counts = [], [], []
        for piece in system.pieces:
            pattern, order = piece.pattern, piece.pattern.order
            slopes.append(solve_upper(piece.lower[:, :, pattern.levels], piece.white)[:, order])
            columns.append(pattern.columns[order])
            counts.append(np.bincount(pattern.levels, minlength=pattern.n_levels))
        starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        return cls(
            blocks=np.concatenate(inverse.blocks, axis=-1),
            slopes=np.concatenate(slopes, axis=-1),
            columns=np.concatenate(columns),
            starts=starts.astype(np.intp),
            rest=inverse.rest,
        )

    def between(self, levels: Ints, columns: Ints) -> Floats:
        """Entries of the inverse between levels and columns of the rest, (k, P).

        Parameters
        ----------
        levels, columns : ndarray of int, shape (P,)
            A level of the leading part and a column of the rest for each pair.
        """
        found = np.zeros((len(self.slopes), len(levels)))
        for pairs in self._chunks(levels):
            level, column = levels[pairs], columns[pairs]
            counts = self.starts[level + 1] - self.starts[level]
            owner = np.repeat(np.arange(len(level)), counts)
            first = np.repeat(self.starts[level] - (np.cumsum(counts) - counts), counts)
            entry = first + np.arange(len(owner))
            values = self.rest[self.columns[entry], column[owner]]
            for row, target in zip(self.slopes, found, strict=True):
                target[pairs] = -np.bincount(owner, row[entry] * values, len(level))
        return found

    def _chunks(self, levels: Ints) -> Iterator[slice]:
        counts = self.starts[levels + 1] - self.starts[levels]
        owners = np.cumsum(counts) // CHUNK
        cuts = np.concatenate([[0], np.flatnonzero(np.diff(owners)) + 1, [len(levels)]])
        for start, end in pairwise(cuts):
            yield slice(int(start), int(end))
