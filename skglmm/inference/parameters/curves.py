r"""Curves of smooth terms: their coefficients, how sure these are, how many they are worth.

A curve is :math:`f = X c` with the coefficients c of its trends and of its bends, which are
effects with a variance. Given the smoothness, theta, their covariance V is that of the fixed
effects and of the effects given these [1]_; it is that of a posterior in which the bends have
their normal distribution as a prior. The effective degrees of freedom are the number of
coefficients without a penalty, and for each bend what the data take from its prior variance.

References
----------
.. [1] Wood, S. N. (2017). Generalized Additive Models: an Introduction with R, 2nd edition,
   sections 6.10 to 6.12. CRC Press.
"""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import SmoothCurve
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import mode_moves
from skglmm.inference.parameters.natural import is_constant

__all__ = ["CurveEstimate", "curve_estimate", "edf_of_effects"]


@dataclass(frozen=True, eq=False)
class CurveEstimate:
    """Coefficients of a curve, p of them: its trends and then its bends.

    Parameters
    ----------
    curve : SmoothCurve
    coefficients : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        With the uncertainty of the standard deviations of the bends, to first order.
    given_smoothness : ndarray, shape (p, p)
        With these as known.
    edf : float
        Effective degrees of freedom.
    reference_df : float
        Of the test that the curve is 0: :math:`tr(2F - FF)`, with the edf as the trace of F.
    """

    curve: SmoothCurve
    coefficients: Floats
    covariance: Floats
    given_smoothness: Floats
    edf: float
    reference_df: float


def curve_estimate(fit: Fit, curve: SmoothCurve) -> CurveEstimate:
    """Return the coefficients of a curve with what is known of them.

    Parameters
    ----------
    fit : Fit
        With inference.
    curve : SmoothCurve
        Of its layout.
    """
    (f,), k, bends = fit.layout.smooth_factors, curve.predictor, list(curve.bends)
    assert fit.uncertainty is not None
    known, held = fit.uncertainty.covariance, _given_variances(fit)
    root = fit.lambdas[f][np.ix_(bends, bends)]
    own = _spherical(fit, f, f)[np.ix_(bends, bends)][:, :, 0]
    within = _embedded(root @ own @ root.T, len(curve.trends))
    moves = _moves(fit, curve, mode_moves(fit, f))
    spherical = _moves(fit, curve, _jacobian(fit, f))
    joint = spherical.T @ held @ spherical + _embedded(own, len(curve.trends))
    hat = np.diag([*_estimated(fit, curve), *np.ones(len(bends))])
    hat[:, len(curve.trends) :] -= joint[:, len(curve.trends) :]
    edf = float(np.trace(hat))
    return CurveEstimate(
        curve,
        np.concatenate([fit.beta[k][list(curve.trends)], fit.modes(f)[bends, 0]]),
        moves.T @ known @ moves + within,
        moves.T @ held @ moves + within,
        edf,
        2.0 * edf - float(np.sum(hat * hat.T)) - _shared(fit, f, bends, held),
    )


def _estimated(fit: Fit, curve: SmoothCurve) -> list[float]:
    """1 for each trend, but 0 for those that were dropped, as other columns are the same."""
    return [float(j not in fit.aliased[curve.predictor]) for j in curve.trends]


def _moves(fit: Fit, curve: SmoothCurve, of_effects: Floats) -> Floats:
    """Derivatives of the coefficients of a curve in (beta, theta), (n_params, p)."""
    m = len(curve.trends)
    moves = np.zeros((fit.shape.n_params, m + len(curve.bends)))
    start = fit.shape.beta(curve.predictor).start
    moves[start + np.array(curve.trends, dtype=np.intp), np.arange(m)] = 1.0
    moves[:, m:] = of_effects[:, list(curve.bends), 0]
    return moves


def _shared(fit: Fit, f: int, bends: list[int], held: Floats) -> float:
    """Squared covariances of the bends of a curve with all other effects, in prior variances."""
    own, total = _jacobian(fit, f)[:, bends, 0], 0.0
    for g in range(len(fit.u)):
        given = _spherical(fit, f, g)[bends]
        moves = _jacobian(fit, g)
        covariance = given + np.tensordot(own.T @ held, moves, axes=1)
        if g == f:
            covariance[:, bends] = 0.0
        total += float(np.sum(covariance**2))
    return total


def edf_of_effects(fit: Fit) -> float:
    """Return how many coefficients all effects are worth, those of groups and of curves.

    Parameters
    ----------
    fit : Fit
        With inference.
    """
    held, total = _given_variances(fit), 0.0
    assert fit.posterior is not None
    for f, u in enumerate(fit.u):
        every, i = np.arange(u.shape[1]), fit.order.index(f)
        inner = np.einsum("kkl->", fit.posterior.between(i, i, every, every))
        moves = _jacobian(fit, f).reshape(len(held), -1)
        total += u.size - inner - float(np.sum(moves * (held @ moves)))
    return total


def _spherical(fit: Fit, f: int, g: int) -> Floats:
    """Covariance given the estimates of spherical effects of all rows with others, (k, k_g, L)."""
    assert fit.posterior is not None
    i, j, levels = fit.order.index(f), fit.order.index(g), np.arange(fit.u[g].shape[1])
    return fit.posterior.between(i, j, np.zeros_like(levels), levels)


def _jacobian(fit: Fit, f: int) -> Floats:
    """Derivative of the modes of spherical effects in (beta, theta), (n_params, k, L)."""
    assert fit.mode_jacobian is not None
    return fit.mode_jacobian[f]


def _embedded(block: Floats, before: int) -> Floats:
    """Return a covariance with zeros for what comes before."""
    size = before + len(block)
    found = np.zeros((size, size))
    found[before:, before:] = block
    return found


def _given_variances(fit: Fit) -> Floats:
    """Covariance of (beta, theta) where variances, and predictors of one number, are known."""
    assert fit.uncertainty is not None
    known, n_beta = fit.uncertainty.covariance, fit.shape.n_beta
    if fit.joint_covariance is not None:
        held = np.zeros_like(known)
        held[:n_beta, :n_beta] = fit.joint_covariance
        return held
    given = np.zeros(fit.shape.n_params, dtype=np.bool_)
    given[n_beta:] = True
    for k in range(len(fit.beta)):
        given[fit.shape.beta(k)] = is_constant(fit, k)
    free = given & ~fit.uncertainty.held
    inner = np.linalg.pinv(known[np.ix_(free, free)], hermitian=True)
    held = known - known[:, free] @ inner @ known[free]
    held[given] = held[:, given] = 0.0
    return np.asarray(held)
