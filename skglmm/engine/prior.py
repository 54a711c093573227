r"""Priors of the spherical effects: standard normal, flat, or the posterior of earlier rows.

A model's own prior is :math:`u \sim N(0, I)`. Rows that were seen before leave their normal
approximation behind: :math:`u \sim N(\hat u, H^{-1})` with the Hessian :math:`H = I + G` of their
penalized log density, whose curvature G lives on the levels that meet in these rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skglmm.arrays import Floats, Ints
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import Blocks, Chain, Grouping, NestedEffects
from skglmm.parts import Parts

__all__ = [
    "Coupling",
    "EffectInformation",
    "NormalPosterior",
    "NormalPrior",
    "Prior",
    "StandardPrior",
]

Modes = tuple[Floats, ...]
Sparse = Any  # a matrix of scipy.sparse


class Coupling(NamedTuple):
    """Off-diagonal blocks of an information matrix, for levels of two factors with common rows."""

    left: Ints  # (n_pairs,) level of the first factor
    right: Ints  # (n_pairs,) level of the second
    values: Floats  # (k_f, k_g, n_pairs)

    def swapped(self) -> "Coupling":
        """Return the same pairs, the second factor first."""
        return Coupling(self.right, self.left, np.swapaxes(self.values, 0, 1))

    def within(self, levels: Ints) -> "Coupling":
        """Return the pairs of some levels of the first factor, numbered as these are given."""
        place = np.full(int(max(self.left.max(initial=-1), levels.max(initial=-1))) + 1, -1)
        place[levels] = np.arange(len(levels))
        inside = place[self.left] >= 0
        return Coupling(place[self.left[inside]], self.right[inside], self.values[:, :, inside])

    def merged(self) -> "Coupling":
        """Return each pair once, in order, with the sum of its values."""
        size = int(self.right.max(initial=0)) + 1
        keys = self.left * size + self.right
        if _is_rising(keys):
            return self
        order = np.argsort(keys, kind="stable")
        if _is_rising(keys[order]):
            return Coupling(self.left[order], self.right[order], self.values[:, :, order])
        keys, codes = np.unique(keys, return_inverse=True)
        groups = Grouping(codes, len(keys))
        rows = self.values.reshape(-1, len(codes))
        sums = np.array([groups.sum(row) for row in rows]).reshape(*self.values.shape[:2], -1)
        return Coupling(keys // size, keys % size, sums)


@dataclass(frozen=True)
class EffectInformation:
    """Observed information about the spherical effects: minus the Hessian of a log likelihood.

    Parameters
    ----------
    blocks : tuple of ndarray, each of shape (k, k, L)
        Of the effects of one level, for each factor in the order of the layout.
    pairs : mapping from (f, g), f < g, to Coupling
        Between levels of two factors.
    """

    blocks: tuple[Floats, ...]
    pairs: Mapping[tuple[int, int], Coupling]

    def __getstate__(self) -> dict[str, Any]:
        return {"blocks": self.blocks, "pairs": tuple(self.pairs.items())}  # files have text keys

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(blocks=state["blocks"], pairs=dict(state["pairs"]))

    @cached_property
    def matrix(self) -> Sparse:
        """The whole of it, sparse: factor by factor, column by column, by level."""
        sizes = [block.shape[1:] for block in self.blocks]
        starts = np.cumsum([0, *(k * n for k, n in sizes)])
        rows, columns, values = [], [], [np.zeros(0)]

        def put(f: int, g: int, left: Ints, right: Ints, block: Floats) -> None:
            i = starts[f] + sizes[f][1] * np.arange(sizes[f][0])[:, None, None] + left
            j = starts[g] + sizes[g][1] * np.arange(sizes[g][0])[None, :, None] + right
            i, j = np.broadcast_arrays(i, j)
            rows.append(i.ravel())
            columns.append(j.ravel())
            values.append(block.ravel())

        for f, block in enumerate(self.blocks):
            every = np.arange(sizes[f][1])
            put(f, f, every, every, block)
        for (f, g), pair in self.pairs.items():
            put(f, g, pair.left, pair.right, pair.values)
            put(g, f, pair.right, pair.left, np.swapaxes(pair.values, 0, 1))
        places = np.concatenate([starts[:0], *rows]), np.concatenate([starts[:0], *columns])
        return sparse.csr_matrix((np.concatenate(values), places), shape=(starts[-1], starts[-1]))

    def between(self, f: int, g: int) -> Coupling:
        """Return the pairs of two different factors, in either order."""
        return self.pairs[f, g] if f < g else self.pairs[g, f].swapped()

    def padded(self, n_levels: Sequence[int]) -> "EffectInformation":
        """Return the same curvature where levels that it knows nothing of follow."""
        grown = (n - block.shape[-1] for n, block in zip(n_levels, self.blocks, strict=True))
        blocks = (
            np.pad(block, [(0, 0), (0, 0), (0, more)])
            for block, more in zip(self.blocks, grown, strict=True)
        )
        return EffectInformation(tuple(blocks), self.pairs)

    def widened(self, f: int, more: int) -> "EffectInformation":
        """Return the same curvature where levels of a factor have effects more, of no rows."""
        blocks, pairs = list(self.blocks), dict(self.pairs)
        blocks[f] = np.pad(blocks[f], [(0, more), (0, more), (0, 0)])
        for key, pair in pairs.items():
            width = [(0, more if g == f else 0) for g in key]
            pairs[key] = pair._replace(values=np.pad(pair.values, [*width, (0, 0)]))
        return EffectInformation(tuple(blocks), pairs)

    def __add__(self, other: "EffectInformation") -> "EffectInformation":
        blocks = tuple(a + b for a, b in zip(self.blocks, other.blocks, strict=True))
        pairs = {
            key: Coupling(
                np.concatenate([mine.left, other.pairs[key].left]),
                np.concatenate([mine.right, other.pairs[key].right]),
                np.concatenate([mine.values, other.pairs[key].values], axis=-1),
            ).merged()
            for key, mine in self.pairs.items()
        }
        return EffectInformation(blocks, pairs)


class NormalPosterior(NamedTuple):
    """Normal posterior of the effects given earlier rows, factors in the order of the layout."""

    mean: Modes  # (k, L) for each factor
    effect_information: EffectInformation


class Prior(ABC):
    """Distribution of the spherical effects of a problem."""

    @abstractmethod
    def halves(self, u: Effects) -> Effects:
        """Return minus the log density, up to a constant, as a sum of entries of each effect."""

    @abstractmethod
    def score(self, u: Effects) -> Effects:
        """Return the gradient of the log density."""

    @abstractmethod
    def times(self, u: Effects) -> Effects:
        """Return the precision times effects."""

    def penalized(self, u: Effects) -> Effects:
        """Return effects with zeros for those of which nothing is known beforehand."""
        return u

    @abstractmethod
    def crossed(self, n_crossed: int) -> Floats:
        """Return the precision of the crossed factors, a new array."""

    @abstractmethod
    def corner_on(self, sizes: Sequence[tuple[int, int]]) -> "Corner":
        """Return the same by levels, of crossed factors with these columns and levels."""

    @property
    @abstractmethod
    def known(self) -> tuple[Parts[Any], ...]:
        """Precision of the effects of each shard, as `add` takes it."""

    @staticmethod
    @abstractmethod
    def add(blocks: Blocks, *known: Any) -> None:
        """Add the precision of a shard's effects to blocks, in place."""


