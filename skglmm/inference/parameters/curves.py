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
from skglmm.design import Curve
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import mode_moves
from skglmm.inference.parameters.natural import is_constant

__all__ = ["CurveEstimate", "curve_estimate", "curve_factor", "edf_of_effects"]


@dataclass(frozen=True, eq=False)
class CurveEstimate:
    """Coefficients of a curve, p of them: its trends and then its bends.

    Parameters
    ----------
    curve : Curve
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

    curve: Curve
    coefficients: Floats
    covariance: Floats
    given_smoothness: Floats
    edf: float
    reference_df: float


def curve_factor(fit: Fit) -> int:
    """Return the place of the factor of smooths."""
    return next(f for f, factor in enumerate(fit.layout.factors) if factor.is_smooth)


def curve_estimate(fit: Fit, curve: Curve) -> CurveEstimate:
    """Return the coefficients of a curve with what is known of them.

    Parameters
    ----------
    fit : Fit
        With inference.
    curve : Curve
        Of its layout.
    """
    assert fit.uncertainty is not None and fit.posterior is not None
    f, k = curve_factor(fit), curve.predictor
    bends, n_beta = list(curve.bends), fit.shape.n_beta
    trends = fit.shape.beta(k).start + np.array(curve.trends, dtype=np.intp)
    known, held = fit.uncertainty.covariance, _given_variances(fit)
    root = fit.lambdas[f][np.ix_(bends, bends)]
    i = fit.order.index(f)
    one = np.zeros(1, dtype=np.intp)
    spherical = fit.posterior.between(i, i, one, one)[np.ix_(bends, bends)][:, :, 0]
    within = _embedded(root @ spherical @ root.T, len(trends))
    moves = np.zeros((fit.shape.n_params, len(trends) + len(bends)))
    moves[trends, np.arange(len(trends))] = 1.0
    moves[:, len(trends) :] = mode_moves(fit, f)[:, bends, 0]
    given = moves[:n_beta].T @ held @ moves[:n_beta] + within
    turned = moves.copy()
    assert fit.mode_jacobian is not None
    turned[:, len(trends) :] = fit.mode_jacobian[f][:, bends, 0]
    shrunken = turned[:n_beta].T @ held @ turned[:n_beta] + _embedded(spherical, len(trends))
    hat = np.eye(len(shrunken)) - shrunken @ np.diag(np.arange(len(shrunken)) >= len(trends))
    edf = float(np.trace(hat))
    return CurveEstimate(
        curve,
        np.concatenate([fit.beta[k][list(curve.trends)], fit.modes(f)[bends, 0]]),
        moves.T @ known @ moves + within,
        given,
        edf,
        2.0 * edf - float(np.sum(hat * hat.T)),
    )


def edf_of_effects(fit: Fit) -> float:
    """Return how many coefficients all effects are worth, those of groups and of curves.

    Parameters
    ----------
    fit : Fit
        With inference.
    """
    assert fit.posterior is not None and fit.mode_jacobian is not None
    held, n_beta, total = _given_variances(fit), fit.shape.n_beta, 0.0
    for f, u in enumerate(fit.u):
        every, i = np.arange(u.shape[1]), fit.order.index(f)
        inner = np.einsum("kkl->", fit.posterior.between(i, i, every, every))
        moves = fit.mode_jacobian[f][:n_beta].reshape(n_beta, -1)
        total += u.size - inner - float(np.sum(moves * (held @ moves)))
    return total


def _embedded(block: Floats, before: int) -> Floats:
    """Return a covariance with zeros for what comes before."""
    size = before + len(block)
    found = np.zeros((size, size))
    found[before:, before:] = block
    return found


def _given_variances(fit: Fit) -> Floats:
    """Covariance of the coefficients where variances, and predictors of one number, are known."""
    assert fit.uncertainty is not None
    known, n_beta = fit.uncertainty.covariance, fit.shape.n_beta
    given = np.zeros(fit.shape.n_params, dtype=np.bool_)
    given[n_beta:] = True
    for k in range(len(fit.beta)):
        given[fit.shape.beta(k)] = is_constant(fit, k)
    given &= ~fit.uncertainty.held
    across = known[:n_beta, given]
    inner = np.linalg.pinv(known[np.ix_(given, given)], hermitian=True)
    return np.asarray(known[:n_beta, :n_beta] - across @ inner @ across.T)
