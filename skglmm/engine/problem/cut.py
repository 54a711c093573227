"""Partition of the rows into shards with whole levels of the nested factors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.engine.prior import Curvature
from skglmm.engine.rows.shard import Load, Pair, Shard
from skglmm.linalg import Chain, Grouping, Pattern

__all__ = ["Cutter", "chain_of", "places_of"]

NONE = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True)
class Cutter:
    """Cuts sorted rows into shards.

    Parameters
    ----------
    design : Design
        Its rows sorted by the chain, the last factor of it first, then by the others.
    order : tuple of int
        The factors of the layout, those of the chain first.
    n_owned : int
        Length of the chain.
    prepared : ndarray, shape (m, n)
        What the family needs of the response.
    weights : ndarray, shape (n,), or None
    constant : list of bool
        Which predictors have the same value in every row.
    known : Curvature or None
        Pairs of levels to provide for, whether or not they meet in these rows.
    is_part : bool
        Whether levels without rows have them elsewhere.
    """

    design: Design
    order: tuple[int, ...]
    n_owned: int
    prepared: Floats
    weights: Floats | None
    constant: list[bool]
    known: Curvature | None
    is_part: bool = False

    def cuts(self, shard_rows: int) -> Iterator[slice]:
        """Ranges of rows that split no level of the chain."""
        n = self.design.n_samples
        ends = np.arange(shard_rows, n, shard_rows)
        if self.order:
            highest = self.design.codes[self.order[self.n_owned - 1]]
            ends = np.unique(np.searchsorted(highest, highest[ends - 1], side="right"))
        bounds = np.unique(np.concatenate([[0], ends, [n]]).astype(int))
        for start, end in pairwise(bounds):
            yield slice(int(start), int(end))

    def whole(self) -> Shard:
        """Build one shard of all rows; all levels that it owns have rows."""
        return replace(self, is_part=True).shard(slice(0, self.design.n_samples))

    def shard(self, rows: slice) -> Shard:
        """Build the shard of a range of rows."""
        design = self.design
        levels = tuple(self._levels(i, rows) for i in range(self.n_owned))
        loads = tuple(self._load(i, rows, levels) for i in range(len(self.order)))
        pairs = {
            (f, g): self._pair(f, g, loads, levels)
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
            places=places_of(loads, pairs, self.n_owned),
            levels=levels,
            chain=chain_of(loads, pairs, self.n_owned),
        )

    @cached_property
    def _absent(self) -> list[Ints]:
        """Levels of the chain without rows: those of the first shard, too."""
        found = []
        for f in self.order[: self.n_owned]:
            occurs = np.zeros(self.design.layout.factors[f].n_levels, dtype=np.bool_)
            occurs[self.design.codes[f]] = True
            found.append(np.flatnonzero(~occurs))
        return found

    def _levels(self, i: int, rows: slice) -> Ints:
        codes = self.design.codes[self.order[i]][rows]
        first = np.concatenate([[True], np.diff(codes) != 0])
        own = codes[first]  # each once, as rows are sorted and factors nested
        return own if rows.start or self.is_part else np.concatenate([own, self._absent[i]])

    def _load(self, i: int, rows: slice, levels: tuple[Ints, ...]) -> Load:
        f = self.order[i]
        factor, codes = self.design.layout.factors[f], self.design.codes[f][rows]
        size = factor.n_levels
        if i < self.n_owned:
            codes = np.cumsum(np.concatenate([[0], np.diff(codes) != 0]))
            size = len(levels[i])
        columns = self.design.columns[f][rows]
        return Load(
            grouping=Grouping(np.ascontiguousarray(codes), size),
            columns=tuple(
                None if np.all(column == 1.0) else np.ascontiguousarray(column)
                for column in columns.T
            ),
            predictors=factor.predictors,
        )

    def _pair(self, f: int, g: int, loads: tuple[Load, ...], levels: tuple[Ints, ...]) -> Pair:
        left, right = loads[f].grouping, loads[g].grouping
        if g < self.n_owned:  # nested: each level of f meets one of g
            parent = np.zeros(left.size, dtype=np.intp)
            parent[left.codes] = right.codes
            return Pair(left, np.arange(left.size), parent)
        also = self._known(f, g, levels)
        keys = left.codes * right.size + right.codes
        extra = also[0] * right.size + also[1]
        distinct, codes = np.unique(np.concatenate([keys, extra]), return_inverse=True)
        groups = Grouping(codes[: len(keys)], len(distinct))
        return Pair(groups, distinct // right.size, distinct % right.size)

    def _known(self, f: int, g: int, levels: tuple[Ints, ...]) -> tuple[Ints, Ints]:
        """Pairs of levels that must have a place even if they do not meet in these rows."""
        if self.known is None or f > 0:  # the rest is dense
            return NONE, NONE
        return self.known.between(self.order[f], self.order[g]).within(levels[0])[:2]


def places_of(
    loads: tuple[Load, ...], pairs: Mapping[tuple[int, int], Pair], n_owned: int
) -> dict[tuple[int, int], tuple[Ints, Ints]]:
    """Places in A_RR of cross-products (f, g): rows (k_f, 1, P) and columns (1, k_g, P)."""
    sizes = [(len(load.columns), load.grouping.size) for load in loads]
    starts = np.cumsum([*([0] * n_owned), 0, *(k * n for k, n in sizes[n_owned:])])
    places = {}
    for f in range(n_owned, len(loads)):
        for g in range(f, len(loads)):
            every = np.arange(sizes[f][1])
            left, right = (every, every) if f == g else pairs[f, g][1:]
            rows = starts[f] + sizes[f][1] * np.arange(sizes[f][0])[:, None, None] + left
            columns = starts[g] + sizes[g][1] * np.arange(sizes[g][0])[None, :, None] + right
            places[f, g] = rows, columns
    return places


def chain_of(loads: tuple[Load, ...], pairs: Mapping[tuple[int, int], Pair], n_owned: int) -> Chain:
    """Return the pattern of nested factors: parents of levels, and entries with crossed factors."""
    parents = {
        (i, j): Grouping(pairs[i, j].right, loads[j].grouping.size)
        for i in range(n_owned)
        for j in range(i + 1, n_owned)
    }
    return Chain.of(parents, [_pattern(i, loads, pairs, n_owned) for i in range(n_owned)])


def _pattern(
    i: int, loads: tuple[Load, ...], pairs: Mapping[tuple[int, int], Pair], n_owned: int
) -> Pattern:
    """Entries of factor i with the rest, in the order factor, column, pair."""
    levels, columns, start = [NONE], [NONE], 0
    for g, load in enumerate(loads[n_owned:], n_owned):
        for _ in load.columns:
            levels.append(pairs[i, g].left)
            columns.append(start + pairs[i, g].right)
            start += load.grouping.size
    n_levels = loads[i].grouping.size
    return Pattern(np.concatenate(levels), np.concatenate(columns), n_levels, start)
