"""What averages over the posterior of random effects need, by level: nodes, or a normal one.

Where factors are a chain, the posterior of their effects is kept as the nodes of adaptive
quadrature and their probabilities. Where they are crossed, or many in a level, it is kept as the
normal distribution that is closest to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.engine.objective.nodes import Nodes, averages, product_rule
from skglmm.engine.objective.quadrature import AdaptiveQuadrature, spread_of
from skglmm.engine.objective.triangular import TriangularFactor
from skglmm.engine.objective.variational import PosteriorNormal, variational_normal
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.records import Mode, State
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.linalg import NestedEffects
from skglmm.parts import Parts

__all__ = ["PosteriorNodes", "effect_posterior"]

FEW = {1: 9, 2: 7}  # points for each effect, by their number; more effects have 5
KEPT_MAX = 2_500  # nodes of a level with all that is above it: 20 kB


@dataclass(frozen=True)
class PosteriorNodes:
    """Nodes of the posterior of spherical effects of nested factors, about their modes.

    Parameters
    ----------
    order : tuple of int
        The factors of the layout, the innermost first.
    points : tuple of ndarray, each of shape (n_nodes, k)
        Numbers z of the nodes of each factor.
    reach : tuple of tuple of ndarray, each of shape (k_i, k_j, L_i)
        How effects of factor i move with z of itself, of the next factor, and so on.
    shares : tuple of ndarray, each of shape (n_above, n_nodes, L)
        Probabilities of the nodes given each of those above.
    parents : tuple of ndarray of int, each of shape (L_i,)
        The level of the next factor that a level belongs to.
    """

    order: tuple[int, ...]
    points: tuple[Floats, ...]
    reach: tuple[tuple[Floats, ...], ...]
    shares: tuple[Floats, ...]
    parents: tuple[Ints, ...]

    def suits(self, other: "PosteriorNodes") -> bool:
        """Whether levels have as many effects, and nodes."""
        pairs = zip(self.points, other.points, strict=True)
        return all(mine.shape == theirs.shape for mine, theirs in pairs)

    def after(self, earlier: "PosteriorNodes", touched: Sequence[Bools]) -> "PosteriorNodes":
        """Return these nodes for levels that new rows touch, and earlier ones for all others.

        Parameters
        ----------
        earlier : PosteriorNodes
            With the same points; levels that it does not know follow.
        touched : sequence of ndarray of bool, each of shape (L,)
            In the order of the layout.
        """
        keep = [
            np.flatnonzero(~touched[f][: part.shape[-1]])
            for f, part in zip(self.order, earlier.shares, strict=True)
        ]
        reach = tuple(
            tuple(_with(own, other, levels) for own, other in zip(mine, theirs, strict=True))
            for mine, theirs, levels in zip(self.reach, earlier.reach, keep, strict=True)
        )
        shares = zip(self.shares, earlier.shares, keep, strict=True)
        return replace(self, reach=reach, shares=tuple(_with(*each) for each in shares))


def _with(own: Floats, other: Floats, levels: Ints) -> Floats:
    """Put some levels of another array, along the last axis, into a copy."""
    found = own.copy()
    found[..., levels] = other[..., levels]
    return found


def effect_posterior(
    problem: Problem, mode: Mode, earlier: PosteriorNormal | PosteriorNodes | None = None
) -> PosteriorNormal | PosteriorNodes | None:
    """Return what averages over the posterior of the random effects need, by level.

    Parameters
    ----------
    problem : Problem
    mode : Mode
    earlier : PosteriorNormal, PosteriorNodes or None
        What was known before the rows of the problem; None for a problem with the model's own
        prior.

    Returns
    -------
    PosteriorNodes, PosteriorNormal or None
        Nodes where factors are nested and effects of a level few; None where no normal distribution
        is found.
    """
    if problem.n_crossed or _most_points(problem) < 2:
        before = earlier if isinstance(earlier, PosteriorNormal) else None
        return variational_normal(problem, mode, before)
    found = _nodes(problem, mode, _rules(problem))
    if isinstance(earlier, PosteriorNodes) and earlier.suits(found):
        return found.after(earlier, _touched(problem))
    return found


def _most_points(problem: Problem) -> int:
    """Points for each effect of which the nodes of a level are not too many to be kept."""
    n_effects = sum(size for size, _ in problem.sizes)
    return int(KEPT_MAX ** (1 / n_effects))


def _rules(problem: Problem) -> tuple[Nodes, ...]:
    """Those of the likelihood, or few points where it is Laplace's."""
    own, sizes = problem.approximation, [size for size, _ in problem.sizes]
    n_points, most = FEW.get(sum(sizes), 5), _most_points(problem)
    if isinstance(own, AdaptiveQuadrature) and own.n_points > 1:
        n_points = int(own.n_points)
    n_points = max(1, min(n_points, most))
    return tuple(product_rule(n_points, size) for size in sizes)


