"""Partition of the rows into shards with whole levels of the nested factors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, OneHot
from skglmm.engine.prior import EffectInformation
from skglmm.engine.rows.factor_rows import AnyFactorRows, FactorRows, OneHotRows
from skglmm.engine.rows.shard import CommonLevels, Shard
from skglmm.families import Packing
from skglmm.linalg import Chain, Grouping, Pattern

__all__ = ["Cutter", "chain_of", "places_of"]

NONE = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True)
class Cutter:
    """Cuts sorted rows into shards.

    Parameters
    ----------
    design : Design
        Its rows in any order.
    rows : ndarray of int, shape (n,), or slice
        Their places, sorted by the chain, the last factor of it first, then by the others.
    order : tuple of int
        The factors of the layout, those of the chain first.
    n_nested : int
        Length of the chain.
    prepared : ndarray, shape (m, n)
        What the family needs of the response, sorted.
    weights : ndarray, shape (n,), or None
        Sorted.
    constant : list of bool
        Which predictors have the same value in every row.
    packing : Packing
        Of the derivatives of the log density.
    known : EffectInformation or None
        Pairs of levels to provide for, whether or not they meet in these rows.
    is_part : bool
        Whether levels without rows have them elsewhere.
    kind : type
        Of the shards.
    """

    design: Design
    rows: Ints | slice
    order: tuple[int, ...]
    n_nested: int
    prepared: Floats
    weights: Floats | None
    constant: list[bool]
    packing: Packing
    known: EffectInformation | None
    is_part: bool = False
    kind: type[Shard] = Shard

    def cuts(self, shard_rows: int) -> Iterator[slice]:
        """Ranges of rows that split no level of the chain."""
        n = self.design.n_samples
        ends = np.arange(shard_rows, n, shard_rows)
        if self.n_nested:
            highest = self.design.codes[self.order[self.n_nested - 1]][self.rows]
            ends = np.unique(np.searchsorted(highest, highest[ends - 1], side="right"))
        bounds = np.unique(np.concatenate([[0], ends, [n]]).astype(int))
        for start, end in pairwise(bounds):
            yield slice(int(start), int(end))

    def whole(self) -> Shard:
        """Build one shard of all rows; all levels that it owns have rows."""
        return replace(self, is_part=True).shard(slice(0, self.design.n_samples))

    def shard(self, rows: slice) -> Shard:
        """Build the shard of a range of sorted rows."""
        design = self.design.take(rows if isinstance(self.rows, slice) else self.rows[rows])
        is_first = not rows.start
        levels = tuple(self._levels(i, design, is_first=is_first) for i in range(self.n_nested))
        factors = tuple(self._factor_rows(i, design, levels) for i in range(len(self.order)))
        pairs = {
            (f, g): self._common_levels(f, g, factors, levels)
            for f in range(len(factors))
            for g in range(f + 1, len(factors))
        }
        return self.kind(
            prepared=np.ascontiguousarray(self.prepared[:, rows]),
            weights=None if self.weights is None else self.weights[rows],
            fixed=tuple(
                x[:1].copy(order="F") if one else x
                for x, one in zip(design.fixed, self.constant, strict=True)
            ),
            offsets=design.offsets,
            factors=factors,
            pairs=pairs,
            places=places_of(factors, pairs, self.n_nested),
            levels=levels,
            chain=chain_of(factors, pairs, self.n_nested),
            packing=self.packing,
        )

    @cached_property
    def _absent(self) -> list[Ints]:
        """Levels of the chain without rows: those of the first shard, too."""
        found = []
        for f in self.order[: self.n_nested]:
            occurs = np.zeros(self.design.layout.factors[f].n_levels, dtype=np.bool_)
            occurs[self.design.codes[f]] = True
            found.append(np.flatnonzero(~occurs))
        return found

    def _levels(self, i: int, design: Design, *, is_first: bool) -> Ints:
        codes = design.codes[self.order[i]]
        first = np.concatenate([[True], np.diff(codes) != 0])
        own = codes[first]  # each once, as rows are sorted and factors nested
        return own if not is_first or self.is_part else np.concatenate([own, self._absent[i]])

    def _factor_rows(self, i: int, design: Design, levels: tuple[Ints, ...]) -> AnyFactorRows:
        f = self.order[i]
        factor, codes = design.layout.factors[f], design.codes[f]
        size = factor.n_levels
        if i < self.n_nested:
            codes = np.cumsum(np.concatenate([[0], np.diff(codes) != 0]))
            size = len(levels[i])
        columns, grouping = design.columns[f], Grouping(np.ascontiguousarray(codes), size)
        if isinstance(columns, OneHot):
            (predictor,) = set(factor.predictors)  # all effects feed one
            return OneHotRows(grouping, columns.index, columns.size, predictor, columns.values)
        return FactorRows(
            grouping=grouping,
            columns=tuple(
                None if np.all(column == 1.0) else np.ascontiguousarray(column)
                for column in columns.T
            ),
            predictors=factor.predictors,
        )

    def _common_levels(
        self, f: int, g: int, factors: tuple[AnyFactorRows, ...], levels: tuple[Ints, ...]
    ) -> CommonLevels:
        left, right = factors[f].grouping, factors[g].grouping
        if g < self.n_nested:  # nested: each level of f meets one of g
            parent = np.zeros(left.size, dtype=np.intp)
            child, above = self._known(f, g, levels)
            parent[child] = _places(levels[g], above)
            parent[left.codes] = right.codes
            return CommonLevels(left, np.arange(left.size), parent)
        also = self._known(f, g, levels)
        keys = left.codes * right.size + right.codes
        if not len(also[0]) and np.all(keys[1:] > keys[:-1]):  # every row is a pair, in order
            return CommonLevels(Grouping(_first(len(keys)), len(keys)), left.codes, right.codes)
        extra = also[0] * right.size + also[1]
        distinct, codes = np.unique(np.concatenate([keys, extra]), return_inverse=True)
        groups = Grouping(codes[: len(keys)], len(distinct))
        return CommonLevels(groups, distinct // right.size, distinct % right.size)

    def _known(self, f: int, g: int, levels: tuple[Ints, ...]) -> tuple[Ints, Ints]:
        """Pairs of levels that must have a place even if they do not meet in these rows."""
        if self.known is None or f >= self.n_nested:  # crossed factors are dense
            return NONE, NONE
        return self.known.between(self.order[f], self.order[g]).within(levels[f])[:2]


def _first(n: int) -> Ints:
    """Return the numbers below n, shared by all that ask for them."""
    return _numbers(1 << max(n - 1, 0).bit_length())[:n]


@cache
def _numbers(n: int) -> Ints:
    found = np.arange(n)
    found.setflags(write=False)
    return found


def _places(levels: Ints, wanted: Ints) -> Ints:
    """Where levels are among those of a shard, which has them all."""
    order = np.argsort(levels)
    return np.asarray(order[np.searchsorted(levels, wanted, sorter=order)])


def places_of(
    factors: tuple[AnyFactorRows, ...], pairs: Mapping[tuple[int, int], CommonLevels], n_nested: int
) -> dict[tuple[int, int], tuple[Ints, Ints]]:
    """Places in A_CC of cross-products (f, g): rows (k_f, 1, P) and columns (1, k_g, P)."""
    sizes = [(factor.n_columns, factor.grouping.size) for factor in factors]
    starts = np.cumsum([*([0] * n_nested), 0, *(k * n for k, n in sizes[n_nested:])])
    places = {}
    for f in range(n_nested, len(factors)):
        for g in range(f, len(factors)):
            every = np.arange(sizes[f][1])
            left, right = (every, every) if f == g else pairs[f, g][1:]
            rows = starts[f] + sizes[f][1] * np.arange(sizes[f][0])[:, None, None] + left
            columns = starts[g] + sizes[g][1] * np.arange(sizes[g][0])[None, :, None] + right
            places[f, g] = rows, columns
    return places


def chain_of(
    factors: tuple[AnyFactorRows, ...], pairs: Mapping[tuple[int, int], CommonLevels], n_nested: int
) -> Chain:
    """Return the pattern of nested factors: parents of levels, and entries with crossed factors."""
    parents = {
        (i, j): Grouping(pairs[i, j].right, factors[j].grouping.size)
        for i in range(n_nested)
        for j in range(i + 1, n_nested)
    }
    return Chain.of(parents, [_pattern(i, factors, pairs, n_nested) for i in range(n_nested)])


def _pattern(
    i: int,
    factors: tuple[AnyFactorRows, ...],
    pairs: Mapping[tuple[int, int], CommonLevels],
    n_nested: int,
) -> Pattern:
    """Entries of factor i with the crossed factors, in the order factor, column, pair."""
    start = 0
    levels: list[Ints] = []
    columns: list[Ints] = []
    for g, factor in enumerate(factors[n_nested:], n_nested):
        for _ in range(factor.n_columns):
            levels.append(pairs[i, g].left)
            columns.append(start + pairs[i, g].right if start else pairs[i, g].right)
            start += factor.grouping.size
    n_levels = factors[i].grouping.size
    return Pattern(_joined(levels), _joined(columns), n_levels, start)


def _joined(parts: list[Ints]) -> Ints:
    """All numbers in one array, which of one part is no copy."""
    return parts[0] if len(parts) == 1 else np.concatenate([NONE, *parts])
