r"""Adaptive Gauss-Hermite quadrature over the random effects of nested factors, and its gradient.

Beside what the objective is at nodes that stay, they move with the mode and with :math:`D`. With
averages over the nodes, :math:`p = \nabla h(u_i)`, and :math:`T` the triangle of the average of
:math:`D^T p\, z^T` that :math:`D` has, mirrored, the derivative in :math:`H` is half of

.. math:: B = D (I - T) D^T

where that of Laplace's approximation is half of :math:`H^{-1}`, and the derivative in the mode
is the average of p. What follows is the gradient of Laplace's approximation, with B and, in place
of the gradient at the mode, averages of those at the nodes; with one node the two are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Factor, Layout
from skglmm.engine.mode.mode import find_mode, mode_at
from skglmm.engine.mode.point import nearby
from skglmm.engine.mode.system import chain_blocks, no_blocks, scaled
from skglmm.engine.objective.by_mode import ByMode
from skglmm.engine.objective.clusters import add_up
from skglmm.engine.objective.gradient import effective_residual, logdet_slopes
from skglmm.engine.objective.laplace import Laplace
from skglmm.engine.objective.nodes import Averages, Nodes, Spread, averages, product_rule
from skglmm.engine.objective.sensitivity import tangent
from skglmm.engine.objective.triangular import TriangularFactor
from skglmm.engine.prior import StandardPrior
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Objective, Slopes, State
from skglmm.engine.rows.shard import Shard
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.linalg import ChainRoot, NestedEffects, congruence, full_matrices, mirrored
from skglmm.parts import Parts

__all__ = ["AdaptiveQuadrature", "spread_of"]

EFFECTS_MAX = 3  # of one level: 7 points for each are 343 nodes
POINTS_MAX = 300  # more have weights below the smallest number
INSTEAD = "leave it out, or take Laplace's approximation, n_quadrature=1"
NODES_MAX = 100_000  # passes over all rows for each evaluation
MOVED = (
    "quadrature integrates over the random effects of factors that are nested in each other, and "
    "in these rows, together with those that are known, levels of an inner one belong to several "
    "of an outer one; give levels that have moved new names, or take n_quadrature=1"
)


@dataclass(frozen=True)
class AdaptiveQuadrature(ByMode):
    """Adaptive Gauss-Hermite quadrature for random effects of one factor, or of nested ones.

    Parameters
    ----------
    n_points : int
        Nodes for each effect of a level; 1 is Laplace's approximation.
    """

    n_points: int

    def __post_init__(self) -> None:
        if not (isinstance(self.n_points, Integral) and 1 <= self.n_points <= POINTS_MAX):
            msg = (
                f"quadrature takes a whole number of points for each effect, 1 to {POINTS_MAX}; "
                f"got {self.n_points!r}"
            )
            raise ValueError(msg)

    @property
    def title(self) -> str:
        return "" if self.n_points == 1 else f"adaptive quadrature, {self.n_points} points"

    @property
    def needs_chain(self) -> bool:
        return True

    def check(self, layout: Layout, arranged: tuple[tuple[int, ...], int]) -> None:
        """Refuse crossed factors, and too many effects."""
        if self.integrated:
            msg = (
                "quadrature integrates over random effects alone, and fixed effects are to be "
                "integrated out (REML); take one of the two, reml=False or n_quadrature=1"
            )
            raise DesignError(msg)
        factors = [layout.factors[f] for f in arranged[0]]
        _refuse_crossed(factors, arranged[1])
        for factor in factors:
            if factor.n_columns > EFFECTS_MAX:
                msg = (
                    f"quadrature integrates over {EFFECTS_MAX} random effects of a level at the "
                    f"most, and {_text(factor)} has {factor.n_columns}; {INSTEAD}"
                )
                raise DesignError(msg)
        size = sum(factor.n_columns for factor in factors)
        if self.n_points**size > NODES_MAX:
            terms = " and ".join(map(_text, factors))
            msg = (
                f"{self.n_points} points for each of the {size} effects of {terms} are "
                f"{self.n_points**size:,} nodes, and more than {NODES_MAX:,} are out of reach; "
                f"take {int(NODES_MAX ** (1 / size))} points or fewer"
            )
            raise DesignError(msg)

    def evaluate(
        self,
        problem: Problem,
        vector: Floats,
        start: Effects | None = None,
        tol: float = DECREMENT_TOL,
        distance: Distance = "some",
    ) -> Objective | None:
        if not problem.order:
            return Laplace().evaluate(problem, vector, start, tol, distance)
        params = Params.unpack(vector, problem.shape)
        if start is None:
            start, distance = problem.zero(), "far"
        # One pass over the rows more for a closer mode is little beside those for the nodes.
        mode = find_mode(problem, params, start, DECREMENT_TOL, distance)
        found = None if mode is None else self._integrated(problem, mode)
        if mode is None or found is None or not np.isfinite(found[0]):
            return None
        return Objective(*found, mode)

    def gradient_near(
        self,
        problem: Problem,
        here: Objective,
        change: Floats,
        slopes: Parts[Slopes],
        move: Effects | None = None,
    ) -> Floats | None:
        if not problem.order:
            return Laplace().gradient_near(problem, here, change, slopes, move)
        mode: Mode | None = here.mode
        if np.any(change):
            point = here.mode.point
            params = Params.unpack(point.params.pack() + change, problem.shape)
            move = tangent(problem, here.mode, change) if move is None else move
            u = point.u.plus(move)
            mode = mode_at(problem, nearby(problem, point, params, u, slopes, move))
        found = None if mode is None else self._integrated(problem, mode)
        return None if found is None else found[1]

    def cluster_gradients(self, problem: Problem, mode: Mode, clusters: Ints) -> Floats:
        if not problem.order:
            return Laplace().cluster_gradients(problem, mode, clusters)
        integrals = self._integrals(problem, mode)
        kernels = integrals.map(_kernels_of)
        return add_up(problem, mode, clusters, integrals.map(_residual), kernels)

    def gains(self, problem: Problem, mode: Mode) -> tuple[Floats, ...]:
        if not problem.order:
            return ()
        score = problem.prior.score(mode.point.u)
        known: tuple[Parts[Any], ...] = problem.prior.known
        if problem.n_crossed:
            raise DesignError(MOVED)
        how = (problem.family, mode.point.lambdas, self._rules(problem))
        found = problem.shards.map(
            _gain,
            mode.point.states,
            mode.cross_products,
            score.nested,
            *known,
            add=problem.prior.add,
            approximation=how,
        )
        whole = [np.zeros(n) for n in problem.n_levels]
        for levels, part in zip(problem.levels, found, strict=True):
            whole[-1][levels[-1]] = part
        return tuple(whole)

    def _rules(self, problem: Problem) -> tuple[Nodes, ...]:
        return tuple(product_rule(int(self.n_points), size) for size, _ in problem.sizes)

    def _integrals(self, problem: Problem, mode: Mode) -> Parts["_Integrals | None"]:
        assert isinstance(problem.prior, StandardPrior)  # of which the penalty of nodes is
        return problem.shards.map(
            _of_shard,
            *(mode.point.states, mode.cross_products, mode.point.u.nested),
            family=problem.family,
            lambdas=mode.point.lambdas,
            rules=self._rules(problem),
        )

    def _integrated(self, problem: Problem, mode: Mode) -> tuple[float, Floats] | None:
        """The objective and its gradient; None where H of a level is not positive definite."""
        integrals = self._integrals(problem, mode)
        if integrals.map(_is_none).total():
            return None
        value, beta, kernels = problem.shards.map(_total, integrals).total()
        slopes = [
            problem.covariances[f].slope(mode.point.params.theta[f], kernel)
            for f, kernel in zip(problem.order, kernels, strict=True)
        ]
        theta = problem.in_layout_order(slopes)
        return float(value), Params(tuple(beta), theta).pack()


def _refuse_crossed(factors: Sequence[Factor], n_nested: int) -> None:
    """Refuse factors beyond the chain that the first ones are."""
    if len(factors) > n_nested:
        chain, crossed = factors[:n_nested], factors[n_nested:]
        msg = (
            "quadrature integrates over the random effects of one grouping factor, or of factors "
            "that are nested in each other, and the levels of "
            f"{' and '.join(map(_text, crossed))} are crossed with those of "
            f"{' and '.join(map(_text, chain))}; {INSTEAD}"
        )
        raise DesignError(msg)


def _text(factor: Factor) -> str:
    """The term of a factor as a formula has it, or its smooths."""
    if factor.is_smooth:
        return f"the smooth {' + '.join(dict.fromkeys(factor.parts))}"
    effects = ("1" if name == "Intercept" else name for name in factor.columns)
    return f"({' + '.join(effects)} | {factor.name})"


class _Integrals(NamedTuple):
    """What the levels of a shard add to the objective, and to its gradient."""

    value: float
    residual: list[Floats]  # of each predictor, (n,): the gradient in it
    kernels: list[Floats]  # (q, q, L) of each factor: the gradient in that of its covariance


def _of_shard(
    shard: Shard,
    state: State,
    cross_products: CrossProducts,
    own: NestedEffects,
    family: Family,
    lambdas: Sequence[Floats],
    rules: Sequence[Nodes],
) -> _Integrals | None:
    turned = [TriangularFactor.of(lambda_) for lambda_ in lambdas]
    lambdas = tuple(each.lower for each in turned)
    u = [each.turn @ part for each, part in zip(turned, own, strict=True)]
    blocks = chain_blocks(shard, cross_products, lambdas)
    StandardPrior.add(blocks)
    root = ChainRoot.of(shard.chain, blocks)
    if root is None:
        return None
    found = averages(shard, state.eta, Spread(family, lambdas, root, u), rules)
    bent, center = _adjoints(shard, found, u, root, lambdas)
    slopes = logdet_slopes(shard, state, dict(bent), lambdas)
    sums = scaled(shard.level_sums(slopes), lambdas)
    pushed = [a + b for a, b in zip(center, sums, strict=True)]
    v = root.times(root.transposed_times(pushed))
    lifted = [lambda_ @ part for lambda_, part in zip(lambdas, v, strict=True)]
    rows = state.rows.to_second()._replace(grad=found.grad)
    residual = effective_residual(shard, rows, slopes, lifted)
    kernels = _kernels(cross_products, bent, root, lambdas)
    ends = zip(shard.level_sums(residual), shard.level_sums(state.rows.grad), u, v, strict=True)
    for f, (inner, outer, here, there) in enumerate(ends):
        kernels[f] += inner[:, None] * here + outer[:, None] * there
    for (i, j), cross in found.cross.items():
        kernels[i] -= np.einsum("cbl,abl->cal", cross, root.blocks[i, j])
    value = sum(0.5 * float(np.sum(part**2)) for part in u)
    value += root.half_logdet - float(found.log_integral.sum())
    slopes_of = zip(turned, kernels, strict=True)
    return _Integrals(value, residual, [each.slopes(kernel) for each, kernel in slopes_of])


def _adjoints(
    shard: Shard, found: Averages, u: Sequence[Floats], root: ChainRoot, lambdas: Sequence[Floats]
) -> tuple[Mapping[tuple[int, int], Floats], list[Floats]]:
    """B, on the pattern of H, and the derivative of the objective in the mode, (q, L) of each."""
    scores = scaled(shard.level_sums(found.grad), lambdas)
    moved = root.times(found.first)
    center = [a + b - c for a, b, c in zip(u, moved, scores, strict=True)]
    slant = {}  # the average of p z'
    for (i, j), part in root.after(found.second).items():
        first = root.spread(i, j, found.first[j])
        across = np.einsum("ca,cbl->abl", lambdas[i], found.cross[i, j])
        slant[i, j] = u[i][:, None] * first + part - across
    middle = {key: -part for key, part in mirrored(root.before(slant)).items()}
    for f, part in enumerate(u):
        every = np.arange(len(part))
        middle[f, f][every, every] += 1.0
    return root.congruence(middle), center


def _kernels(
    cross_products: CrossProducts,
    bent: Mapping[tuple[int, int], Floats],
    root: ChainRoot,
    lambdas: Sequence[Floats],
) -> list[Floats]:
    """Sums of Z'W A B over the rows of each level, (q, q, L) of each factor."""
    kernels = [np.zeros_like(root.blocks[f, f]) for f in range(len(lambdas))]
    for (i, j), block in bent.items():
        weight = full_matrices(cross_products[i, j])
        kernels[i] += np.einsum("cdl,de,ael->cal", weight, lambdas[j], block)
        if i != j:
            share = np.einsum("cdl,ca,ael->del", weight, lambdas[i], block)
            kernels[j] += root.sum(i, j, share)
    return kernels


