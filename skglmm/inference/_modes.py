"""Conditional modes of the random effects, with their conditional standard deviations."""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Factor
from skglmm.fitting import Fit

__all__ = ["RandomEffects", "random_effects"]


@dataclass(frozen=True)
class RandomEffects:
    """Predicted effects of the levels of one grouping factor, on the linear predictor's scale.

    Parameters
    ----------
    factor : Factor
        Names of the effects and levels.
    mode : ndarray, shape (k, n_levels)
        Conditional modes.
    std_dev : ndarray, shape (k, n_levels)
        Standard deviations given the data and the estimates, as lme4's ``condVar``.
    """

    factor: Factor
    mode: Floats
    std_dev: Floats


def random_effects(fit: Fit) -> tuple[RandomEffects, ...]:
    """Return the conditional modes of each grouping factor."""
    return tuple(
        RandomEffects(factor, fit.modes(f), _std_dev(fit, f))
        for f, factor in enumerate(fit.layout.factors)
    )


def _std_dev(fit: Fit, f: int) -> Floats:
    if fit.mode_covariance is None:
        return np.full_like(fit.u[f], np.nan)
    variances = np.einsum("aal->al", fit.mode_covariance[f])
    return np.asarray(np.sqrt(np.maximum(variances, 0.0)))
