r"""The next terms of Laplace's expansion: by how much the log integral exceeds it.

With C the posterior covariance of all linear predictors, :math:`A H^{-1} A^T`, and derivatives of
the log density of row i, :math:`\ell_i''', \ell_i''''`, the log integral over the random effects
exceeds Laplace's approximation by [1]_

.. math::

    \tfrac18 \sum_i \ell_i'''' C_{ii}^2
    + \tfrac18 \sum_{ij} \ell_i''' C_{ii} C_{ij} C_{jj} \ell_j'''
    + \tfrac1{12} \sum_{ij} \ell_i''' C_{ij}^3 \ell_j''' ,

summed over the predictors of the rows where there are several, and terms of higher order. With s
the slopes of the log determinant the second sum is :math:`s^T C s / 2`. The third is half the
variance of :math:`\sum_i (\ell_i''' g_i^3 / 6 + s_i g_i)` for g normal with the covariance C:
with one factor it is a sum over levels, otherwise the average over draws.

References
----------
.. [1] Shun, Z. & McCullagh, P. (1995). Laplace approximation of high dimensional integrals.
   Journal of the Royal Statistical Society, Series B, 57(4), 749-760.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement, permutations, product
from math import prod
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.mode.point import third_slopes
from skglmm.engine.mode.system import inverse_blocks, level_sums, solve
from skglmm.engine.objective.gradient import logdet_slopes
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.records import Mode, Slopes, State
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import NestedEffects, congruence
from skglmm.parts import Parts

__all__ = ["Expansion", "expansion"]

Key = tuple[int, ...]

EFFECTS_MAX = 4  # of a level, for tensors of third derivatives; with more, draws cost less
PAIRED_MAX = 700  # rows times predictors of which all pairs are taken, and effects
SHARE, LEAST = 0.1, 0.01  # of the total, and units: what draws leave unsure
BATCH = 50  # draws, at least
ROWS = 40_000_000  # rows times draws, at most


class Expansion(NamedTuple):
    """The three sums, in units of the log likelihood."""

    fourth: float
    linked: float
    cubic: float
    std_error: float = 0.0  # of the last sum, where it is an average over draws

    @property
    def total(self) -> float:
        """By how much the log integral exceeds Laplace's approximation."""
        return self.fourth + self.linked + self.cubic

    @property
    def size(self) -> float:
        """The sum of what they are without signs: they may cancel."""
        return abs(self.fourth) + self.linked + self.cubic


def expansion(problem: Problem, mode: Mode, n_draws: int | None = None) -> Expansion | None:
    """Return the next terms of Laplace's expansion; None where derivatives are not finite.

    Parameters
    ----------
    problem : Problem
    mode : Mode
        Where no step is left.
    n_draws : int or None
        Where draws are needed; None is as many as make the total sure, within limits.
    """
    point, shards = mode.point, problem.shards
    rates = third_slopes(problem, point)
    if rates is None:
        return None
    if not any(shards.map(_is_bent, point.states, rates)):
        return Expansion(0.0, 0.0, 0.0)  # of linear mixed models, for which it is exact
    inverse = mode.system.inverse()
    blocks = shards.map(inverse_blocks, inverse.pieces, crossed=inverse.crossed)
    slopes = shards.map(logdet_slopes, point.states, blocks, lambdas=point.lambdas)
    fourth = shards.map(_fourth, blocks, rates, lambdas=point.lambdas).total()
    sums = level_sums(problem, slopes, point.lambdas)
    found = Expansion(float(fourth), 0.5 * sums.dot(solve(mode.system, sums)), 0.0)
    if len(problem.order) == 1 and problem.sizes[0][0] <= EFFECTS_MAX:
        cubic = shards.map(_by_levels, point.states, blocks, lambda_=point.lambdas[0]).total()
        return found._replace(cubic=float(cubic))
    n_active = max(shards.map(_n_active))
    n_effects = sum(k * n for k, n in problem.sizes)
    if max(problem.n_rows * n_active, n_effects) <= PAIRED_MAX:
        return found._replace(cubic=_by_pairs(problem, mode))
    return _by_draws(problem, mode, slopes, found, n_draws)


def _is_bent(shard: Shard, state: State, rates: Slopes) -> bool:
    """Whether the log density is not quadratic in the predictors that random effects feed."""
    thirds = (
        state,
        *(State(state.eta, state.rows.to_second()._replace(third=rates[k])) for k in shard.active),
    )
    return any(np.any(row) for each in thirds for row in _thirds(shard, each).values())


def _fourth(
    shard: Shard, blocks: CrossProducts, rates: Slopes, lambdas: tuple[Floats, ...]
) -> float:
    """The sum over fourth derivatives, which are differences of the third."""
    total, spreads = 0.0, shard.row_covariances(blocks, lambdas)
    for (j, k), spread in spreads.items():
        for (m, last), other in spreads.items():
            times, row = (1.0 + (j != k)) * (1.0 + (m != last)), shard.packing.row(j, k, m)
            if row is not None:
                total += times * float(np.sum(rates[last][row] * spread * other))
    return total / 8.0


