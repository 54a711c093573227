r"""Adaptive Gauss-Hermite quadrature over the random effects of one factor, and its gradient.

Beside what the objective is at nodes that stay, they move with the mode and with :math:`D`. With
averages over the nodes of a level, :math:`p = \nabla h(u_i)`, and :math:`T` the upper triangle of
the average of :math:`z (D^T p)^T`, mirrored, the derivative in :math:`H` is half of

.. math:: B = D (I - T) D^T

where that of Laplace's approximation is half of :math:`H^{-1}`, and the derivative in the mode
is the average of p. What follows is the gradient of Laplace's approximation, with B and, in place
of the gradient at the mode, averages of those at the nodes; with one node the two are the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Factor, Layout
from skglmm.engine.mode.mode import find_mode, mode_at
from skglmm.engine.mode.point import nearby
from skglmm.engine.mode.system import congruence
from skglmm.engine.objective.by_mode import ByMode
from skglmm.engine.objective.clusters import add_up
from skglmm.engine.objective.gradient import effective_residual, logdet_slopes
from skglmm.engine.objective.laplace import Laplace
from skglmm.engine.objective.nodes import Averages, Nodes, Spread, averages, product_rule
from skglmm.engine.objective.sensitivity import tangent
from skglmm.engine.objective.triangular import TriangularFactor
from skglmm.engine.prior import StandardPrior
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Objective, Slopes, State
from skglmm.engine.rows.shard import CrossProducts, Shard
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.linalg import Blocks, NestedEffects, cholesky, solve_upper
from skglmm.parts import Parts

__all__ = ["AdaptiveQuadrature"]

EFFECTS_MAX = 3  # of one level: 7 points for each are 343 nodes
POINTS_MAX = 300  # more have weights below the smallest number
INSTEAD = "leave it out, or take Laplace's approximation, n_quadrature=1"
NODES_MAX = 100_000  # passes over all rows for each evaluation


@dataclass(frozen=True)
class AdaptiveQuadrature(ByMode):
    """Adaptive Gauss-Hermite quadrature for random effects of a single grouping factor.

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

    def check(self, layout: Layout) -> None:
        """Refuse several factors, and too many effects."""
        if self.integrated:
            msg = (
                "quadrature integrates over random effects alone, and fixed effects are to be "
                "integrated out (REML); take one of the two, reml=False or n_quadrature=1"
            )
            raise DesignError(msg)
        factors = sorted(layout.factors, key=lambda factor: -factor.size)
        terms = [_text(factor) for factor in factors]
        if len(factors) > 1:
            msg = (
                "quadrature integrates over the random effects of one grouping factor, and beside "
                f"{terms[0]} there is {' and '.join(terms[1:])}; {INSTEAD}"
            )
            raise DesignError(msg)
        size = max((factor.n_columns for factor in factors), default=0)
        if size > EFFECTS_MAX:
            msg = (
                f"quadrature integrates over {EFFECTS_MAX} random effects of a level at the most, "
                f"and {terms[0]} has {size}; {INSTEAD}"
            )
            raise DesignError(msg)
        if self.n_points**size > NODES_MAX:
            msg = (
                f"{self.n_points} points for each of the {size} effects of {terms[0]} are "
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
        self, problem: Problem, here: Objective, change: Floats, slopes: Parts[Slopes]
    ) -> Floats | None:
        if not problem.order:
            return Laplace().gradient_near(problem, here, change, slopes)
        mode: Mode | None = here.mode
        if np.any(change):
            point = here.mode.point
            params = Params.unpack(point.params.pack() + change, problem.shape)
            move = tangent(problem, here.mode, change)
            u = point.u.plus(move)
            mode = mode_at(problem, nearby(problem, point, params, u, slopes, move))
        found = None if mode is None else self._integrated(problem, mode)
        return None if found is None else found[1]

    def cluster_gradients(self, problem: Problem, mode: Mode, clusters: Ints) -> Floats:
        if not problem.order:
            return Laplace().cluster_gradients(problem, mode, clusters)
        integrals = self._integrals(problem, mode)
        return add_up(problem, mode, clusters, integrals.map(_residual), integrals.map(_kernel))

    def gains(self, problem: Problem, mode: Mode) -> tuple[Floats, ...]:
        if not problem.order:
            return ()
        score = problem.prior.score(mode.point.u)
        known: tuple[Parts[Any], ...] = problem.prior.known
        how = (problem.family, mode.point.lambdas[0], self._nodes(problem))
        found = problem.shards.map(
            _gain,
            mode.point.states,
            mode.cross_products,
            score.nested,
            *known,
            add=problem.prior.add,
            approximation=how,
        )
        whole = np.empty(problem.n_levels[0])
        for (levels,), part in zip(problem.levels, found, strict=True):
            whole[levels] = part
        return (whole,)

    def _nodes(self, problem: Problem) -> Nodes:
        ((size, _),) = problem.sizes  # of a single factor, as `check` saw to
        return product_rule(int(self.n_points), size)

    def _integrals(self, problem: Problem, mode: Mode) -> Parts["_Integrals | None"]:
        assert isinstance(problem.prior, StandardPrior)  # of which the penalty of nodes is
        return problem.shards.map(
            _of_shard,
            *(mode.point.states, mode.cross_products, mode.point.u.nested),
            family=problem.family,
            lambda_=mode.point.lambdas[0],
            nodes=self._nodes(problem),
        )

    def _integrated(self, problem: Problem, mode: Mode) -> tuple[float, Floats] | None:
        """The objective and its gradient; None where H of a level is not positive definite."""
        integrals = self._integrals(problem, mode)
        if integrals.map(_is_none).total():
            return None
        value, beta, kernel = problem.shards.map(_total, integrals).total()
        theta = problem.covariances[0].slope(mode.point.params.theta[0], kernel)
        return float(value), Params(tuple(beta), (theta,)).pack()


