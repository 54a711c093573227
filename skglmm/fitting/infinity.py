r"""Which coefficients are at infinity, on which side, and which are merely not determined.

Directions along which the likelihood rises for ever are a cone: all that move no separated row
the wrong way [1]_. A coefficient is at infinity where all directions in the cone move it to one
side. Where some move it to either side, as a difference of two levels that are both at infinity,
any value of it has the same likelihood: the data do not determine it.

References
----------
.. [1] Geyer, C. J. (2009). Likelihood inference in exponential families and directions of
   recession. Electronic Journal of Statistics, 3, 259-289.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from skglmm.arrays import Floats
from skglmm.engine import Params, Problem, Shard, State
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.separation import flat_descents, recession, user_recession

__all__ = ["Infinity", "infinity", "sides"]

PART = 1e-3  # share of a direction, or of the largest row, below which there is no part in it
MORE = 8  # rows that are added at a time
SLACK = 1e-4  # by which a row may move the wrong way: the error of flat directions
CLEARLY = 0.1  # of the largest move of a row: it is one of those that a direction is made for
MOVES = 1e-2  # of a coefficient of length 1: it moves to this side


class Infinity(NamedTuple):
    """Directions of recession, in which the likelihood rises for ever, on standardized columns.

    Parameters
    ----------
    direction : ndarray, shape (n_params,)
        Moves all rows that are separated; zeros where there are none.
    flat : ndarray, shape (n_params, m)
        Directions in which the likelihood is flat, see `Uncertainty`.
    whole : frozenset of int
        Predictors of which no row has any information.
    """

    direction: Floats
    flat: Floats
    whole: frozenset[int]


def infinity(bound: Bound, optimum: Optimum, hessian: Floats | None, flat: Floats) -> Infinity:
    """Return the direction in which the likelihood rises for ever.

    Predictors that describe what no response shows go where the family says; all others where the
    likelihood falls on the way back alone.

    Parameters
    ----------
    bound : Bound
    optimum : Optimum
    hessian : ndarray, shape (n_params, n_params), or None
        Exact; without it there is nothing to look at but the responses.
    flat : ndarray, shape (n_params, m)
        Its flat directions.
    """
    problem, known = bound.problem, _declared(bound)
    whole = frozenset(k for k, part in enumerate(known) if part.any())
    direction = Params(known, _no_theta(problem)).pack()
    other = _elsewhere(bound, whole, flat)
    if hessian is not None and other.size:
        here = optimum.here
        candidates = flat_descents(problem, here, hessian, other)
        direction = direction + recession(problem, optimum.vector, here, candidates)
    return Infinity(direction, flat, whole)


class Sides(NamedTuple):
    """Where the coefficients of a predictor go, in the user's units.

    Parameters
    ----------
    change : ndarray, shape (p_k,)
        A direction in which all separated rows go; zeros where there are none.
    signs : ndarray, shape (p_k,)
        Of the infinity of each coefficient: 0 for finite estimates, and NaN where the likelihood
        is the same for all values.
    """

    change: Floats
    signs: Floats


def sides(bound: Bound, optimum: Optimum, found: Infinity) -> list[Sides]:
    """Return where the user's coefficients go, for each predictor.

    Parameters
    ----------
    bound : Bound
    optimum : Optimum
    found : Infinity
    """
    scales, flat = bound.scales, _lengths(bound, found.flat)
    recedes = user_recession(scales, found.direction)
    flat = flat / np.linalg.norm(flat, axis=0)
    if any(part.any() for part in recedes) and bound.problem.family.is_unordered:
        return _joint_sides(bound, _basis(flat[: bound.problem.shape.n_beta]))
    result, start = [], 0
    for k, part in enumerate(Params.unpack(found.direction, bound.problem.shape).beta):
        stop = start + len(part)
        if recedes[k].any():
            basis = np.eye(len(part)) if k in found.whole else _basis(flat[start:stop])
            turn = basis / scales.widths[k][:, None]
            rows = _rows(bound.problem, optimum, k, part, turn)
            result.append(_sides(scales, k, turn, rows))
        else:
            result.append(Sides(recedes[k], np.zeros(len(recedes[k]))))
        start = stop
    return result


def _declared(bound: Bound) -> tuple[Floats, ...]:
    """Change the predictors of what no response shows by one unit in all rows, or not at all.

    Those whose coefficients have priors stay.
    """
    found: list[Floats] = [np.zeros(count) for count in bound.problem.shape.n_coefficients]
    for k, sign in bound.endless.items():
        totals = bound.problem.shards.map(_sums, k=k).total()
        gram, sums = totals[:, :-1], totals[:, -1]
        change = np.linalg.lstsq(gram, sums, rcond=1e-12)[0]
        if bound.problem.penalty.resists(k, np.asarray(change, dtype=np.float64)):
            continue
        if min(bound.problem.shards.map(_least, k=k, change=change)) > PART:
            found[k] = np.asarray(sign * change, dtype=np.float64)
    return tuple(found)


def _sums(shard: Shard, k: int) -> Floats:
    """Gram matrix of the columns, and their sums."""
    x = shard.fixed[k]
    return np.asarray(x.T @ np.column_stack([x, np.ones(len(x))]))


def _least(shard: Shard, k: int, change: Floats) -> float:
    return float(np.min(shard.fixed[k] @ change, initial=np.inf))


def _no_theta(problem: Problem) -> tuple[Floats, ...]:
    return Params.unpack(np.zeros(problem.shape.n_params), problem.shape).theta


def _elsewhere(bound: Bound, whole: Collection[int], flat: Floats) -> Floats:
    """Flat directions of fixed effects outside of some predictors, (n_params, m)."""
    counts = bound.problem.shape.n_coefficients
    known = np.concatenate([np.full(count, k in whole) for k, count in enumerate(counts)])
    other = flat.copy()
    other[: len(known)][known] = 0.0
    part = np.linalg.norm(_lengths(bound, other)[: len(known)], axis=0)
    return np.asarray(other[:, part > PART * np.linalg.norm(_lengths(bound, flat), axis=0)])


def _lengths(bound: Bound, directions: Floats) -> Floats:
    """Directions of which fixed effects count as they move linear predictors, (n_params, m)."""
    n_theta = len(directions) - bound.problem.shape.n_beta
    widths = np.concatenate([*bound.scales.widths, np.ones(n_theta)])
    return np.asarray(directions * widths[:, None])


def _basis(directions: Floats) -> Floats:
    """Orthonormal basis of what directions, (p, m), of length 1 at most span but for rounding."""
    vectors, values, _ = np.linalg.svd(directions, full_matrices=False)
    return np.asarray(vectors[:, values > PART])


def _rows(problem: Problem, optimum: Optimum, k: int, direction: Floats, turn: Floats) -> Floats:
    """Which way rows may go, as combinations that must not be negative, (rows, m)."""
    states = optimum.here.mode.point.states
    found = problem.shards.map(_ways, states, k=k, direction=direction, turn=turn)
    return np.concatenate(list(found))


def _ways(shard: Shard, state: State, k: int, direction: Floats, turn: Floats) -> Floats:
    """Rows, turned to the way that they go, (rows, m).

    Rows that a direction of recession hardly moves have been moved for the sake of others: which
    way they would go is what their likelihood says, unless it is 1 but for rounding.
    """
    assert state.rows.grad is not None
    x, slope = shard.fixed[k], state.rows.grad[k]
    rows, moves = x @ turn, x @ direction
    lengths = np.linalg.norm(rows, axis=1)
    moved = lengths > PART * np.max(lengths, initial=0.0)
    told = (np.abs(moves) > CLEARLY * np.max(np.abs(moves), initial=0.0)) | (slope == 0.0)
    ways = np.sign(np.where(told, moves, slope))[:, None] * rows
    return np.asarray(ways[np.broadcast_to(moved, len(ways))])


def _joint_sides(bound: Bound, basis: Floats) -> list[Sides]:
    """Where the coefficients of classes go: rows tell which differences may not fall."""
    problem, scales = bound.problem, bound.scales
    turn = basis / np.concatenate(scales.widths)[:, None]
    turns = np.split(turn, np.cumsum(problem.shape.n_coefficients)[:-1])
    rows = np.concatenate(list(problem.shards.map(_contests, problem=problem, turns=turns)))
    lengths = np.linalg.norm(rows, axis=1)
    rows = rows[lengths > PART * np.max(lengths, initial=0.0)]
    ends = [_ends(scales, k, part, rows) for k, part in enumerate(turns)]
    change = _unit_move(np.sum([change for _, change in ends], axis=0), rows)
    moves = (_seen(scales, k, part, change) for k, part in enumerate(turns))
    return [Sides(move, signs) for move, (signs, _) in zip(moves, ends, strict=True)]


def _contests(shard: Shard, problem: Problem, turns: Sequence[Floats]) -> Floats:
    """Which differences of linear predictors rows ask for, as combinations, (rows, m)."""
    weights = problem.family.contests(shard.prepared)
    assert weights is not None
    moves = [x @ turn for x, turn in zip(shard.fixed, turns, strict=True)]
    ways = [weights[:, k, :, None] * each for k, each in enumerate(moves)]
    return np.asarray(np.concatenate(np.sum(ways, axis=0)))


def _sides(scales: Scales, k: int, turn: Floats, rows: Floats) -> Sides:
    """Where the coefficients of a predictor go within the cone of what rows allow."""
    signs, change = _ends(scales, k, turn, rows)
    return Sides(_seen(scales, k, turn, _unit_move(change, rows)), signs)


def _unit_move(change: Floats, rows: Floats) -> Floats:
    """The direction at which the row that it moves the most moves by one."""
    return np.asarray(change / max(float(np.max(np.abs(rows @ change), initial=0.0)), PART))


def _seen(scales: Scales, k: int, turn: Floats, change: Floats) -> Floats:
    """A direction in the user's units, 0 for coefficients that hardly move."""
    user = scales.to_user[k] @ (turn @ change)
    return np.where(np.abs(user) * scales.spans[k] > PART, user, 0.0)


