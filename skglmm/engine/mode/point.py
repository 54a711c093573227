"""The penalized log density at some effects, with its derivatives."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.mode.absolute import absolute
from skglmm.engine.mode.system import scaled
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import Point, Slopes, State
from skglmm.engine.rows.rows import MovedRows
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.linalg import NestedEffects
from skglmm.parts import Parts

__all__ = [
    "absolute_cross_products",
    "evaluate",
    "expected_cross_products",
    "nearby",
    "observed_cross_products",
    "score",
    "score_sums",
    "third_slopes",
]

NUDGE = 1e-6  # of a linear predictor: slopes are exact to about as much


def evaluate(problem: Problem, params: Params, u: Effects, order: int) -> Point:
    """Evaluate h and the derivatives of the log density up to `order`."""
    lambdas = tuple(problem.lambdas(params))
    states = problem.renewably(
        _state,
        u.nested,
        crossed=problem.cut_crossed(u.crossed),
        beta=params.beta,
        lambdas=lambdas,
        family=problem.family,
        order=order,
    )
    return _point(problem, params, lambdas, u, states, order)


def _point(
    problem: Problem,
    params: Params,
    lambdas: tuple[Floats, ...],
    u: Effects,
    states: Parts[State],
    order: int,
) -> Point:
    halves = problem.prior.halves(u)
    value = float(halves.crossed.sum() + states.map(_penalized, halves.nested).total())
    return Point(params, lambdas, u, states, value, order)


def _state(
    shard: Shard,
    own: NestedEffects,
    crossed: Sequence[Floats],
    beta: Sequence[Floats],
    lambdas: Sequence[Floats],
    family: Family,
    order: int,
) -> State:
    effects = [lambda_ @ part for lambda_, part in zip(lambdas, (*own, *crossed), strict=True)]
    eta = shard.predictors(beta, effects)
    return State(eta, shard.evaluate(family, eta, order))


def _penalized(state: State, halves: NestedEffects) -> float:
    return float(sum(part.sum() for part in halves) - state.rows.value)


def nearby(
    problem: Problem,
    point: Point,
    params: Params,
    u: Effects,
    slopes: Parts[Slopes] | None = None,
    move: Effects | None = None,
) -> Point:
    """Return the point at parameters and effects a little apart, by Taylor's formula.

    Parameters
    ----------
    problem : Problem
    point : Point
        With derivatives up to the third.
    params : Params
    u : Effects
    slopes : Parts or None
        What `third_slopes` returned; without it the third derivatives are those of `point`.
    move : Effects or None
        How far `u` is from the effects of `point`, where that is known to more digits.
    """
    move = move if move is not None else u.plus(point.u, -1.0)
    lambdas = tuple(problem.lambdas(params))
    more = () if slopes is None else (slopes,)
    changes = [there - here for here, there in zip(point.params.beta, params.beta, strict=True)]
    before = (point.lambdas, problem.cut_crossed(point.u.crossed))
    after = (lambdas, problem.cut_crossed(move.crossed))
    parts = (point.states, point.u.nested, move.nested, *more)
    make = _state_nearby if problem.plan is None else _state_towards  # of very many rows
    states = problem.shards.map(make, *parts, ends=(before, after), beta=changes)
    return _point(problem, params, lambdas, u, states, point.order)


def _state_nearby(
    shard: Shard,
    state: State,
    here: NestedEffects,
    move: NestedEffects,
    slopes: Slopes | None = None,
    *,
    ends: Sequence[tuple[Sequence[Floats], Sequence[Floats]]],  # lambdas, crossed effects
    beta: Sequence[Floats],
) -> State:
    there = _state_towards(shard, state, here, move, slopes, ends=ends, beta=beta)
    rows = there.rows
    return there._replace(rows=rows.to_second()._replace(third=rows.third))


def _state_towards(
    shard: Shard,
    state: State,
    here: NestedEffects,
    move: NestedEffects,
    slopes: Slopes | None = None,
    *,
    ends: Sequence[tuple[Sequence[Floats], Sequence[Floats]]],  # lambdas, crossed effects
    beta: Sequence[Floats],
) -> State:
    """The same with derivatives that are nowhere stored."""
    (before, crossed_here), (after, rest_move) = ends
    effects = [
        (new - old) @ u + old @ moved_u  # without what is of the second order
        for old, new, u, moved_u in zip(
            before, after, (*here, *crossed_here), (*move, *rest_move), strict=True
        )
    ]
    change = shard.move(beta, effects)
    eta = [row if step is None else row + step for row, step in zip(state.eta, change, strict=True)]
    return State(eta, MovedRows(state.rows, change, shard.packing, shard.active, slopes))


def third_slopes(problem: Problem, point: Point) -> Parts[Slopes] | None:
    """Derivatives of the third derivatives, by differences; None where they are not finite.

    In the predictors that random effects feed, of which two stand in every fourth derivative
    that is asked for.
    """
    found = problem.shards.map(_third_slopes, point.states, family=problem.family)
    return found if found.map(_is_finite).total() == len(found) else None


def _third_slopes(shard: Shard, state: State, family: Family) -> Slopes:
    third, found = state.rows.third, {}
    assert third is not None
    for k in shard.active:
        row = state.eta[k]
        nudged = row - np.copysign(NUDGE, row)  # away from the end of a link's reach
        eta = [*state.eta[:k], nudged, *state.eta[k + 1 :]]
        there = shard.evaluate(family, eta, 3).third
        assert there is not None
        there -= third
        there /= nudged - row
        found[k] = there
    return found


def _is_finite(slopes: Slopes) -> int:
    return int(all(np.all(np.isfinite(rows)) for rows in slopes.values()))


def score_sums(problem: Problem, point: Point) -> Effects:
    """Gradient of the log density in the effects b."""
    return problem.gather(problem.shards.map(_scores, point.states))


def _scores(shard: Shard, state: State) -> list[Floats]:
    return shard.level_sums(state.rows.grad)


def score(problem: Problem, point: Point) -> Effects:
    """Minus the gradient of h in u."""
    sums = problem.shards.map(_scores_in_u, point.states, lambdas=point.lambdas)
    return problem.gather(sums).plus(problem.prior.score(point.u))


def _scores_in_u(shard: Shard, state: State, lambdas: Sequence[Floats]) -> list[Floats]:
    return scaled(shard.level_sums(state.rows.grad), lambdas)


def observed_cross_products(problem: Problem, point: Point) -> Parts[CrossProducts]:
    """Cross-products Z'WZ with the observed information W of rows, for each shard."""
    return problem.renewably(_observed, point.states)


def _observed(shard: Shard, state: State) -> CrossProducts:
    return shard.cross_products(state.rows.hess)


def absolute_cross_products(problem: Problem, point: Point) -> Parts[CrossProducts]:
    """Cross-products Z'WZ with observed information made positive, for each shard."""
    return problem.shards.map(_absolute, point.states)


def _absolute(shard: Shard, state: State) -> CrossProducts:
    return shard.cross_products(absolute(state.rows.hess, shard.packing, shard.active))


def expected_cross_products(problem: Problem, point: Point) -> Parts[CrossProducts]:
    """Cross-products Z'WZ with the expected information W of rows, for each shard."""
    if problem.family.is_canonical:
        return observed_cross_products(problem, point)
    return problem.shards.map(_expected, point.states, family=problem.family)


def _expected(shard: Shard, state: State, family: Family) -> CrossProducts:
    return shard.cross_products(shard.expected_hess(family, state.eta))
