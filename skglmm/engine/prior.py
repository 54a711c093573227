r"""Priors of the spherical effects: standard normal, flat, or the posterior of earlier rows.

A model's own prior is :math:`u \sim N(0, I)`. Rows that were seen before leave their normal
approximation behind: :math:`u \sim N(\hat u, H^{-1})` with the Hessian :math:`H = I + G` of their
penalized log density, whose curvature G lives on the levels that meet in these rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.rows.effects import Split
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import Blocks, Grouping, Own, Pattern
from skglmm.parts import Parts

__all__ = ["Curvature", "Meeting", "NormalPrior", "Prior", "Remembered", "StandardPrior"]

Modes = tuple[Floats, ...]


class Meeting(NamedTuple):
    """Off-diagonal blocks of an information matrix, for levels of two factors with common rows."""

    left: Ints  # (n_pairs,) level of the first factor
    right: Ints  # (n_pairs,) level of the second
    values: Floats  # (k_f, k_g, n_pairs)

    def swapped(self) -> "Meeting":
        """Return the same pairs, the second factor first."""
        return Meeting(self.right, self.left, np.swapaxes(self.values, 0, 1))

    def within(self, levels: Ints) -> "Meeting":
        """Return the pairs of some levels of the first factor, numbered as these are given."""
        place = np.full(int(max(self.left.max(initial=-1), levels.max(initial=-1))) + 1, -1)
        place[levels] = np.arange(len(levels))
        inside = place[self.left] >= 0
        return Meeting(place[self.left[inside]], self.right[inside], self.values[:, :, inside])

    def merged(self) -> "Meeting":
        """Return each pair once, in order, with the sum of its values."""
        size = int(self.right.max(initial=0)) + 1
        keys, codes = np.unique(self.left * size + self.right, return_inverse=True)
        groups = Grouping(codes, len(keys))
        rows = self.values.reshape(-1, len(codes))
        sums = np.array([groups.sum(row) for row in rows]).reshape(*self.values.shape[:2], -1)
        return Meeting(keys // size, keys % size, sums)


@dataclass(frozen=True)
class Curvature:
    """Observed information about the spherical effects: minus the Hessian of a log likelihood.

    Parameters
    ----------
    blocks : tuple of ndarray, each of shape (k, k, L)
        Of the effects of one level, for each factor in the order of the layout.
    pairs : mapping from (f, g), f < g, to Meeting
        Between levels of two factors.
    """

    blocks: tuple[Floats, ...]
    pairs: Mapping[tuple[int, int], Meeting]

    def __getstate__(self) -> dict[str, Any]:
        return {"blocks": self.blocks, "pairs": tuple(self.pairs.items())}  # files have text keys

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(blocks=state["blocks"], pairs=dict(state["pairs"]))

    def between(self, f: int, g: int) -> Meeting:
        """Return the pairs of two different factors, in either order."""
        return self.pairs[f, g] if f < g else self.pairs[g, f].swapped()

    def padded(self, n_levels: Sequence[int]) -> "Curvature":
        """Return the same curvature where levels that it knows nothing of follow."""
        grown = (n - block.shape[-1] for n, block in zip(n_levels, self.blocks, strict=True))
        blocks = (
            np.pad(block, [(0, 0), (0, 0), (0, more)])
            for block, more in zip(self.blocks, grown, strict=True)
        )
        return Curvature(tuple(blocks), self.pairs)

    def __add__(self, other: "Curvature") -> "Curvature":
        blocks = tuple(a + b for a, b in zip(self.blocks, other.blocks, strict=True))
        pairs = {
            key: Meeting(
                np.concatenate([mine.left, other.pairs[key].left]),
                np.concatenate([mine.right, other.pairs[key].right]),
                np.concatenate([mine.values, other.pairs[key].values], axis=-1),
            ).merged()
            for key, mine in self.pairs.items()
        }
        return Curvature(blocks, pairs)


class Remembered(NamedTuple):
    """Normal posterior of the effects given earlier rows, factors in the order of the layout."""

    mean: Modes  # (k, L) for each factor
    curvature: Curvature


class Prior(ABC):
    """Distribution of the spherical effects of a problem."""

    @abstractmethod
    def halves(self, u: Split) -> Split:
        """Return minus the log density, up to a constant, as a sum of entries of each effect."""

    @abstractmethod
    def score(self, u: Split) -> Split:
        """Return the gradient of the log density."""

    @abstractmethod
    def times(self, u: Split) -> Split:
        """Return the precision times effects."""

    def penalized(self, u: Split) -> Split:
        """Return effects with zeros for those of which nothing is known beforehand."""
        return u

    @abstractmethod
    def rest(self, n_rest: int) -> Floats:
        """Return the precision of the factors that are not of the chain, a new array."""

    @property
    @abstractmethod
    def known(self) -> tuple[Parts[Any], ...]:
        """Precision of the effects of each shard, as `add` takes it."""

    @staticmethod
    @abstractmethod
    def add(blocks: Blocks, *known: Any) -> None:
        """Add the precision of a shard's effects to blocks, in place."""


