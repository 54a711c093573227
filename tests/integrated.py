"""Log likelihoods by brute force: sums over grids, one factor within or across another."""

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import logsumexp

from skglmm.engine import Params

WIDE = 1.2  # standard deviations of the nodes, in those of the mode


def log_likelihood_on_grid(problem, vector, points):
    """The log likelihood of one factor by the trapezoidal rule in its spherical effects."""
    params = Params.unpack(vector, problem.shape)
    (shard,), (lambda_,) = problem.shards, problem.lambdas(params)
    size = len(lambda_)
    line = np.linspace(-8.0, 8.0, points)
    terms = []
    for u in np.stack(np.meshgrid(*[line] * size), -1).reshape(-1, size):
        effects = np.broadcast_to((lambda_ @ u)[:, None], (size, problem.n_levels[0]))
        eta = shard.predictors(params.beta, [effects])
        value = shard.log_density(problem.family, eta, 0)[0]
        terms.append(shard.factors[0].grouping.sum(value) - 0.5 * u @ u)
    step = np.log(line[1] - line[0]) - 0.5 * np.log(2.0 * np.pi)
    return float(np.sum(logsumexp(terms, axis=0) + size * step))


def log_likelihood_of_two(problem, vector, points=11, outer=7, draws=None, seed=0):
    """The log likelihood of two random intercepts of the first predictor.

    Over the levels of the leading factor by quadrature given those of the other, of which a
    product rule is made; or importance sampling with so many draws.
    """
    params = Params.unpack(vector, problem.shape)
    (shard,), scales = problem.shards, [float(part[0, 0]) for part in problem.lambdas(params)]
    g, h = (factor.grouping for factor in shard.factors)
    fixed = shard.predictors(params.beta, [np.zeros((1, g.size)), np.zeros((1, h.size))])[0]
    own, rest, inverse = _normal(problem, shard, fixed, scales)
    slope, spread = _given_others(inverse, g.size)
    root = np.linalg.cholesky(inverse[g.size :, g.size :])
    z, log_weights = _outer_nodes(h.size, outer, draws, seed)
    moves = z @ root.T
    nodes, heights = hermegauss(points)
    heights = np.log(heights / np.sqrt(2.0 * np.pi)) + 0.5 * nodes**2
    found = np.empty(len(z))
    for i, move in enumerate(moves):
        center, terms = own + slope @ move, []
        outside = fixed + scales[1] * h.spread(rest + move)
        for node, height in zip(nodes, heights, strict=True):
            u = center + WIDE * spread * node
            eta = [outside + scales[0] * g.spread(u)]
            value = shard.log_density(problem.family, eta, 0)[0]
            terms.append(g.sum(value) - 0.5 * u**2 + height + np.log(WIDE * spread))
        found[i] = np.sum(logsumexp(terms, axis=0)) - 0.5 * np.sum((rest + move) ** 2)
    return float(logsumexp(found + log_weights) + np.log(np.diag(root)).sum())


def _normal(problem, shard, fixed, scales):
    """Mode of the spherical effects, and the inverse of the dense H."""
    g, h = (factor.grouping for factor in shard.factors)
    a = np.hstack([scales[0] * np.eye(g.size)[g.codes], scales[1] * np.eye(h.size)[h.codes]])
    u = np.zeros(a.shape[1])
    for _ in range(100):
        rows = shard.log_density(problem.family, [fixed + a @ u], 2)
        hessian = np.eye(len(u)) + (a.T * -rows[2][0]) @ a
        step = np.linalg.solve(hessian, a.T @ rows[1][0] - u)
        u = u + step * min(1.0, 1.0 / np.abs(step).max(initial=1e-300))
    return u[: g.size], u[g.size :], np.linalg.inv(hessian)


def _given_others(inverse, n):
    slope = inverse[:n, n:] @ np.linalg.inv(inverse[n:, n:])
    return slope, np.sqrt(np.diag(inverse[:n, :n] - slope @ inverse[n:, :n]))


def _outer_nodes(size, points, draws, seed):
    """Standardized nodes, and the log of their weights over the normal density."""
    if draws is not None:
        z = np.random.default_rng(seed).standard_normal((draws, size))
        return z, 0.5 * np.sum(z**2, axis=1) - np.log(draws)
    nodes, weights = hermegauss(points)
    weights = np.log(weights / np.sqrt(2.0 * np.pi)) + 0.5 * nodes**2
    grids = [
        np.stack(np.meshgrid(*[part] * size), -1).reshape(-1, size) for part in (nodes, weights)
    ]
    return grids[0], grids[1].sum(axis=1)
