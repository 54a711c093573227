"""Conditional modes of the random effects, with their conditional standard deviations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats
from skglmm.design import Factor
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import estimates_variance, mode_moves, posterior_blocks

__all__ = ["RandomEffects", "effects_of", "named_effects", "random_effects"]


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
    std_error : ndarray, shape (k, n_levels)
        The same with the uncertainty of the estimates, as glmmTMB's ``condVar``; NaN without
        a covariance of the estimates.
    """

    factor: Factor
    mode: Floats
    std_dev: Floats
    std_error: Floats


def random_effects(fit: Fit) -> tuple[RandomEffects, ...]:
    """Return the conditional modes of each grouping factor.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    tuple of RandomEffects
        In the order of the layout.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import random_effects
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> random_effects(fit)[0].mode[0, :3].round(2)
    array([0.78, 0.38, 0.62])
    """
    factors = enumerate(fit.layout.factors)
    return tuple(effects_of(fit, f) for f, factor in factors if not factor.is_smooth)


def named_effects(factor: Factor) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the level and the effect that each row of a table of modes is of."""
    effects = np.array(factor.columns, dtype=object)
    if factor.are_individuals:
        return effects, np.full(len(effects), factor.joint_name, dtype=object)
    return np.repeat(factor.labels, len(effects)), np.tile(effects, factor.n_levels)


def effects_of(fit: Fit, f: int) -> RandomEffects:
    """Return the conditional modes of one grouping factor."""
    every = np.arange(fit.u[f].shape[1])
    given = np.einsum("aal->al", posterior_blocks(fit, f, f, every, every))
    whole = given + _moved_variance(fit, f)
    return RandomEffects(
        fit.layout.factors[f], fit.modes(f), *(np.sqrt(np.maximum(v, 0.0)) for v in (given, whole))
    )


def _moved_variance(fit: Fit, f: int) -> Floats:
    """Variance of the modes, (k, n_levels), that the estimates pass on to them."""
    if fit.uncertainty is None:
        return np.full_like(fit.u[f], np.nan)
    moves = mode_moves(fit, f)
    gradient = moves.reshape(len(moves), -1).T
    return estimates_variance(fit, gradient).reshape(moves.shape[1:])
