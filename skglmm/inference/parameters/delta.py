r"""Variances of linear predictors by the delta method: of estimates, conditional modes, both.

A row with known levels has :math:`\hat\eta = x\hat\beta + z \hat b`. With
:math:`a = \partial\hat\eta / \partial(\beta, \theta)`, in which the modes move with the
estimates, and V their covariance, its variance is
:math:`a^T V a + z^T R H^{-1} R^T z` [1]_.

References
----------
.. [1] Kass, R. E. & Steffey, D. (1989). Approximate Bayesian inference in conditionally
   independent hierarchical models. Journal of the American Statistical Association,
   84(407), 717-726.
"""

from collections.abc import Collection

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.covariance import Extended
from skglmm.design import Design, OneHot, effect_slots
from skglmm.fitting import Fit
from skglmm.linalg import PaddedPosterior, Posterior, congruence

__all__ = [
    "estimates_variance",
    "linear_covariance",
    "linear_gradient",
    "linear_variance",
    "mode_moves",
    "posterior_blocks",
    "posterior_covariance",
]

MANY = 1_000  # pairs of columns: row by row then, as blocks of all of them are large


def estimates_variance(fit: Fit, gradient: Floats) -> Floats:
    """Variance of functions of the estimates, (n,); NaN where the data do not determine them.

    Parameters
    ----------
    fit : Fit
        With the uncertainty of its estimates.
    gradient : ndarray, shape (n, n_params)
        Derivatives in (beta, theta). Parameters on the boundary count as known.
    """
    assert fit.uncertainty is not None
    return fit.uncertainty.variance(gradient)


def mode_moves(fit: Fit, f: int) -> Floats:
    r"""Derivative of the modes b of factor `f` in (beta, theta), (n_params, k, n_levels).

    The mode :math:`\hat b = R(\theta) \hat u` moves by
    :math:`R J + (\partial R / \partial \theta) \hat u`.
    """
    assert fit.mode_jacobian is not None
    moves: Floats = fit.lambdas[f] @ fit.mode_jacobian[f]
    start, covariance = fit.shape.theta(f).start, fit.layout.factors[f].covariance
    if isinstance(covariance, Extended) and not fit.u[f][covariance.known.size :].any():
        covariance = covariance.apart  # what new effects have of their own is multiplied by 0
    for m, change in enumerate(covariance.moves(fit.theta[f])):
        moves[start + m] += fit.bases[f] @ (change @ fit.u[f])
    return moves


def posterior_blocks(fit: Fit, f: int, g: int, left: Ints, right: Ints) -> Floats:
    """Covariance of effects given the estimates, (k_f, k_g, P), for P pairs of levels."""
    assert fit.posterior is not None
    i, j = fit.order.index(f), fit.order.index(g)
    blocks = fit.posterior.between(i, j, left, right)
    return congruence(fit.lambdas[f].T, blocks, fit.lambdas[g].T)


def linear_variance(
    fit: Fit, design: Design, conditioned: Collection[int], predictor: int = 0
) -> Floats:
    """Variance of a linear predictor with the modes of the conditioned factors, (n,).

    Levels that fit has not seen add nothing; NaN where the data do not determine it.
    """
    gradient = linear_gradient(fit, design, conditioned, predictor)
    given = posterior_covariance(fit, design, conditioned, predictor, predictor)
    return estimates_variance(fit, gradient) + given


def linear_covariance(
    fit: Fit, design: Design, conditioned: Collection[int], j: int, k: int
) -> Floats:
    """Covariance of two linear predictors with the modes of the conditioned factors, (n,).

    What the data do not determine adds nothing.
    """
    assert fit.uncertainty is not None
    known = fit.uncertainty.covariance
    left = linear_gradient(fit, design, conditioned, j)
    right = left if j == k else linear_gradient(fit, design, conditioned, k)
    covariance = np.einsum("ip,pq,iq->i", left, known, right, optimize=True)
    return np.asarray(covariance + posterior_covariance(fit, design, conditioned, j, k))