def _text(factor: Factor) -> str:
    """The term of a factor as a formula has it."""
    effects = ("1" if name == "Intercept" else name for name in factor.columns)
    return f"({' + '.join(effects)} | {factor.name})"


class _Integrals(NamedTuple):
    """What the levels of a shard add to the objective, and to its gradient."""

    value: Floats  # (L,)
    residual: list[Floats]  # of each predictor, (n,): the gradient in it
    kernel: Floats  # (q, q, L): the gradient in the factor of the covariance


def _of_shard(
    shard: Shard,
    state: State,
    cross_products: CrossProducts,
    own: NestedEffects,
    family: Family,
    lambda_: Floats,
    nodes: Nodes,
) -> _Integrals | None:
    turned, weight = TriangularFactor.of(lambda_), cross_products[0, 0]
    lambda_, u = turned.lower, turned.turn @ own[0]
    factor = _inverse_factor(np.eye(len(u))[:, :, None] + congruence(lambda_, weight, lambda_))
    if factor is None:
        return None
    found = averages(shard, family, state.eta, Spread.of(lambda_, factor, u, None), nodes)
    bent, center = _adjoints(shard, found, u, factor, lambda_)
    slopes = logdet_slopes(shard, state, {(0, 0): bent}, (lambda_,))
    (sums,) = shard.level_sums(slopes)
    v = _times(factor, _times(np.swapaxes(factor, 0, 1), center + lambda_.T @ sums))
    (scores,) = shard.level_sums(state.rows.grad)
    residual = effective_residual(
        shard, state.rows._replace(grad=found.grad), slopes, [lambda_ @ v]
    )
    (pushed,) = shard.level_sums(residual)
    kernel = pushed[:, None] * u + scores[:, None] * v
    kernel -= np.einsum("cbl,abl->cal", found.cross, factor)
    kernel += np.einsum("cdl,de,ael->cal", weight, lambda_, bent)
    value = 0.5 * np.sum(u**2, axis=0) - found.log_integral
    value -= np.log(np.einsum("aal->al", factor)).sum(axis=0)
    return _Integrals(value, residual, turned.slopes(kernel))


def _adjoints(
    shard: Shard, found: Averages, u: Floats, factor: Floats, lambda_: Floats
) -> tuple[Floats, Floats]:
    """B, (q, q, L), and the derivative of the objective in the mode, (q, L)."""
    (scores,) = shard.level_sums(found.grad)
    center = u + _times(factor, found.first) - lambda_.T @ scores
    slant = u[:, None] * found.first + np.einsum("abl,bcl->acl", factor, found.second)
    slant -= np.einsum("ca,cbl->abl", lambda_, found.cross)  # the average of p z'
    whitened = np.einsum("bal,bcl->acl", slant, factor)
    keep = np.triu(np.ones((len(u), len(u)), dtype=np.bool_))[:, :, None]
    mirrored = np.where(keep, whitened, np.swapaxes(whitened, 0, 1))
    middle = np.eye(len(u))[:, :, None] - mirrored
    return np.einsum("abl,bcl,dcl->adl", factor, middle, factor), center


def _inverse_factor(hessian: Floats) -> Floats | None:
    """Lower Cholesky factor of the inverse of each matrix, (q, q, L)."""
    # That of the inverse is the inverse of an upper factor: the lower one in reversed order.
    lower = cholesky(hessian[::-1, ::-1])
    if lower is None:
        return None
    units = np.broadcast_to(np.eye(len(hessian))[:, :, None], hessian.shape)
    return np.ascontiguousarray(solve_upper(lower, units)[::-1, ::-1])


def _gain(
    shard: Shard,
    state: State,
    cross_products: CrossProducts,
    score: NestedEffects,
    *known: Any,
    add: Callable[..., None],
    approximation: tuple[Family, Floats, Nodes],
) -> Floats:
    """By how much the log integrals of levels exceed Laplace's, (L,); NaN where there are none."""
    (family, lambda_, nodes), size = approximation, len(score[0])
    precision = np.zeros((size, size, score[0].shape[1]))
    add(Blocks([precision], {}, [np.zeros((size, 0))]), *known)
    turned = TriangularFactor.of(lambda_)
    precision = congruence(turned.turn.T, precision, turned.turn.T)
    factor = _inverse_factor(
        precision + congruence(turned.lower, cross_products[0, 0], turned.lower)
    )
    if factor is None:
        return np.full(score[0].shape[1], np.nan)
    spread = Spread.of(turned.lower, factor, -turned.turn @ score[0], precision)
    found = averages(shard, family, state.eta, spread, nodes)
    value = shard.log_density(family, state.eta, 0)[0]
    return np.asarray(found.log_integral - shard.factors[0].grouping.sum(value))


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return np.asarray(np.einsum("abl,bl->al", matrices, vectors))


def _is_none(found: _Integrals | None) -> int:
    return int(found is None)


def _residual(found: _Integrals) -> list[Floats]:
    return found.residual


def _kernel(found: _Integrals) -> Floats:
    return found.kernel


def _total(shard: Shard, found: _Integrals) -> tuple[float, list[Floats], Floats]:
    beta = [shard.pull(k, row) for k, row in enumerate(found.residual)]
    return float(found.value.sum()), beta, found.kernel.sum(axis=-1)