def _touched(problem: Problem) -> tuple[Bools, ...]:
    """Which levels belong to a level of the last factor that has rows, in layout order."""
    found = [np.zeros(n, dtype=np.bool_) for n in problem.n_levels]
    last = len(found) - 1
    for shard in problem.shards:
        has_rows = np.zeros(shard.factors[last].grouping.size, dtype=np.bool_)
        has_rows[shard.factors[last].grouping.codes] = True
        for f, levels in enumerate(shard.levels):
            own = has_rows if f == last else has_rows[shard.chain.parents[f, last].codes]
            found[f][levels] = own
    return problem.in_layout_order(found)


def _nodes(problem: Problem, mode: Mode, rules: tuple[Nodes, ...]) -> PosteriorNodes:
    score = problem.prior.score(mode.point.u)
    known: tuple[Parts[Any], ...] = problem.prior.known
    parts = problem.shards.map(
        _of_shard,
        mode.point.states,
        mode.cross_products,
        score.nested,
        *known,
        add=problem.prior.add,
        approximation=(problem.family, mode.point.lambdas, rules),
    )
    sizes = problem.sizes
    reach = [
        [np.zeros((k, sizes[j][0], n)) for j in range(i, len(sizes))]
        for i, (k, n) in enumerate(sizes)
    ]
    n_nodes = [len(rule.points) for rule in rules]
    above = [int(np.prod(n_nodes[i + 1 :])) for i in range(len(sizes))]
    shares = [np.zeros((above[i], n_nodes[i], n)) for i, (_, n) in enumerate(sizes)]
    parents = [np.zeros(n, dtype=np.intp) for _, n in sizes[:-1]]
    for levels, (roots, heights, owners) in zip(problem.levels, parts, strict=True):
        for i, own in enumerate(levels):
            shares[i][..., own] = heights[i]
            for j, block in enumerate(roots[i]):
                reach[i][j][..., own] = block
            if i < len(parents):
                parents[i][own] = levels[i + 1][owners[i]]
    return PosteriorNodes(
        problem.order,
        tuple(rule.points for rule in rules),
        tuple(map(tuple, reach)),
        tuple(shares),
        tuple(parents),
    )


def _of_shard(
    shard: Shard,
    state: State,
    cross_products: CrossProducts,
    score: NestedEffects,
    *known: Any,
    add: Callable[..., None],
    approximation: tuple[Family, Sequence[Floats], Sequence[Nodes]],
) -> tuple[list[list[Floats]], list[Floats], list[Ints]]:
    """Roots, shares of nodes, and parents of the levels of a shard."""
    family, lambdas, rules = approximation
    turned = [TriangularFactor.of(lambda_) for lambda_ in lambdas]
    spread = spread_of(shard, (cross_products, score, *known), add, family, turned)
    assert spread is not None  # there is a mode
    shares: list[list[Floats]] = [[] for _ in rules]
    averages(shard, state.eta, spread, rules, shares)
    roots = [
        [
            np.einsum("ba,bcl->acl", each.turn, spread.root.blocks[i, j])
            for j in range(i, len(turned))
        ]
        for i, each in enumerate(turned)
    ]
    owners = [shard.chain.parents[i, i + 1].codes for i in range(len(turned) - 1)]
    return roots, [np.array(part) for part in shares], owners