def _by_levels(shard: Shard, state: State, blocks: CrossProducts, lambda_: Floats) -> float:
    """The sum over pairs of rows of one level: a cubic form of its third derivatives."""
    (factor,), third = shard.factors, state.rows.third
    assert third is not None
    size = len(factor.columns)
    tensor = np.zeros((size, size, size, factor.grouping.size))
    for c, d, e in combinations_with_replacement(range(size), 3):
        place = shard.packing.row(*(factor.predictors[j] for j in (c, d, e)))
        if place is None:
            continue
        row = third[place]
        for j in (c, d, e):
            column = factor.columns[j]
            row = row if column is None else row * column
        found = factor.grouping.sum(row)
        for entry in permutations((c, d, e)):
            tensor[entry] = found
    covariance = congruence(lambda_.T, blocks[0, 0], lambda_.T)
    turned = np.einsum("cdel,cal->adel", tensor, covariance)
    turned = np.einsum("adel,dbl->abel", turned, covariance)
    return float(np.einsum("abel,abcl,ecl->", turned, tensor, covariance)) / 12.0


def _by_pairs(problem: Problem, mode: Mode) -> float:
    """The sum over all pairs of rows, from their posterior covariances."""
    left, right = [], []
    ends = np.cumsum([k * n for k, n in problem.sizes])
    for unit in np.eye(int(ends[-1])):
        pieces = zip(np.split(unit, ends[:-1]), problem.sizes, strict=True)
        effects = problem.split(tuple(piece.reshape(size) for piece, size in pieces))
        left.append(_whole(problem, mode, effects))
        right.append(_whole(problem, mode, solve(mode.system, effects)))
    covariances = np.einsum("qjn,qkm->jknm", np.array(left), np.array(right), optimize=True)
    parts = list(problem.shards.map(_thirds, mode.point.states))
    thirds = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    total = 0.0
    for one, other in product(thirds, repeat=2):
        for places in set(permutations(other)):
            shared = prod(covariances[pair] for pair in zip(one, places, strict=True))
            total += _times(one) * float(thirds[one] @ shared @ thirds[other])
    return total / 12.0


def _by_draws(
    problem: Problem,
    mode: Mode,
    slopes: Parts[list[Floats]],
    found: Expansion,
    n_draws: int | None,
) -> Expansion:
    """Add the sum over all pairs of rows: half the variance of cubes of normal predictors."""
    rng, squares = np.random.default_rng(0), list[float]()
    most = max(BATCH, ROWS // problem.n_rows) if n_draws is None else n_draws
    while len(squares) < most:
        noise = problem.split(tuple(rng.standard_normal(size) for size in problem.sizes))
        drawn = Effects(*mode.system.draw(noise.nested, noise.crossed))
        moves = _moves(problem, mode, drawn)
        cubes = problem.shards.map(_cubes, mode.point.states, slopes, moves).total()
        squares.append(0.5 * cubes**2)
        if len(squares) % BATCH == 0:
            error = float(np.std(squares)) / np.sqrt(len(squares))
            found = found._replace(cubic=float(np.mean(squares)), std_error=error)
            if n_draws is None and error < max(LEAST, SHARE * abs(found.total)):
                break
    return found


def _cubes(shard: Shard, state: State, slopes: list[Floats], moves: list[Floats]) -> float:
    """What third derivatives add to the log density along a draw, less its linear part."""
    total = sum(
        float(np.sum(slopes[j] * move)) for j, move in zip(shard.active, moves, strict=True)
    )
    for key, third in _thirds(shard, state).items():
        cube = moves[key[0]] * moves[key[1]] * moves[key[2]]
        total += _times(key) / 6.0 * float(np.sum(third * cube))
    return total


def _thirds(shard: Shard, state: State) -> dict[Key, Floats]:
    """Third derivatives in predictors that random effects feed, numbered among these."""
    third, active = state.rows.third, shard.active
    assert third is not None
    keys = combinations_with_replacement(range(len(active)), 3)
    rows = ((key, shard.packing.row(*(active[a] for a in key))) for key in keys)
    return {key: third[row] for key, row in rows if row is not None}


def _times(key: Key) -> int:
    """How often a derivative stands in the tensor of all."""
    return len(set(permutations(key)))


def _moves(problem: Problem, mode: Mode, effects: Effects) -> Parts[list[Floats]]:
    """Changes of the predictors that random effects feed, for spherical effects."""
    crossed, lambdas = problem.cut_crossed(effects.crossed), mode.point.lambdas
    return problem.shards.map(_moved, effects.nested, crossed=crossed, lambdas=lambdas)


def _moved(
    shard: Shard, own: NestedEffects, crossed: Sequence[Floats], lambdas: Sequence[Floats]
) -> list[Floats]:
    effects = [lambda_ @ part for lambda_, part in zip(lambdas, (*own, *crossed), strict=True)]
    moves = shard.random_part(effects)
    return [np.broadcast_to(moves[j], (shard.n_rows,)) for j in shard.active]


def _whole(problem: Problem, mode: Mode, effects: Effects) -> Floats:
    """The same of all rows, (K, n)."""
    return np.hstack([np.array(part) for part in _moves(problem, mode, effects)])


def _n_active(shard: Shard) -> int:
    return len(shard.active)
