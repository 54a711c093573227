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

from skglmm.arrays import Bools, Floats
from skglmm.fitting._bound import Bound
from skglmm.fitting._optimize import Optimum
from skglmm.fitting._separation import flat_descents, recession
from skglmm.laplace import Params, Problem, Shard

__all__ = ["Infinity", "infinity", "user_signs"]

PART = 1e-3  # share of a direction, or of the largest row, below which there is no part in it
DIGITS = 6  # of rows, to which they are alike
SLACK = 1e-4  # by which a row may move the wrong way: the error of flat directions
MOVES = 1e-2  # of a coefficient of length 1: it moves to this side


class Infinity(NamedTuple):
    """Where the likelihood rises for ever, on standardized columns.

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
    other = np.where(_within(problem, whole)[:, None], 0.0, flat)
    if hessian is not None and other.any():
        here = optimum.laplace
        candidates = flat_descents(problem, here, hessian, other)
        direction = direction + recession(problem, optimum.vector, here, candidates)
    return Infinity(direction, flat, whole)


def user_signs(bound: Bound, found: Infinity, recedes: Sequence[Floats]) -> tuple[Floats, ...]:
    """Return the sign of the infinity of each of the user's coefficients, each (p_k,).

    It is 0 for finite estimates, and NaN where the likelihood is the same for all values.

    Parameters
    ----------
    bound : Bound
    found : Infinity
    recedes : sequence of ndarray, each of shape (p_k,)
        Its direction in the user's units, with zeros for predictors that have no part in it.
    """
    scales, n_beta = bound.scales, bound.problem.shape.n_beta
    flat = found.flat[:n_beta] * np.concatenate(scales.widths)[:, None]
    flat = flat / np.linalg.norm(np.vstack([flat, found.flat[n_beta:]]), axis=0)
    signs, start = [], 0
    for k, part in enumerate(Params.unpack(found.direction, bound.problem.shape).beta):
        stop = start + len(part)
        wide = np.eye(len(part)) if k in found.whole else flat[start:stop]
        none = np.zeros(len(recedes[k]))
        signs.append(_signs(bound, k, part, _basis(wide)) if recedes[k].any() else none)
        start = stop
    return tuple(signs)


def _declared(bound: Bound) -> tuple[Floats, ...]:
    """Change the predictors of what no response shows by one unit in all rows, or not at all."""
    found: list[Floats] = [np.zeros(count) for count in bound.problem.shape.n_coefficients]
    for k, sign in bound.endless.items():
        totals = bound.problem.shards.map(_sums, k=k).total()
        gram, sums = totals[:, :-1], totals[:, -1]
        change = np.linalg.lstsq(gram, sums, rcond=1e-12)[0]
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


def _within(problem: Problem, predictors: Collection[int]) -> Bools:
    """Fixed effects of some predictors, (n_params,)."""
    beta = tuple(
        np.full(count, k in predictors, dtype=np.float64)
        for k, count in enumerate(problem.shape.n_coefficients)
    )
    return np.asarray(Params(beta, _no_theta(problem)).pack() > 0.0)


def _basis(directions: Floats) -> Floats:
    """Orthonormal basis of what directions, (p, m), of length 1 at most span but for rounding."""
    vectors, values, _ = np.linalg.svd(directions, full_matrices=False)
    return np.asarray(vectors[:, values > PART])


def _signs(bound: Bound, k: int, direction: Floats, basis: Floats) -> Floats:
    """Signs of the user's coefficients of a predictor over the cone within a basis, (p_k,)."""
    turn = basis / bound.scales.widths[k][:, None]
    rows = _rows(bound.problem, k, direction, turn)
    to_user = bound.scales.to_user[k]
    sizes = np.linalg.norm(to_user / bound.scales.widths[k], axis=1)
    pairs = zip(to_user @ turn, sizes, strict=True)
    return np.array([_sign(moves, float(size), rows) for moves, size in pairs])


def _rows(problem: Problem, k: int, direction: Floats, turn: Floats) -> Floats:
    """Which way rows may go, as combinations that must not be negative, (rows, m)."""
    found = problem.shards.map(_ways, k=k, direction=direction, turn=turn)
    return np.unique(np.concatenate(list(found)), axis=0)


def _ways(shard: Shard, k: int, direction: Floats, turn: Floats) -> Floats:
    x = shard.fixed[k]
    ways = np.sign(x @ direction)[:, None] * (x @ turn)
    lengths = np.linalg.norm(ways, axis=1)
    moved = lengths > PART * np.max(lengths, initial=0.0)
    return np.unique(np.round(ways[moved], DIGITS), axis=0)


def _sign(moves: Floats, size: float, rows: Floats) -> float:
    """The side to which the cone moves a coefficient; NaN if to both, 0 if it has no part."""
    length = float(np.linalg.norm(moves))
    if length <= PART * size:
        return 0.0
    up, down = (_farthest(sign * moves / length, rows) > MOVES for sign in (1.0, -1.0))
    return np.nan if up == down else float(up) - float(down)


def _farthest(moves: Floats, rows: Floats) -> float:
    """How far the cone reaches in a direction, within the unit cube."""
    found = linprog(-moves, -rows, np.full(len(rows), SLACK), bounds=(-1.0, 1.0))
    return -float(found.fun or 0.0) if found.success else 1.0
