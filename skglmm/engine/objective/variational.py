r"""Gaussian variational approximation of the posterior of random effects, given the parameters.

The normal distribution N(m, V) closest to the posterior, by the divergence that leaves out nothing
of its own mass, solves [1]_

.. math::

    \Lambda^T \sum_i Z_i^T E[\nabla \ell_i(\eta_i)] = m, \quad
    V^{-1} = I + \Lambda^T \sum_i Z_i^T E[W_i] Z_i \Lambda, \quad
    \eta_i \sim N(\eta_i(m),\, A_i V A_i^T) .

Laplace's normal distribution has the derivatives at the mode in place of their averages: of small
groups its mean is too close to 0, or too far from it, and averages over it are not calibrated.

References
----------
.. [1] Opper, M. & Archambeau, C. (2009). The variational Gaussian approximation revisited. Neural
   Computation, 21(3), 786-792.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from skglmm.arrays import Floats, Ints
from skglmm.engine.mode.posterior import cross_product_information
from skglmm.engine.mode.system import hessian, inverse_blocks, scaled, solve
from skglmm.engine.prior import EffectInformation, NormalPosterior, NormalPrior
from skglmm.engine.problem.problem import Modes, Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.records import Mode
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.linalg import NestedEffects, PaddedPosterior, Posterior

__all__ = ["PosteriorNormal", "variational_normal"]

POINTS = {1: 9, 2: 5}  # for each predictor that effects feed, by their number; more have 3
STEPS_MAX = 100
DECREMENT_TOL = 1e-12  # a step of a millionth of a standard deviation
LOGDET_TOL = 1e-6  # change of log standard deviations on average; means may be there from the start


@dataclass(frozen=True)
class PosteriorNormal:
    """Normal distribution of the spherical effects given the responses.

    Parameters
    ----------
    mean : tuple of ndarray, each of shape (k, L)
        In the order of the layout, as is the next.
    effect_information : EffectInformation
        Of the rows: the precision less that of the prior.
    posterior : Posterior
        Covariance, leading factor first.
    """

    mean: Modes
    effect_information: EffectInformation
    posterior: Posterior | PaddedPosterior


def variational_normal(
    problem: Problem, mode: Mode, earlier: PosteriorNormal | None = None
) -> PosteriorNormal | None:
    """Return the normal distribution closest to the posterior; None where none is found.

    Parameters
    ----------
    problem : Problem
    mode : Mode
        Where the search begins.
    earlier : PosteriorNormal or None
        What was known before the rows of the problem, if they are not all.
    """
    before = None
    if earlier is not None:
        problem, before = _begun(problem, earlier)
    u, system, lambdas = mode.u, mode.system, mode.point.lambdas
    little = LOGDET_TOL * sum(k * n for k, n in problem.sizes)
    for _ in range(STEPS_MAX):
        inverse = system.inverse()
        blocks = problem.shards.map(inverse_blocks, inverse.pieces, crossed=inverse.crossed)
        derivatives = problem.shards.map(
            _averaged,
            *(u.nested, blocks),
            crossed=problem.cut_crossed(u.crossed),
            common=(mode.point.params.beta, lambdas, problem.family),
        )
        sums = problem.shards.map(_scores, derivatives).map(scaled, lambdas=lambdas)
        cross_products = problem.shards.map(_cross_products, derivatives)
        found = hessian(problem, cross_products, lambdas)
        if found is None:
            return None
        score = problem.gather(sums).plus(problem.prior.score(u))
        step, change = solve(found, score), found.half_logdet - system.half_logdet
        u, system = u.plus(step), found
        if 0.5 * score.dot(step) < DECREMENT_TOL and abs(change) < little:
            information = cross_product_information(problem, cross_products, lambdas)
            return PosteriorNormal(
                problem.in_layout_order(problem.join(u)),
                information if before is None else before + information,
                found.posterior(problem.shards.map(_levels), problem.sizes),
            )
    return None


def _begun(problem: Problem, earlier: PosteriorNormal) -> tuple[Problem, EffectInformation]:
    """Return the problem with what was known as a prior, and the information behind that."""
    n_levels = problem.in_layout_order(problem.n_levels)
    known = earlier.effect_information.padded(n_levels)
    mean = tuple(
        np.pad(part, [(0, 0), (0, n - part.shape[1])])
        for part, n in zip(earlier.mean, n_levels, strict=True)
    )
    prior = NormalPrior.of(NormalPosterior(mean, known), problem.order, problem.shards)
    return replace(problem, prior=prior), known


Derivatives = tuple[Floats, Floats]  # averages of the gradient and the Hessian of rows, packed


def _averaged(
    shard: Shard,
    own: NestedEffects,
    blocks: CrossProducts,
    crossed: Sequence[Floats],
    common: tuple[Sequence[Floats], Sequence[Floats], Family],
) -> Derivatives:
    beta, lambdas, family = common
    effects = [lambda_ @ part for lambda_, part in zip(lambdas, (*own, *crossed), strict=True)]
    eta = [np.broadcast_to(row, shard.n_rows) for row in shard.predictors(beta, effects)]
    root, active = _root(shard, blocks, lambdas), shard.active
    points, weights = hermegauss(POINTS.get(len(active), 3))
    weights = weights / weights.sum()
    grad = hess = np.zeros(())
    for z, masses in zip(
        product(points, repeat=len(active)), product(weights, repeat=len(active)), strict=True
    ):
        moved = list(eta)
        for place, k in enumerate(active):
            moved[k] = eta[k] + np.asarray(z) @ root[place]
        _, first, second = shard.log_density(family, moved, 2)
        mass = float(np.prod(masses))
        grad, hess = grad + mass * first, hess + mass * second
    return grad, hess


def _root(shard: Shard, blocks: CrossProducts, lambdas: Sequence[Floats]) -> Floats:
    """Roots of the covariances of the active predictors of each row, (K, K, n)."""
    covariance = np.zeros((len(shard.active), len(shard.active), shard.n_rows))
    for (j, k), part in shard.row_covariances(blocks, lambdas).items():
        a, b = shard.active.index(j), shard.active.index(k)
        covariance[a, b] = covariance[b, a] = part
    root = np.zeros_like(covariance)
    for i in range(len(root)):
        for p in range(i):
            rest = covariance[i, p] - np.sum(root[i, :p] * root[p, :p], axis=0)
            pivot = root[p, p]
            root[i, p] = np.divide(rest, pivot, out=np.zeros_like(rest), where=pivot > 0.0)
        left = covariance[i, i] - np.sum(root[i, :i] ** 2, axis=0)
        root[i, i] = np.sqrt(np.maximum(left, 0.0))
    return root


def _scores(shard: Shard, derivatives: Derivatives) -> list[Floats]:
    return shard.level_sums(derivatives[0])


def _cross_products(shard: Shard, derivatives: Derivatives) -> CrossProducts:
    return shard.cross_products(derivatives[1])


def _levels(shard: Shard) -> tuple[Ints, ...]:
    return shard.levels
