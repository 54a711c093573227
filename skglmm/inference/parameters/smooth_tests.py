r"""Tests that curves are 0, of a rank that is their effective degrees of freedom [1]_.

The statistic is :math:`f^T V_r^- f` with the curve f in the rows of the fit, and a pseudo-inverse
of its covariance of rank r, which need not be whole: beside :math:`k - 1` components that count in
full, two share what is left, :math:`1 + \nu`. Under the hypothesis it is a sum of
:math:`\chi^2_{k-1}` and of two :math:`\chi^2_1` with the weights
:math:`(1 + \nu \pm \sqrt{1 - \nu^2}) / 2`.

References
----------
.. [1] Wood, S. N. (2013). On p-values for smooth components of an extended generalized additive
   model. Biometrika, 100(1), 221-228.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
from scipy.stats import chi2

from skglmm.arrays import Floats
from skglmm.fitting import Fit
from skglmm.inference.parameters.curves import (
    CurveEstimate,
    curve_estimate,
    edf_of_effects,
)
from skglmm.inference.parameters.natural import variances
from skglmm.inference.parameters.wald import with_errors

__all__ = ["SmoothTest", "smooth_tests", "weighted_tail"]

RANK = 1e-14  # of the largest eigenvalue: smaller ones are rounding
ANGLES, NODES = 16, 96  # of integrals: twelve digits
RARE = 1e-40  # probability of residual variances beyond the ends of an integral
LARGE = 2_000.0  # degrees of freedom, from which a variance counts as known


@dataclass(frozen=True)
class SmoothTest:
    """A curve in a summary.

    Parameters
    ----------
    name : str
    predictor : str
        The linear predictor that it is added to.
    trends : tuple of str
        Names of its coefficients without a penalty.
    sds : tuple of (str, float, float)
        Standard deviations of its bends, around its trend: names, values and standard errors.
    edf : float
        Effective degrees of freedom.
    reference_df : float
        Rank of the test that the curve is 0.
    statistic : float
        F where the residual variance is estimated, chi-square otherwise.
    residual_df : float
        Of that F; infinite for chi-square.
    p_value : float
    """

    name: str
    predictor: str
    trends: tuple[str, ...]
    sds: tuple[tuple[str, float, float], ...]
    edf: float
    reference_df: float
    statistic: float
    residual_df: float
    p_value: float


def smooth_tests(fit: Fit, *, has_df: bool = True) -> tuple[SmoothTest, ...]:
    """Return the tests of all smooths over all rows; without inference they are NaN.

    Parameters
    ----------
    fit : Fit
    has_df : bool, default=True
        Whether the residual variance of a normal response counts as estimated; if not, it is known,
        and tests are chi-square.
    """
    layout, left = fit.layout, np.inf
    if not layout.curves:
        return ()
    (f,) = layout.smooth_factors
    own = layout.factors[f].covariance.natural(
        fit.theta[f], fit.bases[f], layout.factors[f].effect_names
    )
    names = iter([each.name for each in own])
    known = {each.name: (each.value, error) for each, error in with_errors(fit, variances(fit))}
    is_known = fit.uncertainty is not None and fit.posterior is not None
    if has_df and is_known and fit.family.is_normal and len(fit.beta[fit.family.scale]) == 1:
        k = fit.family.location
        left = fit.n_samples - len(fit.beta[k]) + len(fit.aliased[k]) - edf_of_effects(fit)
    found = []
    for curve in layout.curves:
        count = sum(each.n_params for each in curve.smooth.basis.covariances)
        sds = tuple((name, *known[name]) for name in islice(names, count))
        edf, reference, *test = [np.nan] * 5
        if is_known:
            estimate = curve_estimate(fit, curve)
            edf, reference = estimate.edf, estimate.reference_df
            is_mean = curve.predictor == fit.family.location
            test = _test(estimate, left if is_mean else np.inf)
        predictor = layout.predictors[curve.predictor]
        trends = tuple(layout.labels(curve.predictor)[j] for j in curve.trends)
        found.append(SmoothTest(curve.name, predictor, trends, sds, edf, reference, *test))
    return tuple(found)


@cache
def _legendre() -> tuple[Floats, Floats]:
    """Nodes and weights between -1 and 1."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def _test(estimate: CurveEstimate, left: float) -> list[float]:
    """Return statistic, residual degrees of freedom and p-value."""
    root = estimate.curve.root
    values = root @ estimate.coefficients
    variances, vectors = np.linalg.eigh(root @ estimate.given_smoothness @ root.T)
    order = np.argsort(-variances)
    variances, scores = variances[order], vectors.T[order] @ values
    n_kept = int(np.count_nonzero(variances > RANK * max(variances[0], 0.0)))
    rank = min(estimate.reference_df, float(n_kept))
    if not n_kept or not np.isfinite(rank) or left <= 0.0:
        return [np.nan, left, np.nan]
    found = list(_statistics(scores[:n_kept], variances[:n_kept], rank))
    p_value = float(np.mean([_tail(each, rank, left) for each in found]))
    statistic = float(np.mean(found)) / (rank if np.isfinite(left) else 1.0)
    return [statistic, left, p_value]


