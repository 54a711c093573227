"""Sorted rows cut into shards that split no level of the leading factor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.laplace._prior import Curvature
from skglmm.laplace._shard import Load, Pair, Shard
from skglmm.linalg import Grouping, Pattern

__all__ = ["Cutter"]


@dataclass(frozen=True)
class Cutter:
    """Cuts sorted rows into shards.

    Parameters
    ----------
    design : Design
        Its rows sorted by the leading factor, then by the others.
    order : tuple of int
        The factors of the layout, the leading one first.
    prepared : ndarray, shape (m, n)
        What the family needs of the response.
    weights : ndarray, shape (n,), or None
    constant : list of bool
        Which predictors have the same value in every row.
    known : Curvature or None
        Pairs of levels to provide for, whether or not they meet in these rows.
    """

    design: Design
    order: tuple[int, ...]
    prepared: Floats
    weights: Floats | None
    constant: list[bool]
    known: Curvature | None

    def cuts(self, shard_rows: int) -> Iterator[slice]:
        """Ranges of rows that split no level of the leading factor."""
        n = self.design.n_samples
        ends = np.arange(shard_rows, n, shard_rows)
        if self.order:
            leading = self.design.codes[self.order[0]]
            ends = np.unique(np.searchsorted(leading, leading[ends - 1], side="right"))
        bounds = np.unique(np.concatenate([[0], ends, [n]]).astype(int))
        for start, end in pairwise(bounds):
            yield slice(int(start), int(end))

    def shard(self, rows: slice) -> Shard:
        """Build the shard of a range of rows."""
        design = self.design
        loads = tuple(self._load(f, rows, leading=i == 0) for i, f in enumerate(self.order))
        pairs = {
            (f, g): _pair(loads[f].grouping, loads[g].grouping, self._known(f, g, rows))
            for f in range(len(loads))
            for g in range(f + 1, len(loads))
        }
        return Shard(
            prepared=np.ascontiguousarray(self.prepared[:, rows]),
            weights=None if self.weights is None else self.weights[rows],
            fixed=tuple(
                np.asfortranarray(x[:1] if one else x[rows])
                for x, one in zip(design.fixed, self.constant, strict=True)
            ),
            offsets=tuple(None if o is None else o[rows] for o in design.offsets),
            loads=loads,
            pairs=pairs,
            places=_places(loads, pairs),
            levels=self._levels(rows),
            pattern=_pattern(loads, pairs),
        )

    def _known(self, f: int, g: int, rows: slice) -> tuple[Ints, Ints]:
        """Pairs of levels that must have a place even if they do not meet in these rows."""
        if self.known is None or f > 0:  # the rest is dense
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        return self.known.between(self.order[f], self.order[g]).within(self._levels(rows))[:2]

    def _levels(self, rows: slice) -> slice:
        if not self.order:
            return slice(0, 0)
        leading, n = self.design.codes[self.order[0]], self.design.n_samples
        last = self.design.layout.factors[self.order[0]].n_levels
        start = 0 if rows.start == 0 else int(leading[rows.start])
        return slice(start, last if rows.stop == n else int(leading[rows.stop]))

    def _load(self, f: int, rows: slice, *, leading: bool) -> Load:
        factor, codes = self.design.layout.factors[f], self.design.codes[f][rows]
        size = factor.n_levels
        if leading:
            levels = self._levels(rows)
            codes, size = codes - levels.start, levels.stop - levels.start
        columns = self.design.columns[f][rows]
        return Load(
            grouping=Grouping(np.ascontiguousarray(codes), size),
            columns=tuple(
                None if np.all(column == 1.0) else np.ascontiguousarray(column)
                for column in columns.T
            ),
            predictors=factor.predictors,
        )


def _pair(left: Grouping, right: Grouping, known: tuple[Ints, Ints]) -> Pair:
    met = left.codes * right.size + right.codes
    also = known[0] * right.size + known[1]
    keys, codes = np.unique(np.concatenate([met, also]), return_inverse=True)
    return Pair(Grouping(codes[: len(met)], len(keys)), keys // right.size, keys % right.size)


def _places(
    loads: tuple[Load, ...], pairs: Mapping[tuple[int, int], Pair]
) -> dict[tuple[int, int], tuple[Ints, Ints]]:
    """Rows (k_f, 1, P) and columns (1, k_g, P) of A_RR that the moments (f, g) reach."""
    sizes = [(len(load.columns), load.grouping.size) for load in loads]
    starts = np.cumsum([0, 0, *(k * n for k, n in sizes[1:])])
    places = {}
    for f in range(1, len(loads)):
        for g in range(f, len(loads)):
            every = np.arange(sizes[f][1])
            left, right = (every, every) if f == g else pairs[f, g][1:]
            rows = starts[f] + sizes[f][1] * np.arange(sizes[f][0])[:, None, None] + left
            columns = starts[g] + sizes[g][1] * np.arange(sizes[g][0])[None, :, None] + right
            places[f, g] = rows, columns
    return places


def _pattern(loads: tuple[Load, ...], pairs: Mapping[tuple[int, int], Pair]) -> Pattern:
    """Entries of A_0R in the order factor, column, pair."""
    levels: list[Ints] = [np.zeros(0, dtype=np.intp)]
    columns: list[Ints] = [np.zeros(0, dtype=np.intp)]
    start = 0
    for g, load in enumerate(loads[1:], 1):
        for _ in load.columns:
            levels.append(pairs[0, g].left)
            columns.append(start + pairs[0, g].right)
            start += load.grouping.size
    n_levels = loads[0].grouping.size if loads else 0
    return Pattern(np.concatenate(levels), np.concatenate(columns), n_levels, start)