class Corner(NamedTuple):
    """Precision of the crossed effects: of single levels, and between those of several factors."""

    own: list[Floats]  # (k, k, L) for each factor
    above: Sparse  # (n_crossed, n_crossed), above the diagonal; None where there is nothing

    def times(self, x: Floats) -> Floats:
        """Return the precision times crossed effects, (n_crossed,)."""
        start, parts = 0, [np.zeros(0)]
        for block in self.own:
            k, _, n = block.shape
            part = x[start : start + k * n].reshape(k, n)
            parts.append(np.einsum("abl,bl->al", block, part).ravel())
            start += k * n
        found = np.concatenate(parts)
        return found if self.above is None else found + self.above @ x + self.above.T @ x

    def dense(self, n_crossed: int) -> Floats:
        """Return the whole matrix."""
        found, start = np.zeros((n_crossed, n_crossed)), 0
        if self.above is not None:
            found += self.above.toarray()
            found += self.above.T.toarray()
        for block in self.own:
            k, _, n = block.shape
            places = start + n * np.arange(k)[:, None, None] + np.arange(n)
            found[places, np.swapaxes(places, 0, 1)] = block
            start += k * n
        return found


@dataclass(frozen=True)
class StandardPrior(Prior):
    """Independent standard normal effects, but for the last ones, whose prior is flat.

    Parameters
    ----------
    n_flat : int
        Effects at the end of the crossed ones of which nothing is known beforehand.
    """

    n_flat: int = 0

    def halves(self, u: Effects) -> Effects:
        u = self.penalized(u)
        return u.times(u, 0.5)

    def score(self, u: Effects) -> Effects:
        return self.penalized(u).negative()

    def times(self, u: Effects) -> Effects:
        return self.penalized(u)

    def penalized(self, u: Effects) -> Effects:
        if not self.n_flat:
            return u
        crossed = u.crossed.copy()
        crossed[-self.n_flat :] = 0.0
        return u.like(u.nested, crossed)

    def crossed(self, n_crossed: int) -> Floats:
        precision, flat = np.eye(n_crossed), np.arange(n_crossed - self.n_flat, n_crossed)
        precision[flat, flat] = 0.0
        return precision

    def corner_on(self, sizes: Sequence[tuple[int, int]]) -> "Corner":
        own = [np.repeat(np.eye(k)[:, :, None], n, axis=2) for k, n in sizes]
        if self.n_flat:
            own[-1][:] = 0.0
        return Corner(own, None)

    @property
    def known(self) -> tuple[Parts[Any], ...]:
        return ()

    @staticmethod
    def add(blocks: Blocks, *known: Any) -> None:
        assert not known
        for own in blocks.own:
            every = np.arange(len(own))
            own[every, every] += 1.0