def _statistics(scores: Floats, variances: Floats, rank: float) -> Iterator[float]:
    """Yield the statistic for both signs that the last two components may have."""
    whole, rest = max(int(np.floor(rank)), 1), max(rank - np.floor(rank), 0.0)
    squares = scores**2 / variances
    if rank < 1.0 or rest == 0.0 or whole >= len(scores):
        yield float(np.sum(squares[:whole]))
        return
    full = float(np.sum(squares[: whole - 1]))
    last = scores[whole - 1 : whole + 1] / np.sqrt(variances[whole - 1 : whole + 1])
    across = np.sqrt(0.5 * rest * (1.0 - rest))
    for sign in (1.0, -1.0):
        yield full + float(
            last[0] ** 2 + rest * last[1] ** 2 + 2 * sign * across * last[0] * last[1]
        )


def _tail(statistic: float, rank: float, left: float) -> float:
    """Probability of a larger statistic, whose variance may have been estimated."""
    whole, rest = max(int(np.floor(rank)), 1), max(rank - np.floor(rank), 0.0)
    if rank < 1.0:
        rest = 0.0
    if not np.isfinite(left) or left > LARGE:
        return weighted_tail(statistic, whole, rest)
    ends = np.log(chi2.ppf(RARE, left)), np.log(chi2.isf(RARE, left))
    nodes, weights = _legendre()
    logs = ends[0] + 0.5 * (ends[1] - ends[0]) * (nodes + 1.0)
    weights = 0.5 * (ends[1] - ends[0]) * weights * np.exp(logs) * chi2.pdf(np.exp(logs), left)
    scaled = statistic * np.exp(logs) / left
    return float(weights @ [weighted_tail(each, whole, rest) for each in scaled])


def weighted_tail(statistic: float, whole: int, rest: float) -> float:
    r"""Probability that a sum of :math:`\chi^2` exceeds a value, of rank ``whole + rest``.

    Parameters
    ----------
    statistic : float
    whole : int
        At least 1.
    rest : float
        Between 0 and 1. With 0 it is a chi-square with so many degrees of freedom.
    """
    if rest == 0.0:
        return float(chi2.sf(statistic, whole))
    half = 0.5 * np.sqrt(1.0 - rest**2)
    larger, smaller = 0.5 * (1.0 + rest) + half, 0.5 * (1.0 + rest) - half
    # Two weighted squares are an exponential with a scale that depends on their angle alone.
    angles = np.pi * (np.arange(ANGLES) + 0.5) / (2 * ANGLES)
    scales = 2.0 * (larger * np.cos(angles) ** 2 + smaller * np.sin(angles) ** 2)
    if whole == 1:
        return float(np.mean(np.exp(-statistic / scales)))
    nodes, weights = _legendre()
    roots, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    x = statistic * roots**2  # in which the density of one square has no pole
    density = weights * 2.0 * statistic * roots * chi2.pdf(x, whole - 1)
    beyond = np.exp(-(statistic - x) / scales[:, None])
    return float(chi2.sf(statistic, whole - 1) + np.mean(beyond @ density))
