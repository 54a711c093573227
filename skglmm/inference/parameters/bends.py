r"""Bends of curves as parameters beside (beta, theta), for what is a function of all of them.

A curve is a part of fixed predictions, but its bends b are effects with a posterior. By
:math:`\hat b + J\,d(\beta, \theta) + e`, with the derivative J of the modes and an error e of the
covariance of b given the estimates, all parameters together are normal.
"""

from dataclasses import replace

import numpy as np
from scipy.linalg import block_diag

from skglmm.arrays import Floats
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import mode_moves, posterior_blocks

__all__ = ["bends", "covariance_with_bends", "with_bends"]


def bends(fit: Fit) -> Floats:
    """Return the bends of all curves over all rows, (q,), which may be none.

    Parameters
    ----------
    fit : Fit
    """
    return np.concatenate([np.zeros(0), *(fit.modes(f)[:, 0] for f in fit.layout.smooth_factors)])


def covariance_with_bends(fit: Fit) -> Floats:
    """Return the covariance of (beta, theta) and of the bends, (n_params + q, n_params + q).

    Parameters
    ----------
    fit : Fit
        With inference.
    """
    assert fit.uncertainty is not None
    known, one = fit.uncertainty.covariance, np.zeros(1, dtype=np.intp)
    moves = np.hstack(
        [np.eye(len(known)), *(mode_moves(fit, f)[:, :, 0] for f in fit.layout.smooth_factors)]
    )
    given = [posterior_blocks(fit, f, f, one, one)[:, :, 0] for f in fit.layout.smooth_factors]
    return np.asarray(moves.T @ known @ moves + block_diag(np.zeros_like(known), *given))


def with_bends(fit: Fit, values: Floats) -> Fit:
    """Return the fit with other bends.

    Parameters
    ----------
    fit : Fit
    values : ndarray, shape (q,)
    """
    u, lambdas, start = list(fit.u), list(fit.lambdas), 0
    for f in fit.layout.smooth_factors:
        size = u[f].shape[0]
        lambdas[f], u[f] = np.eye(size), values[start : start + size, None]
        start += size
    return replace(fit, u=tuple(u), lambdas=tuple(lambdas))