class _Known(NamedTuple):
    """Precision of the nested factors in one shard."""

    own: list[Floats]  # (k_i, k_i, L_i) for each of them
    between: dict[tuple[int, int], Floats]  # (k_i, k_j, L_i)
    crossed: list[Floats]  # (k_i, m_i), on the shard's patterns
    chain: Chain


@dataclass(frozen=True)
class NormalPrior(Prior):
    """Normal effects whose precision has the structure of a Hessian.

    Parameters
    ----------
    mean : Effects
    precisions : Parts
        Precision of the nested factors, and their coupling to the crossed ones, in each shard.
    corner : Corner
        Precision of the crossed factors.
    """

    mean: Effects
    precisions: Parts[_Known]
    corner: "Corner"

    @classmethod
    def of(
        cls, earlier: NormalPosterior, order: tuple[int, ...], shards: Parts[Shard]
    ) -> "NormalPrior":
        """Make the posterior of earlier rows a prior.

        With a chain of several factors the levels that belong together must be in one shard.
        """
        information, mean = earlier.effect_information, [earlier.mean[f] for f in order]
        n_nested = len(next(iter(shards)).levels)
        nested = shards.map(_at_levels, whole=mean[:n_nested])
        crossed = np.concatenate([np.zeros(0), *(part.ravel() for part in mean[n_nested:])])
        known = shards.map(_known, information=information, order=order)
        return cls(Effects(nested, crossed), known, _corner(information, order[n_nested:]))

    def times(self, u: Effects) -> Effects:
        nested = self.precisions.map(_precision_times, u.nested, crossed=u.crossed)
        lifted = self.precisions.map(_lifted, u.nested).total()
        return Effects(nested, self.corner.times(u.crossed) + lifted)

    def halves(self, u: Effects) -> Effects:
        moved = u.plus(self.mean, -1.0)
        return moved.times(self.times(moved), 0.5)

    def score(self, u: Effects) -> Effects:
        return self.times(self.mean.plus(u, -1.0))

    def crossed(self, n_crossed: int) -> Floats:
        return self.corner.dense(n_crossed)

    def corner_on(self, sizes: Sequence[tuple[int, int]]) -> "Corner":
        del sizes
        return self.corner

    @property
    def known(self) -> tuple[Parts[_Known], ...]:
        return (self.precisions,)

    @staticmethod
    def add(blocks: Blocks, *known: _Known) -> None:
        for i, block in enumerate(known[0].own):
            blocks.own[i][:] += block
            blocks.crossed[i][:] += known[0].crossed[i]
        for key, block in known[0].between.items():
            blocks.between[key][:] += block


