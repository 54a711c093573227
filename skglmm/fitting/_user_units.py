"""From the standardized columns back to the user's units."""

import numpy as np
from scipy.linalg import block_diag

from skglmm.arrays import Bools, Floats
from skglmm.fitting._hessian import covariance
from skglmm.fitting._standardize import Scales
from skglmm.laplace import Modes

__all__ = ["user_covariance", "user_jacobian"]


def user_covariance(scales: Scales, hessian: Floats, free: Bools) -> Floats:
    """Covariance of (beta, theta); NaN where the data do not determine a parameter."""
    inverse, lost = covariance(hessian, free)
    n_theta = len(hessian) - sum(t.shape[1] for t in scales.to_user)
    to_user = block_diag(*scales.to_user, np.eye(n_theta))
    result = np.asarray(to_user @ inverse @ to_user.T)
    touched = np.any(to_user[:, lost] != 0, axis=1)
    result[touched] = np.nan
    result[:, touched] = np.nan
    return result


def user_jacobian(scales: Scales, moves: Modes, n_beta: int) -> Modes:
    """Derivatives of the modes, (n_params, k, L), in the coefficients of the user's units."""
    back = block_diag(*scales.from_user)
    return tuple(
        np.concatenate([np.tensordot(back.T, part[:n_beta], axes=1), part[n_beta:]])
        for part in moves
    )