def _ends(scales: Scales, k: int, turn: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Signs of the infinities of a predictor's coefficients, and a direction that goes there."""
    to_user, change, signs = scales.to_user[k], np.zeros(turn.shape[1]), []
    sizes = np.linalg.norm(to_user / scales.widths[k], axis=1)
    for moves, size in zip(to_user @ turn, sizes, strict=True):
        length = float(np.linalg.norm(moves))
        if length <= PART * size:
            signs.append(0.0)
            continue
        ends = [_farthest(sign * moves / length, rows) for sign in (1.0, -1.0)]
        up, down = moves @ ends[0] > MOVES * length, -moves @ ends[1] > MOVES * length
        signs.append(np.nan if up == down else float(up) - float(down))
        change += ends[0] + ends[1]
    return np.array(signs), change


def _farthest(moves: Floats, rows: Floats) -> Floats:
    """Where the cone reaches farthest in a direction, within a cube around zero, (m,).

    A few rows bound it. They are found by looking for those that are moved the wrong way.
    """
    chosen = np.unique(np.concatenate([rows.argmin(axis=0), rows.argmax(axis=0)]))
    while True:
        some = rows[chosen]
        found = linprog(-moves, -some, np.full(len(some), SLACK), bounds=(-1.0, 1.0))
        if not found.success:
            return np.zeros(len(moves))
        end = np.asarray(found.x, dtype=np.float64)
        miss = rows @ end + SLACK
        worst = np.argsort(miss)[:MORE] if len(miss) <= MORE else np.argpartition(miss, MORE)[:MORE]
        more = np.union1d(chosen, worst[miss[worst] < -SLACK])
        if len(more) == len(chosen):
            return end
        chosen = more