def posterior_covariance(
    fit: Fit, design: Design, conditioned: Collection[int], j: int, k: int
) -> Floats:
    """Covariance of two linear predictors given the estimates, (n,); unseen levels add nothing."""
    covariance = np.zeros(design.n_samples)
    for f in conditioned:
        covariance += _posterior_part(fit, design, f, f, j, k)
        for g in (g for g in conditioned if f < g):
            part = _posterior_part(fit, design, f, g, j, k)
            other = part if j == k else _posterior_part(fit, design, f, g, k, j)
            covariance += part + other
    return covariance


def linear_gradient(
    fit: Fit, design: Design, conditioned: Collection[int], predictor: int
) -> Floats:
    """Derivative of the linear predictor in (beta, theta), (n, n_params)."""
    gradient = np.zeros((design.n_samples, fit.shape.n_params))
    gradient[:, fit.shape.beta(predictor)] = design.fixed[predictor]
    for f in conditioned:
        codes, moves = design.codes[f], mode_moves(fit, f)
        for c, column, k in effect_slots(design.columns[f], fit.layout.factors[f].predictors):
            if k == predictor:
                z = np.where(codes >= 0, column, 0.0)
                gradient += z[:, None] * moves[:, c, codes].T
    return gradient


def _posterior_part(fit: Fit, design: Design, f: int, g: int, j: int, k: int) -> Floats:
    """The share z_f' P z_g of the posterior covariance, (n,), 0 for levels not seen.

    z_f are the effects of factor `f` that feed predictor `j`, z_g those of `g` that feed `k`.
    """
    if not (j in fit.layout.factors[f].predictors and k in fit.layout.factors[g].predictors):
        return np.zeros(design.n_samples)
    known = np.flatnonzero((design.codes[f] >= 0) & (design.codes[g] >= 0))
    n_right = fit.u[g].shape[1]
    keys = design.codes[f][known] * n_right + design.codes[g][known]
    pairs, place = np.unique(keys, return_inverse=True)
    levels, part = (pairs // n_right, pairs % n_right), np.zeros(design.n_samples)
    if fit.lambdas[f].shape[0] * fit.lambdas[g].shape[0] > MANY:
        mine, theirs = (_on_spheres(fit, design, h, known, e) for h, e in ((f, j), (g, k)))
        spherical = _without_padding(fit).between(fit.order.index(f), fit.order.index(g), *levels)
        part[known] = _by_pairs(mine, theirs, spherical, place)
        return part
    blocks = posterior_blocks(fit, f, g, *levels)
    left, right = (
        list(effect_slots(design.columns[h][known], fit.layout.factors[h].predictors))
        for h in (f, g)
    )
    for a, mine, feeds in left:
        for b, theirs, fed in right:
            if (feeds, fed) == (j, k):
                part[known] += mine * theirs * blocks[a, b, place]
    return part


def _on_spheres(fit: Fit, design: Design, f: int, rows: Ints, predictor: int) -> Floats:
    """Columns of spherical effects of factor `f` that feed a predictor, (n, k)."""
    z, lambda_ = design.columns[f][rows], fit.lambdas[f]
    if isinstance(z, OneHot):
        return np.asarray(z.entries[:, None] * lambda_[z.index])
    return np.asarray((z * (np.array(fit.layout.factors[f].predictors) == predictor)) @ lambda_)


def _without_padding(fit: Fit) -> Posterior:
    """Return the posterior of the effects of which something is known, the first ones."""
    found = fit.posterior
    while isinstance(found, PaddedPosterior):
        found = found.known
    assert found is not None
    return found


def _by_pairs(left: Floats, right: Floats, blocks: Floats, place: Ints) -> Floats:
    """Products ``left @ block @ right`` of rows, (n, k) each, with the block of each row, (n,).

    Effects that blocks lack are not known of.
    """
    found, (q, r, n_pairs) = np.empty(len(left)), blocks.shape
    order = np.argsort(place, kind="stable")
    cuts = np.searchsorted(place[order], np.arange(1, n_pairs))
    for p, own in enumerate(np.split(order, cuts)):
        found[own] = np.sum((left[own, :q] @ blocks[:, :, p]) * right[own, :r], axis=1)
    return found
