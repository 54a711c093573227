"""Coefficients of each group: fixed effects plus modes, with the uncertainty of both."""

from collections.abc import Iterator

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Factor
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import estimates_variance, mode_moves, posterior_blocks
from skglmm.inference.parameters.estimates import Estimates, estimates, joined
from skglmm.inference.parameters.modes import effects_of, named_effects
from skglmm.linalg import left_product

__all__ = ["group_coefficients"]


def group_coefficients(fit: Fit) -> Estimates:
    r"""Return fixed effects plus modes, level by level.

    A coefficient of level l of one factor is :math:`c = \beta + b_l`, or one of them where the
    model has not both; effects of other factors count as 0. Its variance is
    :math:`a^T V a + P_l`, with :math:`a = \partial c / \partial(\beta, \theta)`, V the covariance
    of the estimates and :math:`P_l` that of the mode given the estimates.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    Estimates
        Neither tests nor intervals.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import group_coefficients
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> group_coefficients(fit).estimate[:2].round(3)
    array([-4.398,  0.011])
    """
    groups = (f for f, factor in enumerate(fit.layout.factors) if not factor.is_smooth)
    return joined(part for f in groups for part in _coefficients_of(fit, f))


def _coefficients_of(fit: Fit, f: int) -> Iterator[Estimates]:
    """Coefficients of the levels of one factor, predictor by predictor."""
    factor = fit.layout.factors[f]
    if factor.are_individuals:
        yield _of_individuals(fit, f)
        return
    for k in sorted(set(factor.predictors)):
        fed = [name if j == k else None for name, j in _pairs(factor)]
        names = list(dict.fromkeys([*fit.layout.labels(k), *filter(None, fed)]))
        varying = np.array([[name == effect for effect in fed] for name in names], dtype=float)
        fixed, beta = _fixed_parts(fit, k, len(names))
        estimate = beta[:, None] + varying @ fit.modes(f)
        yield estimates(
            "coefficients",
            names * factor.n_levels,
            estimate.T.ravel(),
            component=fit.layout.predictors[k],
            group=factor.name,
            level=np.repeat(factor.labels, len(names)),
            std_error=_errors(fit, f, fixed, varying).T.ravel(),
        )


def _of_individuals(fit: Fit, f: int) -> Estimates:
    """Effects of related individuals, which are levels to users."""
    factor, found = fit.layout.factors[f], effects_of(fit, f)
    levels, terms = named_effects(factor)
    (k,) = set(factor.predictors)
    return estimates(
        "coefficients",
        list(terms),
        found.mode.ravel(),
        component=fit.layout.predictors[k],
        group=factor.name,
        level=levels,
        std_error=found.std_error.ravel(),
    )


def _pairs(factor: Factor) -> Iterator[tuple[str, int]]:
    yield from zip(factor.columns, factor.predictors, strict=True)


def _fixed_parts(fit: Fit, k: int, n_names: int) -> tuple[Floats, Floats]:
    """Derivative of the fixed parts in (beta, theta), (n_names, n_params), and their values.

    Coefficients that are not estimated have no derivative, NaN.
    """
    p, own = len(fit.beta[k]), fit.shape.beta(k)
    gradient, beta = np.zeros((n_names, fit.shape.n_params)), np.zeros(n_names)
    gradient[:p, own] = np.eye(p)
    gradient[list(fit.aliased[k])] = np.nan
    beta[:p] = fit.beta[k]
    return gradient, beta


def _errors(fit: Fit, f: int, fixed: Floats, varying: Floats) -> Floats:
    """Standard errors of fixed parts plus sums of modes, (n_names, n_levels)."""
    if fit.uncertainty is None:
        return np.full((len(varying), fit.u[f].shape[1]), np.nan)
    gradient = fixed.T[:, :, None] + np.einsum("ca,mal->mcl", varying, mode_moves(fit, f))
    every = np.arange(fit.u[f].shape[1])
    given = posterior_blocks(fit, f, f, every, every)
    variance = np.sum(left_product(varying, given) * varying[:, :, None], axis=1)
    flat = gradient.reshape(len(gradient), -1).T
    left_out = np.isnan(flat).any(axis=1)
    moved = np.where(left_out, np.nan, estimates_variance(fit, np.nan_to_num(flat)))
    variance += moved.reshape(variance.shape)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))
