r"""What is known of the spherical effects before the rows of a problem are seen.

A model's own prior is :math:`u \sim N(0, I)`. Rows that were seen before leave their normal
approximation behind: :math:`u \sim N(\hat u, H^{-1})` with the Hessian :math:`H = I + G` of their
penalized log density, whose curvature G lives on the levels that meet in these rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.laplace._shard import Shard
from skglmm.linalg import Grouping

__all__ = ["Curvature", "Meeting", "NormalPrior", "Prior", "Remembered", "StandardPrior"]

Modes = tuple[Floats, ...]


class Meeting(NamedTuple):
    """The pairs of levels of two factors that meet in some rows, and their curvature."""

    left: Ints  # (n_pairs,) level of the first factor
    right: Ints  # (n_pairs,) level of the second
    values: Floats  # (k_f, k_g, n_pairs)

    def swapped(self) -> "Meeting":
        """Return the same pairs, the second factor first."""
        return Meeting(self.right, self.left, np.swapaxes(self.values, 0, 1))

    def within(self, levels: slice) -> "Meeting":
        """Return the pairs of a range of levels of the first factor, counted from its start."""
        inside = (self.left >= levels.start) & (self.left < levels.stop)
        left = self.left[inside] - levels.start
        return Meeting(left, self.right[inside], self.values[:, :, inside])

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
    """Minus the second derivative of a log likelihood in the spherical effects.

    Parameters
    ----------
    blocks : tuple of ndarray, each of shape (k, k, L)
        Of the effects of one level, for each factor in the order of the layout.
    pairs : mapping from (f, g), f < g, to Meeting
        Between levels of two factors.
    """

    blocks: tuple[Floats, ...]
    pairs: Mapping[tuple[int, int], Meeting]

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
    """What rows that are gone say of the effects, factors in the order of the layout."""

    mean: Modes  # (k, L) for each factor
    curvature: Curvature


class Prior(ABC):
    """Distribution of the spherical effects of a problem, leading factor first."""

    @abstractmethod
    def halves(self, u: Modes) -> Modes:
        """Return minus the log density of each level's effects, (L,), up to a constant."""

    @abstractmethod
    def score(self, u: Modes) -> Modes:
        """Return the gradient of the log density, (k, L) for each factor."""

    @abstractmethod
    def times(self, u: Modes) -> Modes:
        """Return the precision times effects, (k, L) for each factor."""

    @abstractmethod
    def rest(self, n_rest: int) -> Floats:
        """Return the precision of all factors but the leading one, a new (n_rest, n_rest)."""

    @abstractmethod
    def add_to(self, index: int, blocks: Floats, coupling: Floats) -> None:
        """Add the precision of shard `index` to its blocks, and to its coupling to the rest."""


class StandardPrior(Prior):
    """Independent standard normal effects."""

    def halves(self, u: Modes) -> Modes:
        return tuple(0.5 * np.sum(part**2, axis=0) for part in u)

    def score(self, u: Modes) -> Modes:
        return tuple(-part for part in u)

    def times(self, u: Modes) -> Modes:
        return u

    def rest(self, n_rest: int) -> Floats:
        return np.eye(n_rest)

    def add_to(self, index: int, blocks: Floats, coupling: Floats) -> None:
        del index, coupling
        every = np.arange(len(blocks))
        blocks[every, every] += 1.0


@dataclass(frozen=True)
class NormalPrior(Prior):
    """Normal effects whose precision has the structure of a Hessian.

    Parameters
    ----------
    mean : Modes
        Leading factor first.
    shards : tuple of Shard
    blocks : tuple of ndarray, each of shape (k_0, k_0, levels of the shard)
        Precision of the leading factor's effects of one level.
    coupling : tuple of ndarray, each of shape (k_0, m)
        Precision between the leading factor and the rest, on each shard's pattern.
    corner : ndarray, shape (n_rest, n_rest)
        Precision of the rest.
    """

    mean: Modes
    shards: tuple[Shard, ...]
    blocks: tuple[Floats, ...]
    coupling: tuple[Floats, ...]
    corner: Floats

    @classmethod
    def of(
        cls, remembered: Remembered, order: tuple[int, ...], shards: tuple[Shard, ...]
    ) -> "NormalPrior":
        """Bind what is remembered to the shards of a problem."""
        leading, curvature = order[0], remembered.curvature
        blocks = tuple(
            curvature.blocks[leading][:, :, s.levels]
            + np.eye(len(curvature.blocks[leading]))[:, :, None]
            for s in shards
        )
        coupling = tuple(_coupling(s, curvature, order) for s in shards)
        mean = tuple(remembered.mean[f] for f in order)
        return cls(mean, shards, blocks, coupling, _corner(curvature, order[1:]))

    def times(self, u: Modes) -> Modes:
        rest = np.concatenate([np.zeros(0), *(part.ravel() for part in u[1:])])
        top, low = np.empty_like(u[0]), self.corner @ rest
        for shard, block, entries in zip(self.shards, self.blocks, self.coupling, strict=True):
            own, pattern = u[0][:, shard.levels], shard.pattern
            product = np.einsum("abl,bl->al", block, own)
            moved = (entries * rest[pattern.columns]).T
            np.add.at(product.T, pattern.levels, moved)
            top[:, shard.levels] = product
            lifted = np.sum(entries * own[:, pattern.levels], axis=0)
            low += np.bincount(pattern.columns, lifted, len(low))
        ends = np.cumsum([part.size for part in u[1:]])[:-1]
        pieces = np.split(low, ends) if len(u) > 1 else []
        return (top, *(p.reshape(part.shape) for p, part in zip(pieces, u[1:], strict=True)))

    def halves(self, u: Modes) -> Modes:
        moved = tuple(part - mean for part, mean in zip(u, self.mean, strict=True))
        products = zip(moved, self.times(moved), strict=True)
        return tuple(0.5 * np.sum(a * b, axis=0) for a, b in products)

    def score(self, u: Modes) -> Modes:
        moved = tuple(mean - part for part, mean in zip(u, self.mean, strict=True))
        return self.times(moved)

    def rest(self, n_rest: int) -> Floats:
        del n_rest
        return self.corner.copy()

    def add_to(self, index: int, blocks: Floats, coupling: Floats) -> None:
        blocks += self.blocks[index]
        coupling += self.coupling[index]


def _coupling(shard: Shard, curvature: Curvature, order: tuple[int, ...]) -> Floats:
    """Put the curvature between the leading factor and the others on a shard's pattern."""
    size = len(curvature.blocks[order[0]])
    parts = [np.zeros((size, 0))]
    for i, g in enumerate(order[1:], 1):
        pair, known = shard.pairs[0, i], curvature.between(order[0], g).within(shard.levels)
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
