"""One shard of many that have no rows any more: what is left of them is small."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.gaussian.condensed import NO_CODES, CondensedShard, ResponseSums
from skglmm.engine.problem.cut import chain_of, places_of
from skglmm.engine.rows.shard import CommonLevels, FactorRows, Shard
from skglmm.linalg import Grouping

__all__ = ["Merger", "with_sums"]

Key = tuple[int, int]


@dataclass(frozen=True)
class Merger:
    """Puts the levels of shards without rows one after the other, and adds up what they share.

    Parameters
    ----------
    shards : tuple of Shard
    """

    shards: tuple[Shard, ...]

    @cached_property
    def shard(self) -> Shard:
        """All levels, as one shard."""
        first, levels = self.shards[0], [shard.levels for shard in self.shards]
        if len(self.shards) == 1:
            return first
        factors = tuple(
            FactorRows(Grouping(NO_CODES, self._size(f)), each.columns, each.predictors)
            for f, each in enumerate(first.factors)
        )
        pairs = {key: self._pairs(key)[0] for key in first.pairs}
        return replace(
            first,
            factors=factors,
            pairs=pairs,
            places=places_of(factors, pairs, self._n_nested),
            levels=tuple(np.concatenate(own) for own in zip(*levels, strict=True)),
            chain=chain_of(factors, pairs, self._n_nested).briefly_used(),
        )

    def condensed(self, parts: Sequence[CondensedShard]) -> CondensedShard:
        """Return the cross-products of all shards, of which each part has those of one."""
        first = parts[0]
        if len(parts) == 1:
            return first
        whole = replace(
            first,
            products={key: self._block(key, parts) for key in first.products},
            weight=sum(part.weight for part in parts),
            log_size=sum(part.log_size for part in parts),
            lost=0.0,
        )
        sums = [ResponseSums(part.sums, part.square, part.lost) for part in parts]
        return with_sums(whole, sums, self._n_nested)

    @property
    def _n_nested(self) -> int:
        return len(self.shards[0].levels)

    def _size(self, f: int) -> int:
        if f < self._n_nested:
            return sum(len(shard.levels[f]) for shard in self.shards)
        return self.shards[0].factors[f].grouping.size

    def _starts(self, f: int) -> Ints:
        """What is added to the levels of a factor of each shard."""
        if f >= self._n_nested:
            return np.zeros(len(self.shards), dtype=np.intp)
        counts = np.array([len(shard.levels[f]) for shard in self.shards])
        return np.asarray(np.cumsum(counts) - counts)

    def _pairs(self, key: Key) -> tuple[CommonLevels, Ints | None]:
        """The pairs of levels of two factors, and, if shards share them, the place of each."""
        pairs = [shard.pairs[key] for shard in self.shards]
        starts = [zip(pairs, self._starts(f), strict=True) for f in key]
        left = np.concatenate([pair.left + start for pair, start in starts[0]])
        right = np.concatenate([pair.right + start for pair, start in starts[1]])
        places = None
        if key[0] >= self._n_nested:
            size = self._size(key[1])
            distinct, places = np.unique(left * size + right, return_inverse=True)
            left, right = distinct // size, distinct % size
        return CommonLevels(Grouping(NO_CODES, len(left)), left, right), places

    def _block(self, key: Key, parts: Sequence[CondensedShard]) -> Floats:
        blocks = [part.products[key] for part in parts]
        f, g = key
        if f == g or f < self._n_nested or g == len(self.shards[0].factors):  # a level, or the one
            return _joined(blocks, is_nested=f < self._n_nested)
        common, places = self._pairs(key)
        assert places is not None
        rows = np.concatenate(blocks, axis=2).reshape(-1, len(places))
        sums = np.array([np.bincount(places, row, len(common.left)) for row in rows])
        return sums.reshape(*blocks[0].shape[:2], len(common.left))


def with_sums(
    whole: CondensedShard, parts: Sequence[ResponseSums], n_nested: int
) -> CondensedShard:
    """Return cross-products of all shards with the response of their parts."""
    columns = zip(*(part.sums for part in parts), strict=True)
    sums = [_joined(column, is_nested=f < n_nested) for f, column in enumerate(columns)]
    square, lost = sum(part.square for part in parts), sum(part.lost for part in parts)
    return replace(whole, sums=sums, square=square, lost=lost)


def _joined(parts: Sequence[Floats], *, is_nested: bool) -> Floats:
    """Parts of a nested factor one after the other; of a crossed one their sum."""
    return np.concatenate(parts, axis=-1) if is_nested else np.asarray(sum(parts[1:], parts[0]))
