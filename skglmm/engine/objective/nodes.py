r"""Nodes of Gauss-Hermite quadrature about the mode of each level, and averages over them.

With the standard normal nodes :math:`z_i` and weights :math:`w_i` of a product rule, the mode
:math:`\hat u` of a level and :math:`D`, the Cholesky factor of its :math:`H^{-1}`, the nodes are
:math:`u_i = \hat u + D z_i`, and the integral over its effects is [1]_

.. math:: \log p = \log\det D + \log \sum_i w_i \exp(\lVert z_i \rVert^2 / 2 - h(u_i)) .

The shares of the nodes in this sum are their probabilities given the responses. Of nested factors
D is the root of the inverse along the chain: at each node of an outer level the nodes of the inner
ones are about their mode given the outer effects, as far as H tells it, and the logarithms of
their integrals are a part of the :math:`-h` of the outer level [2]_.

References
----------
.. [1] Liu, Q. & Pierce, D. A. (1994). A note on Gauss-Hermite quadrature. Biometrika, 81(3),
   624-629.
.. [2] Pinheiro, J. C. & Chao, E. C. (2006). Efficient Laplacian and adaptive Gaussian quadrature
   algorithms for multilevel generalized linear mixed models. Journal of Computational and
   Graphical Statistics, 15(1), 58-81.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from skglmm.arrays import Floats
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.linalg import Blocks, ChainRoot

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
    """Integrals over the effects of the levels of a shard, and averages over their nodes.

    At a node of the levels above, they are those given it.
    """

    log_integral: Floats  # (L,) of the last factor, relative to the prior at the mode, without D
    first: Sequence[Floats]  # (q, L) of each factor: of z
    second: Mapping[tuple[int, int], Floats]  # (q_i, q_j, L_i), i <= j: of z_i z_j'
    cross: Mapping[tuple[int, int], Floats]  # of level sums of the gradient of the log density, z'
    grad: Floats  # (K, n): of the gradient of the log density of rows


@dataclass(frozen=True)
class Spread:
    """What the nodes of a shard move, and what the prior has against it.

    Parameters
    ----------
    family : Family
    lambdas : sequence of ndarray, each of shape (q, q)
    root : ChainRoot
        D.
    pull : sequence of ndarray, each of shape (q, L)
        Gradient of minus the log density of the prior at the mode.
    precision : Blocks or None
        Of the prior; None is the identity.
    """

    family: Family
    lambdas: Sequence[Floats]
    root: ChainRoot
    pull: Sequence[Floats]
    precision: Blocks | None = None

    @cached_property
    def reach(self) -> Mapping[tuple[int, int], Floats]:
        """How far the effects b of factor i move with z of factor j, (q_i, q_j, L_i)."""
        return {
            (i, j): np.einsum("ab,bcl->acl", self.lambdas[i], block)
            for (i, j), block in self.root.blocks.items()
        }

    def times_precision(self, f: int, u: Floats) -> Floats:
        """Return the precision of each level of factor f times vectors, (q, ..., L)."""
        if self.precision is None:
            return u
        return np.asarray(np.einsum("abl,b...l->a...l", self.precision.own[f], u))


class _Place(NamedTuple):
    """A node of the levels above a factor, and what it does to those of the factor and below."""

    eta: Sequence[Floats]  # linear predictors
    away: Sequence[Floats]  # (q, L) of each factor: by how much the effects u have moved
    pull: Sequence[Floats]  # of the prior, by what has moved above

    def moved(self, shard: Shard, f: int, z: Floats, spread: Spread) -> "_Place":
        """Return the node with z of factor f, too."""
        eta = list(self.eta)
        for e, factor in enumerate(shard.factors[: f + 1]):
            effects = np.einsum("abl,b->al", spread.reach[e, f], z)
            for column, k, effect in zip(factor.columns, factor.predictors, effects, strict=True):
                part = factor.grouping.spread(effect)
                eta[k] = eta[k] + (part if column is None else column * part)
        if f == 0:
            return self._replace(eta=eta)
        steps = [np.einsum("abl,b->al", spread.root.blocks[e, f], z) for e in range(f + 1)]
        away = [part + step for part, step in zip(self.away, steps, strict=False)]
        pull = list(self.pull[:f])
        if spread.precision is not None:
            for e in range(f):
                between = spread.precision.between[e, f]
                above = spread.root.spread(e, f, away[f])
                pull[e] = pull[e] + np.einsum("abl,bl->al", between, above)
        return _Place(eta, away[:f], pull)


class _NodeSums:
    """Sums over the nodes of a factor, relative to the largest term of each level so far."""

    def __init__(self, shard: Shard, f: int) -> None:
        sizes = [(factor.n_columns, factor.grouping.size) for factor in shard.factors[: f + 1]]
        self._f, self._rows = f, shard.factors[f].grouping.spread
        self._below: list[Callable[[Floats], Floats]] = [
            shard.chain.parents[e, f].spread for e in range(f)
        ]
        self.top, self.mass = np.full(sizes[f][1], -np.inf), np.zeros(sizes[f][1])
        self.first = [np.zeros(size) for size in sizes]
        keys = [(i, j) for j in range(f + 1) for i in range(j + 1)]
        self.second = {(i, j): np.zeros((sizes[i][0], sizes[j][0], sizes[i][1])) for i, j in keys}
        self.cross = {key: np.zeros_like(part) for key, part in self.second.items()}
        self.grad = np.zeros((len(shard.fixed), shard.n_rows))

    def add(
        self,
        height: Floats,
        z: Floats,
        scores: Sequence[Floats],
        grad: Floats,
        below: Averages | None,
    ) -> None:
        """Add what is averaged at a node, times the exponential of its heights, (L,).

        Parameters
        ----------
        height : ndarray, shape (L,)
        z : ndarray, shape (q,)
        scores : sequence of ndarray, each of shape (q, L)
            Level sums of the gradient, of the factors below and of this one.
        grad : ndarray, shape (K, n)
        below : Averages or None
            Over the nodes of the levels below.
        """
        top = np.maximum(self.top, height)
        base = np.where(np.isfinite(top), top, 0.0)
        if np.any(top > self.top):
            self._scale(np.exp(self.top - base))
        self.top, share, f = top, np.exp(height - base), self._f
        self.mass += share
        self.first[f] += z[:, None] * share
        self.second[f, f] += np.outer(z, z)[:, :, None] * share
        self.cross[f, f] += (share * scores[f])[:, None] * z[:, None]
        self.grad += self._rows(share) * grad
        if below is not None:
            self._add_below(share, z, scores, below)

    def _add_below(
        self, share: Floats, z: Floats, scores: Sequence[Floats], below: Averages
    ) -> None:
        shares = [spread(share) for spread in self._below]
        for e, own in enumerate(shares):
            first = own * below.first[e]
            self.first[e] += first
            self.second[e, self._f] += first[:, None] * z[:, None]
            self.cross[e, self._f] += (own * scores[e])[:, None] * z[:, None]
        for key, second in below.second.items():
            self.second[key] += shares[key[0]] * second
            self.cross[key] += shares[key[0]] * below.cross[key]

    def _scale(self, factor: Floats) -> None:
        factors = [*(spread(factor) for spread in self._below), factor]
        self.mass *= factor
        for part, own in zip(self.first, factors, strict=True):
            np.multiply(part, own, out=part)
        for (i, j), second in self.second.items():
            np.multiply(second, factors[i], out=second)
            np.multiply(self.cross[i, j], factors[i], out=self.cross[i, j])
        self.grad *= self._rows(factor)

    def averages(self) -> Averages:
        """Divide by the sum of the shares."""
        mass = np.where(self.mass > 0.0, self.mass, 1.0)  # where no node is within reach
        self._scale(1.0 / mass)
        log_integral = self.top + np.log(mass)
        return Averages(log_integral, self.first, self.second, self.cross, self.grad)


def averages(
    shard: Shard,
    eta: Sequence[Floats],
    spread: Spread,
    rules: Sequence[Nodes],
    shares: Sequence[list[Floats]] | None = None,
) -> Averages:
    """Sum over the nodes of all levels of a shard, one node of each level at a time.

    Parameters
    ----------
    shard : Shard
        Of a problem whose grouping factors are a chain.
    eta : sequence of ndarray, each of shape (n,) or (1,)
        Linear predictors at the mode.
    spread : Spread
    rules : sequence of Nodes
        Of each factor.
    shares : sequence of list, or None
        To which the shares of the nodes of each factor, (n_nodes, L), are appended, those for each
        node of what is above after those of another.
    """
    still = [np.zeros_like(part) for part in spread.pull]
    start = _Place(eta, still, list(spread.pull))
    return _over(shard, len(rules) - 1, start, spread, rules, shares)


def _over(
    shard: Shard,
    f: int,
    here: _Place,
    spread: Spread,
    rules: Sequence[Nodes],
    shares: Sequence[list[Floats]] | None,
) -> Averages:
    """Sum over the nodes of factor f and of those below, at a node of what is above."""
    sums, factors = _NodeSums(shard, f), shard.factors[: f + 1]
    own, away, pull = spread.root.blocks[f, f], here.away[f], here.pull[f]
    bent = spread.times_precision(f, away)
    base = np.sum(away * (pull + 0.5 * bent), axis=0)
    slope = np.einsum("bal,bl->al", own, pull + bent)
    curve = np.einsum("bal,bcl->acl", own, spread.times_precision(f, own))
    heights: list[Floats] = []
    for z, log_weight in zip(*rules[f], strict=True):
        penalty = base + z @ slope + 0.5 * np.einsum("a,abl,b->l", z, curve, z)
        there = here.moved(shard, f, z, spread)
        if f == 0:
            below = None
            value, grad = shard.log_density(spread.family, there.eta, 1)
            inside = factors[0].grouping.sum(value)
        else:
            below = _over(shard, f - 1, there, spread, rules, shares)
            inside, grad = shard.chain.parents[f - 1, f].sum(below.log_integral), below.grad
        scores = [factor.sums(grad) for factor in factors]
        height = log_weight + inside - penalty
        sums.add(height, z, scores, grad, below)
        if shares is not None:
            heights.append(height)
    found = sums.averages()
    if shares is not None:
        shares[f].append(np.exp(np.array(heights) - found.log_integral))
    return found
