"""From the standardized columns back to the user's units."""

import numpy as np
from scipy.linalg import block_diag

from skglmm.engine import Modes
from skglmm.fitting.data.standardize import Scales

__all__ = ["user_jacobian"]


def user_jacobian(scales: Scales, moves: Modes, n_beta: int) -> Modes:
    """Derivatives of the modes, (n_params, k, L), in the coefficients of the user's units."""
    back = block_diag(*scales.standard_maps)
    return tuple(
        np.concatenate([np.tensordot(back.T, part[:n_beta], axes=1), part[n_beta:]])
        for part in moves
    )