def _gain(
    shard: Shard,
    state: State,
    cross_products: CrossProducts,
    score: NestedEffects,
    *known: Any,
    add: Callable[..., None],
    approximation: tuple[Family, Sequence[Floats], Sequence[Nodes]],
) -> Floats:
    """By how much the log integrals of the last levels exceed Laplace's, (L,).

    NaN where there are none.
    """
    family, lambdas, rules = approximation
    last = shard.factors[-1].grouping
    turned = [TriangularFactor.of(lambda_) for lambda_ in lambdas]
    spread = spread_of(shard, (cross_products, score, *known), add, family, turned)
    if spread is None:
        return np.full(last.size, np.nan)
    found = averages(shard, state.eta, spread, rules)
    value = shard.log_density(family, state.eta, 0)[0]
    return np.asarray(found.log_integral - last.sum(value))


def spread_of(
    shard: Shard,
    known: tuple[Any, ...],
    add: Callable[..., None],
    family: Family,
    turned: Sequence[TriangularFactor],
) -> Spread | None:
    """Return how nodes lie about the mode under any prior; None where H is not positive definite.

    Parameters
    ----------
    shard : Shard
    known : tuple
        Cross-products, the gradient of the log density of the prior, and what `add` takes.
    add : callable
        See `Prior.add`.
    family : Family
    turned : sequence of TriangularFactor
        Of the factors of the covariances.
    """
    cross_products, score, *precision = known
    lambdas, turns = tuple(each.lower for each in turned), [each.turn.T for each in turned]
    prior, blocks = no_blocks(shard), chain_blocks(shard, cross_products, lambdas)
    add(prior, *precision)
    for i, part in enumerate(prior.own):
        prior.own[i] = congruence(turns[i], part, turns[i])
        blocks.own[i] += prior.own[i]
    for (i, j), part in prior.between.items():
        prior.between[i, j] = congruence(turns[i], part, turns[j])
        blocks.between[i, j] += prior.between[i, j]
    root = ChainRoot.of(shard.chain, blocks)
    if root is None:
        return None
    pull = [-each.turn @ part for each, part in zip(turned, score, strict=True)]
    return Spread(family, lambdas, root, pull, prior)


def _is_none(found: _Integrals | None) -> int:
    return int(found is None)


def _residual(found: _Integrals) -> list[Floats]:
    return found.residual


def _kernels_of(found: _Integrals) -> list[Floats]:
    return found.kernels


def _total(shard: Shard, found: _Integrals) -> tuple[float, list[Floats], list[Floats]]:
    beta = [shard.pull(k, row) for k, row in enumerate(found.residual)]
    return found.value, beta, [kernel.sum(axis=-1) for kernel in found.kernels]