def _is_rising(keys: Ints) -> bool:
    return bool(np.all(keys[1:] > keys[:-1]))


def _at_levels(shard: Shard, whole: Sequence[Floats]) -> NestedEffects:
    return tuple([part[:, levels] for part, levels in zip(whole, shard.levels, strict=True)])


def _known(shard: Shard, information: EffectInformation, order: tuple[int, ...]) -> _Known:
    n_nested, own, between = len(shard.levels), [], {}
    for i, levels in enumerate(shard.levels):
        block = information.blocks[order[i]][:, :, levels]
        own.append(block + np.eye(len(block))[:, :, None])
        for j in range(i + 1, n_nested):
            pairs = information.between(order[i], order[j]).within(levels)
            between[i, j] = np.zeros((*pairs.values.shape[:2], len(levels)))
            between[i, j][:, :, pairs.left] = pairs.values
    crossed = [_coupling(shard, information, order, i) for i in range(n_nested)]
    return _Known(own, between, crossed, shard.chain)


def _precision_times(known: _Known, own: NestedEffects, crossed: Floats) -> NestedEffects:
    products = [
        np.einsum("abl,bl->al", block, part) + pattern.by_level(entries * crossed[pattern.columns])
        for block, part, entries, pattern in zip(
            known.own, own, known.crossed, known.chain.patterns, strict=True
        )
    ]
    for (i, j), block in known.between.items():
        parent = known.chain.parents[i, j]
        products[i] += np.einsum("abl,bl->al", block, parent.spread(own[j]))
        products[j] += parent.sum(np.einsum("abl,al->bl", block, own[i]))
    return tuple(products)


def _lifted(known: _Known, own: NestedEffects) -> Floats:
    parts = zip(known.crossed, own, known.chain.patterns, strict=True)
    sums = [
        pattern.by_column(np.sum(entries * part[:, pattern.levels], axis=0))
        for entries, part, pattern in parts
    ]
    return np.asarray(np.sum(sums, axis=0))


def _coupling(
    shard: Shard, information: EffectInformation, order: tuple[int, ...], i: int
) -> Floats:
    """Put the curvature between a nested factor and the crossed ones on a shard's pattern."""
    size, n_nested = len(information.blocks[order[i]]), len(shard.levels)
    parts = [np.zeros((size, 0))]
    for j, g in enumerate(order[n_nested:], n_nested):
        pair, known = shard.pairs[i, j], information.between(order[i], g).within(shard.levels[i])
        width = shard.factors[j].grouping.size
        place = np.searchsorted(pair.left * width + pair.right, known.left * width + known.right)
        values = np.zeros((*known.values.shape[:2], len(pair.left)))
        values[:, :, place] = known.values
        parts.append(values.reshape(size, -1))
    return np.hstack(parts)


def _corner(information: EffectInformation, crossed: tuple[int, ...]) -> "Corner":
    """Precision of the factors `crossed`: their information and the identity."""
    shapes = [information.blocks[f].shape[1:] for f in crossed]
    starts = np.cumsum([0, *(k * n for k, n in shapes)])
    own = [
        information.blocks[f] + np.eye(k)[:, :, None]
        for f, (k, _) in zip(crossed, shapes, strict=True)
    ]
    places: list[list[Any]] = []
    for i, (f, (k, n)) in enumerate(zip(crossed, shapes, strict=True)):
        for j in range(i):
            left, right, values = information.between(f, crossed[j])
            rows = starts[i] + n * np.arange(k)[:, None, None] + left
            columns = starts[j] + shapes[j][1] * np.arange(shapes[j][0])[None, :, None] + right
            whole = np.broadcast_arrays(columns, rows, values)
            places.append([part.ravel() for part in whole])
    if not places:
        return Corner(own, None)
    above, beside, entries = (np.concatenate(part) for part in zip(*places, strict=True))
    size = int(starts[-1])
    return Corner(own, sparse.csr_array((entries, (above, beside)), shape=(size, size)))
