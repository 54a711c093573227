"""Which linear predictors of new rows the data of a fit determine."""

from collections.abc import Collection

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import Design
from skglmm.fitting import Fit

__all__ = ["has_null_space", "missed_by_sums", "missed_directions", "nonestimable"]

ROUNDING = 1e-9  # of the terms of a sum that should be 0


def has_null_space(fit: Fit) -> bool:
    """Return whether rows may have linear predictors that are not estimable."""
    return any(space.columns for space in fit.null_spaces or ())


def nonestimable(fit: Fit, design: Design, predictors: Collection[int] | None = None) -> Bools:
    """Return the rows of which some linear predictor is not estimable, shape (n,).

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    predictors : collection of int, default=None
        The linear predictors that matter; None are all.
    """
    found = np.zeros(design.n_samples, dtype=np.bool_)
    for k in range(len(fit.beta)) if predictors is None else predictors:
        found |= missed_directions(fit, design, k).any(axis=1)
    return found


def missed_directions(fit: Fit, design: Design, predictor: int) -> Bools:
    """Return which directions of the null space the rows depend on, (n, d), for one predictor."""
    space = fit.null_spaces[predictor] if fit.null_spaces else None
    if space is None or not space.columns:
        return np.zeros((design.n_samples, 0), dtype=np.bool_)
    return space.misses(design.fixed[predictor])


def missed_by_sums(fit: Fit, weights: Floats) -> Bools:
    """Return which directions weighted sums of coefficients depend on, (m, d).

    Parameters
    ----------
    fit : Fit
    weights : ndarray, shape (m, p)
        Of the fixed effects of all predictors.

    Returns
    -------
    ndarray of bool
        A direction for each column that was left out, in the order of the fixed effects.
    """
    found, start = [], 0
    for k, beta in enumerate(fit.beta):
        part = weights[:, start : start + len(beta)]
        if fit.null_spaces is None:  # all that is known
            found.append(part[:, fit.aliased[k]] != 0.0)
        else:
            basis = fit.null_spaces[k].basis
            terms = np.abs(part) @ np.abs(basis)
            found.append(np.abs(part @ basis) > ROUNDING * terms)
        start += len(beta)
    return np.concatenate(found, axis=1)
