"""Averages over groups, and their slopes in linear predictors and in the parameters."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, OneHot
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import (
    linear_gradient,
    posterior_covariance,
)
from skglmm.inference.prediction.averages import averages
from skglmm.inference.prediction.predict import (
    Plan,
    fed,
    linear_predictors,
    shift_of,
)
from skglmm.inference.prediction.slopes import with_digits

__all__ = ["Average", "average_gradients", "average_of", "average_slopes", "curve_variance"]

WIDE = 1e-3  # of second differences: errors of 1e-6, of rounding 1e-10
LONG = (2e-3, 1e-2)  # steps of first and of second differences there, which are extrapolated


class AverageSlopes(NamedTuple):
    """Means averaged over groups, (n,), and their derivatives.

    Parameters
    ----------
    mean : ndarray, shape (n,)
    gradient : ndarray, shape (n, n_params)
        In (beta, theta).
    slopes : mapping of int to ndarray, shape (n,)
        In the linear predictors.
    """

    mean: Floats
    gradient: Floats
    slopes: Mapping[int, Floats]


def average_slopes(fit: Fit, design: Design, plan: Plan) -> AverageSlopes:
    """Return means averaged over groups with their derivatives."""
    where = fit.family.mean_predictors
    average = average_of(lambda eta: fit.family.mean(eta)[None], fit, design, plan, where)
    pairs = list(average_gradients(fit, design, plan, average, where))
    gradient = sum(slopes[0][:, None] * moves for slopes, moves in pairs)
    slopes = {k: found[0] for k, (found, _) in zip(where, pairs, strict=False)}
    return AverageSlopes(average({})[0], np.asarray(gradient), slopes)


def curve_variance(fit: Fit, design: Design, plan: Plan, slopes: Mapping[int, Floats]) -> Floats:
    """Variance that conditioned effects add to averages over all others, given the estimates.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
    slopes : mapping of int to ndarray, shape (n,)
        Derivatives of the averages in the linear predictors.
    """
    variance = np.zeros(design.n_samples)
    for j, k in combinations_with_replacement(slopes, 2) if plan.conditioned else ():
        twice = 1.0 if j == k else 2.0
        given = posterior_covariance(fit, design, plan.conditioned, j, k)
        variance += twice * slopes[j] * slopes[k] * given
    return variance


Average = Callable[..., Floats]  # of steps, and of the rows that are wanted, or of all


def average_of(
    of: Callable[[list[Floats]], Floats],
    fit: Fit,
    design: Design,
    plan: Plan,
    where: Collection[int],
) -> Average:
    """Return averages over groups, (m, n), as a function of steps of the linear predictors.

    Parameters
    ----------
    of : callable
        From linear predictors, (N,) or (1,) each, to the values of m functions, (m, N).
    fit : Fit
    design : Design, n rows
    plan : Plan
    where : collection of int
        The linear predictors on which they depend.
    """
    eta = linear_predictors(fit, design, plan.conditioned)
    shift = shift_of(fit, design, plan, where)
    found: dict[tuple[tuple[int, float], ...], Floats] = {}

    def average(steps: Mapping[int, float], rows: Ints | None = None) -> Floats:
        moved = [part + steps.get(k, 0.0) for k, part in enumerate(eta)]
        if rows is not None:
            some = [part[rows] for part in moved]
            return averages(lambda part, _: of(part), some, shift.take(rows))
        key = tuple(steps.items())
        if key not in found:
            found[key] = averages(lambda part, _: of(part), moved, shift)
        return found[key]

    return average


def average_gradients(
    fit: Fit, design: Design, plan: Plan, average: Average, where: Collection[int]
) -> Iterator[tuple[Floats, Floats]]:
    """Yield the parts of the derivatives of averages in (beta, theta): slopes and what they move.

    Slopes are (m, n), in a linear predictor or in the covariance of two, whose derivatives are
    (n, n_params).
    """
    for k in where:
        yield _rise(average, k), linear_gradient(fit, design, plan.conditioned, k)
    touched = [k for k in fed(fit) if k in where and plan.integrated]
    for j, k in combinations_with_replacement(touched, 2):
        slopes = _curvature(average, j, k) * (0.5 if j == k else 1.0)
        yield slopes, _covariance_gradient(fit, design, plan, j, k)


def _rise(average: Average, k: int) -> Floats:
    """First derivatives in a linear predictor, (m, n)."""

    def rise(step: float, rows: Ints | None = None) -> Floats:
        return np.asarray((average({k: step}, rows) - average({k: -step}, rows)) / (2.0 * step))

    return with_digits(rise(WIDE), WIDE, average({}), rise, LONG[0])


def _curvature(average: Average, j: int, k: int) -> Floats:
    """Second derivatives in two linear predictors, (m, n)."""

    def own(step: float, rows: Ints | None = None) -> Floats:
        rise = average({k: step}, rows) - 2.0 * average({}, rows) + average({k: -step}, rows)
        return np.asarray(rise / step**2)

    def shared(step: float, rows: Ints | None = None) -> Floats:
        signs = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
        ends = (a * b * average({j: a * step, k: b * step}, rows) for a, b in signs)
        return np.asarray(sum(ends) / (4.0 * step**2))

    bend = own if j == k else shared
    return with_digits(bend(WIDE), WIDE**2, average({}), bend, LONG[1])


def _covariance_gradient(fit: Fit, design: Design, plan: Plan, j: int, k: int) -> Floats:
    """Derivative of z_j' Sigma z_k, over the averaged factors, in (beta, theta): (n, n_params)."""
    gradient = np.zeros((design.n_samples, fit.shape.n_params))
    for f, (factor, theta) in enumerate(zip(fit.layout.factors, fit.theta, strict=True)):
        if f in plan.integrated:
            fed_by, lambda_ = np.array(factor.predictors), fit.lambdas[f]
            start = fit.shape.theta(f).start
            z = design.columns[f]
            for m, plain in enumerate(factor.covariance.moves(theta)):
                change = fit.bases[f] @ plain
                if isinstance(z, OneHot):
                    moves = 2.0 * np.sum(change * lambda_, axis=1)
                    gradient[:, start + m] = z.entries**2 * moves[z.index]
                    continue
                left, right = (z[:, fed_by == each] for each in (j, k))
                moved = (left @ change[fed_by == j]) * (right @ lambda_[fed_by == k])
                moved += (left @ lambda_[fed_by == j]) * (right @ change[fed_by == k])
                gradient[:, start + m] = np.sum(moved, axis=1)
    return gradient
