"""Vectors of spherical effects, stored by shard: sums and inner products."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.linalg import NestedEffects
from skglmm.parts import Parts

__all__ = ["CrossedEffects", "Effects", "products"]


@dataclass(frozen=True)
class Effects:
    """A vector of spherical effects.

    Parameters
    ----------
    nested : Parts of tuple of ndarray
        Effects of the levels that each shard owns, (k, levels of the shard) for each factor of
        the chain.
    crossed : ndarray, shape (n_crossed,)
        Effects of all other factors.
    """

    nested: Parts[NestedEffects]
    crossed: Floats

    def like(self, nested: Parts[NestedEffects], crossed: Floats) -> "Effects":
        """Return other effects of the same levels."""
        return type(self)(nested, crossed)

    def plus(self, other: "Effects", length: float = 1.0) -> "Effects":
        """Return the sum with a multiple of another vector."""
        nested = self.nested.map(_plus, other.nested, length=length)
        return Effects(nested, self.crossed + length * other.crossed)

    def negative(self) -> "Effects":
        """Return the vector with the opposite sign."""
        return Effects(self.nested.map(_negative), -self.crossed)

    def times(self, other: "Effects", factor: float = 1.0) -> "Effects":
        """Return the products of the entries, and of a factor."""
        nested = self.nested.map(_times, other.nested, factor=factor)
        return Effects(nested, factor * self.crossed * other.crossed)

    def total(self) -> float:
        """Return the sum of the entries."""
        return float(self.crossed.sum()) + float(self.nested.map(_sum).total())

    def dot(self, other: "Effects") -> float:
        """Return the inner product with another vector."""
        return float(self.crossed @ other.crossed) + float(
            self.nested.map(_dot, other.nested).total()
        )


class CrossedEffects(Effects):
    """A vector of effects that are all crossed: shards have none of their own."""

    def plus(self, other: Effects, length: float = 1.0) -> Effects:
        moved = other.crossed if length == 1.0 else length * other.crossed
        return CrossedEffects(self.nested, self.crossed + moved)

    def negative(self) -> Effects:
        return CrossedEffects(self.nested, -self.crossed)

    def times(self, other: Effects, factor: float = 1.0) -> Effects:
        found = self.crossed * other.crossed
        return CrossedEffects(self.nested, found if factor == 1.0 else factor * found)

    def total(self) -> float:
        return float(self.crossed.sum())

    def dot(self, other: Effects) -> float:
        return float(self.crossed @ other.crossed)


def products(left: Sequence[Effects], right: Sequence[Effects]) -> Floats:
    """Return the inner products of some vectors with others, (n_left, n_right)."""
    if not left or not right:
        return np.zeros((len(left), len(right)))
    nested = [part.nested for part in (*left, *right)]
    shared = nested[0].map(_products, *nested[1:], n_left=len(left)).total()
    ours, theirs = (np.stack([part.crossed for part in parts]) for parts in (left, right))
    return np.asarray(shared + ours @ theirs.T)


def _plus(one: NestedEffects, other: NestedEffects, length: float) -> NestedEffects:
    return tuple([a + length * b for a, b in zip(one, other, strict=True)])


def _negative(own: NestedEffects) -> NestedEffects:
    return tuple([-part for part in own])


def _times(one: NestedEffects, other: NestedEffects, factor: float) -> NestedEffects:
    return tuple([factor * a * b for a, b in zip(one, other, strict=True)])


def _sum(one: NestedEffects) -> float:
    return float(sum(part.sum() for part in one))


def _dot(one: NestedEffects, other: NestedEffects) -> float:
    return float(sum(np.vdot(a, b) for a, b in zip(one, other, strict=True)))


def _products(*nested: NestedEffects, n_left: int) -> Floats:
    flat = np.stack([np.concatenate([np.zeros(0), *map(np.ravel, own)]) for own in nested])
    return np.asarray(flat[:n_left] @ flat[n_left:].T)
