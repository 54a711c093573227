"""The search of a linear mixed model: where it begins, and what its end says of all parameters."""

from collections.abc import Mapping
from dataclasses import replace
from math import exp

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import LinearModel, Maximum, Objective, Params, level_totals
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.information import first_hessian
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.search.start import first_lowest, spread, starts_of
from skglmm.fitting.search.subsample import off_boundary
from skglmm.parts import Here

__all__ = ["begin_profile", "begin_profile_at", "has_digits", "in_all_parameters"]

# Share of the sum of squares that the model leaves: of n rows the log likelihood loses
# 1e-16 n / share to rounding, as it is that of a difference of cross-products.
LEAST_SHARE = 1e-6
LEAST_RESIDUAL = 0.05  # share of the variance that is left to the rows where a search begins
LARGER = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)  # times moments: where a search may begin, too
SD_MIN = 0.05  # residual standard deviations


def begin_profile(model: LinearModel) -> Optimum | None:
    """Return starting values by the method of moments; None where there is no likelihood.

    The sums of residuals of a level have the variance G + G Sigma G, G its cross-products.
    """
    if model.likelihood.mass <= 0.0:
        return None
    problem, likelihood = model.profile, model.likelihood
    residuals, square = likelihood.least_squares(problem)
    if not square > 0.0:
        return None
    rate = (likelihood.mass / square) ** 0.5
    scores = residuals.plus(residuals, rate - 1.0)
    none = [()] * len(problem.order)
    products = Here((likelihood.condensed.products,))
    sums = level_totals(problem, products, spread, none, scores)
    shares = {
        f: np.clip(excess / np.maximum(squares, 1e-300), 0.0, 1.0)
        for (excess, squares), f in zip(sums, problem.order, strict=True)
        if problem.covariances[f].n_params
    }
    return _begin(model, shares)


def _begin(model: LinearModel, shares: Mapping[int, Floats]) -> Optimum | None:
    """Return the state at random effects with these shares of the variance of the residuals."""
    covariances = model.profile.covariances
    left = max(1.0 - sum(float(part.sum()) for part in shares.values()), LEAST_RESIDUAL)
    sds = {f: np.maximum(np.sqrt(part / left), SD_MIN) for f, part in shares.items()}
    theta = [each.start(sds.get(f, np.zeros(0))) for f, each in enumerate(covariances)]
    several = LARGER if _has_far_columns(model) else LARGER[:1]
    starts = [
        [each.scaled(part, times) for each, part in zip(covariances, parts, strict=True)]
        for times in several
        for parts in starts_of(covariances, theta)
    ]
    return _state(model, *(np.concatenate(parts) for parts in starts))


def _has_far_columns(model: LinearModel) -> bool:
    """Whether effects of a level are uncorrelated, so that their columns cannot be centered.

    Where a column is far from zero the likelihood may have several maxima: intercepts and slopes
    are large together, or hardly vary.
    """
    covariances = model.profile.covariances
    return any(each.size > 1 and each.n_params and not each.rebases for each in covariances)


def begin_profile_at(model: LinearModel, vector: Floats) -> Optimum | None:
    """Return the state at all parameters of an earlier fit, off the boundary."""
    problem, params = model.problem, Params.unpack(vector, model.problem.shape)
    share = exp(-float(params.beta[model.scale][0]) * model.scale_column)
    pairs = zip(problem.covariances, params.theta, strict=True)
    theta = [covariance.scaled(part, share) for covariance, part in pairs]
    return _state(model, off_boundary(model.profile, np.concatenate([np.zeros(0), *theta])))


def _state(model: LinearModel, *vectors: Floats) -> Optimum | None:
    """Return the state where the objective is lowest; None where it exists at none of them."""
    problem = model.search
    pairs = [(vector, problem.evaluate(vector)) for vector in vectors]
    found = [(vector, here) for vector, here in pairs if here is not None]
    if not found:
        return None
    vector, here = found[first_lowest([here.value for _, here in found])]
    upper = np.full(len(vector), np.inf)
    return Optimum(vector, here, first_hessian(problem, here), upper)


def has_digits(bound: Bound, maximum: Maximum) -> bool:
    """Return whether what the model leaves of the sum of squares is more than rounding."""
    whole = maximum.model.likelihood.condensed.square
    is_below = np.all(maximum.params.pack() < bound.upper)
    return bool(is_below and maximum.found.square > LEAST_SHARE * whole)


def in_all_parameters(
    bound: Bound, maximum: Maximum, optimum: Optimum, *, inference: bool
) -> Optimum:
    """Return an optimum of the profiled likelihood as one in all parameters.

    Parameters
    ----------
    bound : Bound
    maximum : Maximum
    optimum : Optimum
        The same one, in relative covariance parameters.
    inference : bool
        Whether the Hessian is asked for.
    """
    vector = maximum.params.pack()
    n_params = len(vector)
    hessian = maximum.hessian(optimum.hessian) if inference else np.eye(n_params)
    here = Objective(optimum.here.value, np.zeros(n_params), maximum.mode)
    return replace(optimum, vector=vector, here=here, hessian=hessian, upper=bound.upper)
