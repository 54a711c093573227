r"""Which coefficients are at infinity, on which side, and which are merely not determined.

Directions along which the likelihood rises for ever are a cone: all that move no separated row
the wrong way [1]_. A coefficient is at infinity where all directions in the cone move it to one
side. Where some move it to either side, as a difference of two levels that are both at infinity,
any value of it has the same likelihood: the data do not determine it.

Linear predictors recede each on its own, but for those that families compare, as locations with
cut points: where the columns of one are centered, all of them move for the sake of a few rows.

References
----------
.. [1] Geyer, C. J. (2009). Likelihood inference in exponential families and directions of
   recession. Electronic Journal of Statistics, 3, 259-289.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from skglmm.arrays import Floats, Ints
from skglmm.engine import Params, Problem, Shard, State
from skglmm.families import Family
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.separation import flat_descents, recession, user_recession
from skglmm.linalg import block_diagonal

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
    problem, scales = bound.problem, bound.scales
    flat = _lengths(bound, found.flat)
    recedes = user_recession(scales, found.direction)
    direction = Params.unpack(found.direction, problem.shape).beta
    flat = flat / np.linalg.norm(flat, axis=0)
    result = [Sides(part, np.zeros(len(part))) for part in recedes]
    for places in _blocks(problem):
        if not any(recedes[k].any() for k in places):
            continue
        block = _Coefficients.of(scales, places)
        is_whole = places[0] in found.whole
        basis = np.eye(len(block.widths)) if is_whole else _basis(flat[block.places])
        turn = basis / block.widths[:, None]
        if places == problem.family.compared:
            rows = _compared(problem, block.split(turn))
        else:
            rows = _rows(problem, optimum, places[0], direction[places[0]], turn)
        for k, part in zip(places, block.sides(turn, rows), strict=True):
            result[k] = part
    return result


def _blocks(problem: Problem) -> list[tuple[int, ...]]:
    """Places of the predictors that go to infinity together: those that are compared, and each."""
    compared = problem.family.compared
    every = range(len(problem.shape.n_coefficients))
    alone: list[tuple[int, ...]] = [(k,) for k in every if k not in compared]
    return [compared, *alone] if compared else alone


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


def _compared(problem: Problem, turns: Sequence[Floats]) -> Floats:
    """Comparisons of predictors, of which those that are moved must not be negative, (rows, m)."""
    found = problem.shards.map(_comparisons, family=problem.family, turns=turns)
    rows = np.concatenate(list(found))
    lengths = np.linalg.norm(rows, axis=1)
    return np.asarray(rows[lengths > PART * np.max(lengths, initial=0.0)])


def _comparisons(shard: Shard, family: Family, turns: Sequence[Floats]) -> Floats:
    pairs = zip(family.compared, turns, strict=True)
    moves = [shard.fixed[k] @ turn for k, turn in pairs]
    return np.concatenate(family.comparisons(shard.prepared, moves))


class _Coefficients(NamedTuple):
    """The coefficients of the predictors of a block, of a fit (q) and of the user (p).

    Parameters
    ----------
    places : ndarray of int, shape (q,)
        Among all coefficients of the fit.
    counts : tuple of two lists of int
        Coefficients of each predictor, of the fit and of the user.
    to_user : ndarray, shape (p, q)
    widths : ndarray, shape (q,)
    spans : ndarray, shape (p,)
        Of columns, see `Scales`.
    """

    places: Ints
    counts: tuple[list[int], list[int]]
    to_user: Floats
    widths: Floats
    spans: Floats

    @classmethod
    def of(cls, scales: Scales, places: Sequence[int]) -> "_Coefficients":
        """Return those of some predictors, with what numbers gain from centered columns."""
        every = block_diagonal(*scales.to_user)
        if scales.carried is not None:
            every += scales.carried
        own, others = _places(scales.widths, places), _places(scales.spans, places)
        counts = [[len(parts[k]) for k in places] for parts in (scales.widths, scales.spans)]
        widths, spans = np.concatenate(scales.widths)[own], np.concatenate(scales.spans)[others]
        return cls(own, (counts[0], counts[1]), every[np.ix_(others, own)], widths, spans)

    def split(self, turn: Floats, *, user: bool = False) -> list[Floats]:
        """Coefficients of each predictor."""
        return np.split(turn, np.cumsum(self.counts[user])[:-1])

    def sides(self, turn: Floats, rows: Floats) -> list[Sides]:
        """Return where the coefficients of each predictor go."""
        found = _sides(self, turn, rows)
        pairs = zip(*(self.split(part, user=True) for part in found), strict=True)
        return [Sides(change, signs) for change, signs in pairs]


def _places(parts: Sequence[Floats], predictors: Sequence[int]) -> Ints:
    """Places of the numbers of some parts among those of all."""
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.concatenate([np.flatnonzero(owner == k) for k in predictors])


def _sides(block: _Coefficients, turn: Floats, rows: Floats) -> Sides:
    """Where the coefficients of a block go within the cone of what rows allow."""
    to_user, change, signs = block.to_user, np.zeros(turn.shape[1]), []
    sizes = np.linalg.norm(to_user / block.widths, axis=1)
    for moves, size in zip(to_user @ turn, sizes, strict=True):
        length = float(np.linalg.norm(moves))
        if length <= PART * size:
            signs.append(0.0)
            continue
        ends = [_farthest(sign * moves / length, rows) for sign in (1.0, -1.0)]
        up, down = moves @ ends[0] > MOVES * length, -moves @ ends[1] > MOVES * length
        signs.append(np.nan if up == down else float(up) - float(down))
        change += ends[0] + ends[1]
    change = change / max(float(np.max(np.abs(rows @ change), initial=0.0)), PART)
    user = to_user @ (turn @ change)
    return Sides(np.where(np.abs(user) * block.spans > PART, user, 0.0), np.array(signs))


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
