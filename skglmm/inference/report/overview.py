"""A fit in one row: its criteria and its state."""

from dataclasses import dataclass

import numpy as np

from skglmm.fitting import Fit

__all__ = ["Overview", "overview"]


@dataclass(frozen=True)
class Overview:
    """A fit in one row.

    Parameters
    ----------
    n_obs, n_params : int
    log_likelihood, aic, aicc, bic, deviance : float
        The deviance is minus twice the log likelihood. The AICc is infinite where there are
        not two more rows than parameters.
    converged, singular : bool
    """

    n_obs: int
    n_params: int
    log_likelihood: float
    aic: float
    aicc: float
    bic: float
    deviance: float
    converged: bool
    singular: bool


def overview(fit: Fit) -> Overview:
    """Return criteria and state of a fit.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    Overview

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import overview
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> print(f"{overview(fit).aicc:.4f}")
    183.0261
    """
    k, spare = fit.n_params, fit.n_samples - fit.n_params - 1
    return Overview(
        n_obs=fit.n_samples,
        n_params=k,
        log_likelihood=fit.log_likelihood,
        aic=fit.aic,
        aicc=fit.aic + 2.0 * k * (k + 1) / spare if spare > 0 else np.inf,
        bic=fit.bic,
        deviance=-2.0 * fit.log_likelihood,
        converged=fit.converged,
        singular=bool(fit.singular),
    )
