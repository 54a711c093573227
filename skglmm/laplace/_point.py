"""The penalized log density at some effects, with its derivatives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from skglmm.arrays import Floats
from skglmm.families import Family
from skglmm.laplace._params import Params
from skglmm.laplace._problem import Problem
from skglmm.laplace._shard import Moments, Rows, Shard
from skglmm.laplace._split import Split
from skglmm.laplace._system import scaled
from skglmm.linalg import Own
from skglmm.parts import Parts

__all__ = [
    "Point",
    "State",
    "evaluate",
    "expected_moments",
    "observed_moments",
    "score",
    "score_sums",
]


class State(NamedTuple):
    """The rows of a shard at some effects."""

    eta: list[Floats]  # linear predictors, each of shape (n,) or (1,)
    rows: Rows


@dataclass(frozen=True)
class Point:
    """The penalized log density at some effects, with its derivatives.

    Parameters
    ----------
    params : Params
    roots : tuple of ndarray
        Covariance factors, leading factor first.
    u : Split
        Spherical effects.
    states : Parts of State
        Linear predictors, log density and its derivatives, for each shard.
    value : float
        ``h(u) = -log f(y | u) + u'u / 2``, or with the penalty of another prior.
    order : int
        Of the derivatives.
    """

    params: Params
    roots: tuple[Floats, ...]
    u: Split
    states: Parts[State]
    value: float
    order: int


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
    """Sums of the observed curvature, for each shard."""
    return problem.shards.map(_observed, point.states)


def _observed(shard: Shard, state: State) -> Moments:
    return shard.moments(state.rows.hess)


def expected_moments(problem: Problem, point: Point) -> Parts[Moments]:
    """Sums of the expected information, for each shard."""
    return problem.shards.map(_expected, point.states, family=problem.family)


def _expected(shard: Shard, state: State, family: Family) -> Moments:
    return shard.moments(shard.expected_hess(family, state.eta))
