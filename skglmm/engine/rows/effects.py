"""Vectors of spherical effects, stored by shard: sums and inner products."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.linalg import Own
from skglmm.parts import Parts

__all__ = ["Split", "products"]


@dataclass(frozen=True)
class Split:
    """A vector of spherical effects.

    Parameters
    ----------
    tops : Parts of tuple of ndarray
        Effects of the levels that each shard owns, (k, levels of the shard) for each factor of
        the chain.
    rest : ndarray, shape (n_rest,)
        Effects of all other factors.
    """

    tops: Parts[Own]
    rest: Floats

    def plus(self, other: "Split", length: float = 1.0) -> "Split":
        """Return the sum with a multiple of another vector."""
        tops = self.tops.map(_plus, other.tops, length=length)
        return Split(tops, self.rest + length * other.rest)

    def times(self, other: "Split", factor: float = 1.0) -> "Split":
        """Return the products of the entries, and of a factor."""
        tops = self.tops.map(_times, other.tops, factor=factor)
        return Split(tops, factor * self.rest * other.rest)

    def total(self) -> float:
        """Return the sum of the entries."""
        return float(self.rest.sum()) + float(self.tops.map(_sum).total())

    def dot(self, other: "Split") -> float:
        """Return the inner product with another vector."""
        return float(self.rest @ other.rest) + float(self.tops.map(_dot, other.tops).total())


def products(left: Sequence[Split], right: Sequence[Split]) -> Floats:
    """Return the inner products of some vectors with others, (n_left, n_right)."""
    if not left or not right:
        return np.zeros((len(left), len(right)))
    tops = [part.tops for part in (*left, *right)]
    shared = tops[0].map(_products, *tops[1:], n_left=len(left)).total()
    ours, theirs = (np.stack([part.rest for part in parts]) for parts in (left, right))
    return np.asarray(shared + ours @ theirs.T)


def _plus(one: Own, other: Own, length: float) -> Own:
    return tuple([a + length * b for a, b in zip(one, other, strict=True)])


def _times(one: Own, other: Own, factor: float) -> Own:
    return tuple([factor * a * b for a, b in zip(one, other, strict=True)])


def _sum(one: Own) -> float:
    return float(sum(part.sum() for part in one))


def _dot(one: Own, other: Own) -> float:
    return float(sum(np.vdot(a, b) for a, b in zip(one, other, strict=True)))


def _products(*tops: Own, n_left: int) -> Floats:
    flat = np.stack([np.concatenate([np.zeros(0), *map(np.ravel, top)]) for top in tops])
    return np.asarray(flat[:n_left] @ flat[n_left:].T)
