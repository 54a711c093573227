"""The penalized log density at some effects, with its derivatives."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.mode.absolute import absolute
from skglmm.engine.mode.system import scaled
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Split
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import Point, Slopes, State
from skglmm.engine.rows.rows import moved
from skglmm.engine.rows.shard import Moments, Shard
from skglmm.families import Family
from skglmm.linalg import Own
from skglmm.parts import Parts

__all__ = [
    "absolute_moments",
    "evaluate",
    "expected_moments",
    "nearby",
    "observed_moments",
    "score",
    "score_sums",
    "third_slopes",
]

NUDGE = 1e-6  # of a linear predictor: slopes are exact to about as much


def evaluate(problem: Problem, params: Params, u: Split, order: int) -> Point:
    """Evaluate h and the derivatives of the log density up to `order`."""
    roots = tuple(problem.roots(params))
    states = problem.shards.map(
        _state,
        u.tops,
        rest=problem.cut_rest(u.rest),
        beta=params.beta,
        roots=roots,
        family=problem.family,
        order=order,
    )
    return _point(problem, params, roots, u, states, order)


def _point(
    problem: Problem,
    params: Params,
    roots: tuple[Floats, ...],
    u: Split,
    states: Parts[State],
    order: int,
) -> Point:
    halves = problem.prior.halves(u)
    value = float(halves.rest.sum() + states.map(_penalized, halves.tops).total())
    return Point(params, roots, u, states, value, order)


def _state(
    shard: Shard,
    top: Own,
    rest: Sequence[Floats],
    beta: Sequence[Floats],
    roots: Sequence[Floats],
    family: Family,
    order: int,
) -> State:
    effects = [root @ part for root, part in zip(roots, (*top, *rest), strict=True)]
    eta = shard.predictors(beta, effects)
    return State(eta, shard.evaluate(family, eta, order))


def _penalized(state: State, halves: Own) -> float:
    return float(sum(part.sum() for part in halves) - state.rows.value)


def nearby(
    problem: Problem,
    point: Point,
    params: Params,
    u: Split,
    slopes: Parts[Slopes] | None = None,
    move: Split | None = None,
) -> Point:
    """Return the point at parameters and effects a little apart, by Taylor's formula.

    Parameters
    ----------
    problem : Problem
    point : Point
        With derivatives up to the third.
    params : Params
    u : Split
    slopes : Parts or None
        What `third_slopes` returned; without it the third derivatives are those of `point`.
    move : Split or None
        How far `u` is from the effects of `point`, where that is known to more digits.
    """
    move = move if move is not None else u.plus(point.u, -1.0)
    roots = tuple(problem.roots(params))
    more = () if slopes is None else (slopes,)
    changes = [there - here for here, there in zip(point.params.beta, params.beta, strict=True)]
    before = (point.roots, problem.cut_rest(point.u.rest))
    after = (roots, problem.cut_rest(move.rest))
    parts = (point.states, point.u.tops, move.tops, *more)
    states = problem.shards.map(_state_nearby, *parts, ends=(before, after), beta=changes)
    return _point(problem, params, roots, u, states, point.order)


def _state_nearby(
    shard: Shard,
    state: State,
    here: Own,
    move: Own,
    slopes: Slopes | None = None,
    *,
    ends: Sequence[tuple[Sequence[Floats], Sequence[Floats]]],  # roots, effects of the rest
    beta: Sequence[Floats],
) -> State:
    (before, rest_here), (after, rest_move) = ends
    effects = [
        (new - old) @ u + old @ moved_u  # without what is of the second order
        for old, new, u, moved_u in zip(
            before, after, (*here, *rest_here), (*move, *rest_move), strict=True
        )
    ]
    change = shard.move(beta, effects)
    eta = [row if step is None else row + step for row, step in zip(state.eta, change, strict=True)]
    return State(eta, moved(state.rows, change, shard.active, slopes))


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


def score_sums(problem: Problem, point: Point) -> Split:
    """Gradient of the log density in the effects b."""
    return problem.gather(problem.shards.map(_scores, point.states))


def _scores(shard: Shard, state: State) -> list[Floats]:
    return shard.level_sums(state.rows.grad)


def score(problem: Problem, point: Point) -> Split:
    """Minus the gradient of h in u."""
    sums = problem.shards.map(_scores, point.states).map(scaled, roots=point.roots)
    return problem.gather(sums).plus(problem.prior.score(point.u))


def observed_moments(problem: Problem, point: Point) -> Parts[Moments]:
    """Cross-products Z'WZ with the observed information W of rows, for each shard."""
    return problem.shards.map(_observed, point.states)


def _observed(shard: Shard, state: State) -> Moments:
    return shard.moments(state.rows.hess)


def absolute_moments(problem: Problem, point: Point) -> Parts[Moments]:
    """Cross-products Z'WZ with observed information made positive, for each shard."""
    return problem.shards.map(_absolute, point.states)


def _absolute(shard: Shard, state: State) -> Moments:
    return shard.moments(absolute(state.rows.hess, len(shard.fixed), shard.active))


def expected_moments(problem: Problem, point: Point) -> Parts[Moments]:
    """Cross-products Z'WZ with the expected information W of rows, for each shard."""
    return problem.shards.map(_expected, point.states, family=problem.family)


def _expected(shard: Shard, state: State, family: Family) -> Moments:
    return shard.moments(shard.expected_hess(family, state.eta))
