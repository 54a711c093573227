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
from itertools import combinations_with_replacement, permutations
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine.mode.point import third_slopes
from skglmm.engine.mode.system import congruence, inverse_blocks, scaled, solve
from skglmm.engine.objective.gradient import logdet_slopes, row_covariances
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.records import Mode, Slopes, State
from skglmm.engine.rows.shard import CrossProducts, Shard
from skglmm.families import packed
from skglmm.linalg import NestedEffects
from skglmm.parts import Parts

__all__ = ["Expansion", "expansion"]

EFFECTS_MAX = 4  # of a level, for tensors of third derivatives; with more, draws cost less
ROWS = 1_000_000  # rows times draws
DRAWS = 50, 400  # at least and at most: the third sum is known to 20 or 7 percent


class Expansion(NamedTuple):
    """The three sums, in units of the log likelihood."""

    fourth: float
    linked: float
    cubic: float

    @property
    def total(self) -> float:
        """By how much the log integral exceeds Laplace's approximation."""
        return self.fourth + self.linked + self.cubic

    @property
    def size(self) -> float:
        """The sum of what they are without signs: they may cancel."""
        return abs(self.fourth) + self.linked + self.cubic


def expansion(problem: Problem, mode: Mode, seed: int = 0) -> Expansion | None:
    """Return the next terms of Laplace's expansion; None where derivatives are not finite.

    Parameters
    ----------
    problem : Problem
    mode : Mode
        Where no step is left.
    seed : int
        Of the draws, where there are several factors.
    """
    point, shards = mode.point, problem.shards
    rates = third_slopes(problem, point)
    if rates is None:
        return None
    inverse = mode.system.inverse()
    blocks = shards.map(inverse_blocks, inverse.pieces, crossed=inverse.crossed)
    slopes = shards.map(logdet_slopes, point.states, blocks, lambdas=point.lambdas)
    fourth = shards.map(_fourth, point.states, blocks, rates, lambdas=point.lambdas).total()
    sums = problem.gather(shards.map(Shard.level_sums, slopes).map(scaled, lambdas=point.lambdas))
    linked = 0.5 * sums.dot(solve(mode.system, sums))
    if len(problem.order) == 1 and problem.sizes[0][0] <= EFFECTS_MAX:
        cubic = shards.map(_by_levels, point.states, blocks, lambda_=point.lambdas[0]).total()
    else:
        cubic = _by_draws(problem, mode, slopes, np.random.default_rng(seed))
    return Expansion(float(fourth), float(linked), float(cubic))


def _fourth(
    shard: Shard,
    state: State,
    blocks: CrossProducts,
    rates: Slopes,
    lambdas: Sequence[Floats],
) -> float:
    """The sum over fourth derivatives, which are differences of the third."""
    total, n_predictors = 0.0, len(shard.fixed)
    spreads = row_covariances(shard, blocks, lambdas)
    for (l, m), spread in spreads.items():
        twice = 1.0 if l == m else 2.0
        for (j, k), other in spreads.items():
            both = twice if j == k else 2.0 * twice
            fourth = rates[m][packed(n_predictors, j, k, l)]
            total += both * float(np.sum(fourth * spread * other))
    return total / 8.0


def _by_levels(shard: Shard, state: State, blocks: CrossProducts, lambda_: Floats) -> float:
    """The sum over pairs of rows of one level: a cubic form of its third derivatives."""
    (factor,), third = shard.factors, state.rows.third
    assert third is not None
    size, n_predictors = len(factor.columns), len(shard.fixed)
    tensor = np.empty((size, size, size, factor.grouping.size))
    for c, d, e in combinations_with_replacement(range(size), 3):
        row = third[packed(n_predictors, *(factor.predictors[j] for j in (c, d, e)))]
        for j in (c, d, e):
            column = factor.columns[j]
            row = row if column is None else row * column
        found = factor.grouping.sum(row)
        for place in permutations((c, d, e)):
            tensor[place] = found
    covariance = congruence(lambda_.T, blocks[0, 0], lambda_.T)
    turned = np.einsum("cdel,cal->adel", tensor, covariance)
    turned = np.einsum("adel,dbl->abel", turned, covariance)
    return float(np.einsum("abel,abcl,ecl->", turned, tensor, covariance)) / 12.0


def _by_draws(
    problem: Problem, mode: Mode, slopes: Parts[list[Floats]], rng: np.random.Generator
) -> float:
    """The sum over all pairs of rows, as half the variance of cubes of normal predictors."""
    point, squares = mode.point, 0.0
    n_draws = int(np.clip(ROWS // max(problem.n_rows, 1), *DRAWS))
    for _ in range(n_draws):
        noise = problem.split(tuple(rng.standard_normal(size) for size in problem.sizes))
        drawn = Effects(*mode.system.draw(noise.nested, noise.crossed))
        crossed = problem.cut_crossed(drawn.crossed)
        parts = (point.states, slopes, drawn.nested)
        cubes = problem.shards.map(_cubes, *parts, crossed=crossed, lambdas=point.lambdas)
        squares += float(cubes.total()) ** 2
    return 0.5 * squares / n_draws


def _cubes(
    shard: Shard,
    state: State,
    slopes: list[Floats],
    own: NestedEffects,
    crossed: Sequence[Floats],
    lambdas: Sequence[Floats],
) -> float:
    """What third derivatives add to the log density along a draw, less its linear part."""
    third, n_predictors = state.rows.third, len(shard.fixed)
    assert third is not None
    effects = [lambda_ @ part for lambda_, part in zip(lambdas, (*own, *crossed), strict=True)]
    moves, total = shard.random_part(effects), 0.0
    for j in shard.active:
        total += float(np.sum(slopes[j] * moves[j]))
    for key in combinations_with_replacement(shard.active, 3):
        times = len(set(permutations(key))) / 6.0
        product = moves[key[0]] * moves[key[1]] * moves[key[2]]
        total += times * float(np.sum(third[packed(n_predictors, *key)] * product))
    return total
