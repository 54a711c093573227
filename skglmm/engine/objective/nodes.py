r"""Nodes of Gauss-Hermite quadrature about the mode of each level, and averages over them.

With the standard normal nodes :math:`z_i` and weights :math:`w_i` of a product rule, the mode
:math:`\hat u` of a level and :math:`D`, the Cholesky factor of its :math:`H^{-1}`, the nodes are
:math:`u_i = \hat u + D z_i`, and the integral over its effects is [1]_

.. math:: \log p = \log\det D + \log \sum_i w_i \exp(\lVert z_i \rVert^2 / 2 - h(u_i)) .

The shares of the nodes in this sum are their probabilities given the responses.

References
----------
.. [1] Liu, Q. & Pierce, D. A. (1994). A note on Gauss-Hermite quadrature. Biometrika, 81(3),
   624-629.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from skglmm.arrays import Floats
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family

__all__ = ["Averages", "Nodes", "Spread", "averages", "product_rule"]


class Nodes(NamedTuple):
    """Nodes of a product rule for a standard normal density, the innermost first."""

    points: Floats  # (n_nodes, q)
    log_weights: Floats  # (n_nodes,): log w + z'z / 2, of a function without the normal density


@lru_cache(maxsize=8)
def product_rule(n_points: int, size: int) -> Nodes:
    """Return the nodes z, and log w + z'z / 2, of `n_points` in each of `size` dimensions."""
    points, weights = hermegauss(n_points)
    heights = np.log(weights / np.sqrt(2.0 * np.pi)) + 0.5 * points**2
    whole = np.array(list(product(points, repeat=size)))
    logs = np.array(list(product(heights, repeat=size))).sum(axis=1)
    inside_first = np.argsort(np.sum(whole**2, axis=1), kind="stable")
    return Nodes(whole[inside_first], logs[inside_first])


class Averages(NamedTuple):
    """Integrals over the effects of the levels of a shard, and averages over their nodes."""

    log_integral: Floats  # (L,), relative to the prior at the mode, without the determinant of D
    first: Floats  # (q, L): of z
    second: Floats  # (q, q, L): of z z'
    cross: Floats  # (q, q, L): of level sums of the gradient of the log density, times z'
    grad: Floats  # (K, n): of the gradient of the log density of the rows of the level


class Spread(NamedTuple):
    """Where the nodes of the levels of a shard lie, and what the prior has against it."""

    reach: Floats  # (q, q, L): effects b of a level move by this times z
    slope: Floats  # (q, L): minus the log density of the prior rises by slope'z + z'curve z / 2
    curve: Floats  # (q, q, L)

    @classmethod
    def of(
        cls, lambda_: Floats, factor: Floats, pull: Floats, precision: Floats | None
    ) -> "Spread":
        """Return that of a root, D, and the gradient and the precision of a prior; None is I."""
        back = np.swapaxes(factor, 0, 1)
        half = factor if precision is None else np.einsum("abl,bcl->acl", precision, factor)
        return cls(
            np.einsum("ab,bcl->acl", lambda_, factor),
            np.einsum("abl,bl->al", back, pull),
            np.einsum("abl,bcl->acl", back, half),
        )

    def penalty(self, z: Floats) -> Floats:
        """By how much minus the log density of the prior rises, (L,)."""
        return np.asarray(z @ self.slope + 0.5 * np.einsum("a,abl,b->l", z, self.curve, z))


class _NodeSums:
    """Sums over nodes, relative to the largest term of each level so far."""

    def __init__(self, shard: Shard, size: int) -> None:
        self._spread = shard.factors[0].grouping.spread
        n_levels = shard.factors[0].grouping.size
        self.top = np.full(n_levels, -np.inf)
        self.mass = np.zeros(n_levels)
        self.first = np.zeros((size, n_levels))
        self.second = np.zeros((size, size, n_levels))
        self.cross = np.zeros((size, size, n_levels))
        self.grad = np.zeros((len(shard.fixed), shard.n_rows))

    def add(self, height: Floats, z: Floats, scores: Floats, grad: Floats) -> None:
        """Add what is averaged at a node, times the exponential of its heights, (L,)."""
        top = np.maximum(self.top, height)
        base = np.where(np.isfinite(top), top, 0.0)
        if np.any(top > self.top):
            self._scale(np.exp(self.top - base))
        self.top, share = top, np.exp(height - base)
        self.mass += share
        self.first += z[:, None] * share
        self.second += np.outer(z, z)[:, :, None] * share
        self.cross += (share * scores)[:, None] * z[:, None]
        self.grad += self._spread(share) * grad

    def _scale(self, factor: Floats) -> None:
        for whole in (self.mass, self.first, self.second, self.cross):
            np.multiply(whole, factor, out=whole)
        self.grad *= self._spread(factor)

    def averages(self) -> Averages:
        """Divide by the sum of the shares."""
        mass = np.where(self.mass > 0.0, self.mass, 1.0)  # where no node is within reach
        self._scale(1.0 / mass)
        return Averages(self.top + np.log(mass), self.first, self.second, self.cross, self.grad)


def averages(
    shard: Shard, family: Family, eta: Sequence[Floats], spread: Spread, nodes: Nodes
) -> Averages:
    """Sum over the nodes of all levels of a shard, one node of each level at a time.

    Parameters
    ----------
    shard : Shard
        Of a problem with a single grouping factor.
    family : Family
    eta : sequence of ndarray, each of shape (n,) or (1,)
        Linear predictors at the mode.
    spread : Spread
    nodes : Nodes
    """
    sums, grouping = _NodeSums(shard, len(spread.slope)), shard.factors[0].grouping
    for z, log_weight in zip(*nodes, strict=True):
        moves = shard.random_part([np.einsum("abl,b->al", spread.reach, z)])
        moved = [row + move for row, move in zip(eta, moves, strict=True)]
        value, grad = shard.log_density(family, moved, 1)
        (scores,) = shard.level_sums(grad)
        sums.add(log_weight + grouping.sum(value) - spread.penalty(z), z, scores, grad)
    return sums.averages()