@dataclass(frozen=True)
class StandardPrior(Prior):
    """Independent standard normal effects, but for the last ones, whose prior is flat.

    Parameters
    ----------
    n_flat : int
        Effects at the end of the rest of which nothing is known beforehand.
    """

    n_flat: int = 0

    def halves(self, u: Split) -> Split:
        u = self.penalized(u)
        return u.times(u, 0.5)

    def score(self, u: Split) -> Split:
        return Split(u.tops.map(_negative), -self.penalized(u).rest)

    def times(self, u: Split) -> Split:
        return self.penalized(u)

    def penalized(self, u: Split) -> Split:
        if not self.n_flat:
            return u
        rest = u.rest.copy()
        rest[-self.n_flat :] = 0.0
        return Split(u.tops, rest)

    def rest(self, n_rest: int) -> Floats:
        precision, flat = np.eye(n_rest), np.arange(n_rest - self.n_flat, n_rest)
        precision[flat, flat] = 0.0
        return precision

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
    """Precision of the leading factor in one shard."""

    block: Floats  # (k, k, L)
    coupling: Floats  # (k, m), on the shard's pattern
    pattern: Pattern


@dataclass(frozen=True)
class NormalPrior(Prior):
    """Normal effects whose precision has the structure of a Hessian.

    Parameters
    ----------
    mean : Split
    precisions : Parts
        Precision of the leading factor, and its coupling to the rest, in each shard.
    corner : ndarray, shape (n_rest, n_rest)
        Precision of the rest.
    """

    mean: Split
    precisions: Parts[_Known]
    corner: Floats

    @classmethod
    def of(
        cls, remembered: Remembered, order: tuple[int, ...], shards: Parts[Shard]
    ) -> "NormalPrior":
        """Make the posterior of earlier rows a prior, where the chain is a single factor."""
        curvature, mean = remembered.curvature, [remembered.mean[f] for f in order]
        tops = shards.map(_at_levels, whole=mean[0])
        rest = np.concatenate([np.zeros(0), *(part.ravel() for part in mean[1:])])
        known = shards.map(_known, curvature=curvature, order=order)
        return cls(Split(tops, rest), known, _corner(curvature, order[1:]))

    def times(self, u: Split) -> Split:
        tops = self.precisions.map(_precision_times, u.tops, rest=u.rest)
        lifted = self.precisions.map(_lifted, u.tops).total()
        return Split(tops, self.corner @ u.rest + lifted)

    def halves(self, u: Split) -> Split:
        moved = u.plus(self.mean, -1.0)
        return moved.times(self.times(moved), 0.5)

    def score(self, u: Split) -> Split:
        return self.times(self.mean.plus(u, -1.0))

    def rest(self, n_rest: int) -> Floats:
        del n_rest
        return self.corner.copy()

    @property
    def known(self) -> tuple[Parts[_Known], ...]:
        return (self.precisions,)

    @staticmethod
    def add(blocks: Blocks, *known: _Known) -> None:
        blocks.own[0][:] += known[0].block
        blocks.rest[0][:] += known[0].coupling


def _negative(top: Own) -> Own:
    return tuple([-part for part in top])


def _at_levels(shard: Shard, whole: Floats) -> Own:
    return (whole[:, shard.levels[0]],)


def _known(shard: Shard, curvature: Curvature, order: tuple[int, ...]) -> _Known:
    blocks = curvature.blocks[order[0]][:, :, shard.levels[0]]
    own = blocks + np.eye(len(blocks))[:, :, None]
    return _Known(own, _coupling(shard, curvature, order), shard.chain.patterns[0])


def _precision_times(known: _Known, top: Own, rest: Floats) -> Own:
    product = np.einsum("abl,bl->al", known.block, top[0])
    return (product + known.pattern.by_level(known.coupling * rest[known.pattern.columns]),)


def _lifted(known: _Known, top: Own) -> Floats:
    products = np.sum(known.coupling * top[0][:, known.pattern.levels], axis=0)
    return known.pattern.by_column(products)


def _coupling(shard: Shard, curvature: Curvature, order: tuple[int, ...]) -> Floats:
    """Put the curvature between the leading factor and the others on a shard's pattern."""
    size = len(curvature.blocks[order[0]])
    parts = [np.zeros((size, 0))]
    for i, g in enumerate(order[1:], 1):
        pair, known = shard.pairs[0, i], curvature.between(order[0], g).within(shard.levels[0])
        width = shard.loads[i].grouping.size
        place = np.searchsorted(pair.left * width + pair.right, known.left * width + known.right)
        values = np.zeros((*known.values.shape[:2], len(pair.left)))
        values[:, :, place] = known.values
        parts.append(values.reshape(size, -1))
    return np.hstack(parts)


def _corner(curvature: Curvature, rest: tuple[int, ...]) -> Floats:
    """Precision of the factors `rest`: their curvature and the identity."""
    shapes = [curvature.blocks[f].shape[1:] for f in rest]
    starts = np.cumsum([0, *(k * n for k, n in shapes)])
    corner = np.eye(int(starts[-1]))
    for i, (f, (k, n)) in enumerate(zip(rest, shapes, strict=True)):
        own = starts[i] + n * np.arange(k)[:, None, None] + np.arange(n)
        corner[own, np.swapaxes(own, 0, 1)] += curvature.blocks[f]
        for j in range(i):
            left, right, values = curvature.between(f, rest[j])
            rows = starts[i] + n * np.arange(k)[:, None, None] + left
            columns = starts[j] + shapes[j][1] * np.arange(shapes[j][0])[None, :, None] + right
            corner[rows, columns] += values
            corner[columns, rows] += values
    return corner
