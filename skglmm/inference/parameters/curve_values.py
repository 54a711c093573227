r"""Curves of smooth terms at points, with bands that hold point by point or all at once.

A simultaneous band is :math:`\hat f \pm c \, se(\hat f)` with the c that the largest of
:math:`|f - \hat f| / se` exceeds with probability 1 - level, which is found by simulation of
the coefficients [1]_.

References
----------
.. [1] Ruppert, D., Wand, M. P. & Carroll, R. J. (2003). Semiparametric Regression, section 6.5.
   Cambridge University Press.
"""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import SmoothCurve
from skglmm.fitting import Fit
from skglmm.inference.parameters.curves import curve_estimate
from skglmm.inference.parameters.wald import half_width

__all__ = ["CurveValues", "curve_values"]

DRAWS = 10_000  # of the coefficients: an error of 1 % of a critical value


@dataclass(frozen=True, eq=False)
class CurveValues:
    """A curve at m points, on the scale of its linear predictor.

    Parameters
    ----------
    curve : SmoothCurve
    points : ndarray, shape (m, d)
        Values of its covariates.
    estimate, std_error, low, high : ndarray, shape (m,)
    """

    curve: SmoothCurve
    points: Floats
    estimate: Floats
    std_error: Floats
    low: Floats
    high: Floats


def curve_values(
    fit: Fit,
    curve: SmoothCurve,
    points: Floats,
    level: float,
    *,
    simultaneous: bool = False,
    unconditional: bool = True,
    rng: np.random.Generator | None = None,
) -> CurveValues:
    """Return a curve at points with its band.

    Parameters
    ----------
    fit : Fit
        With inference.
    curve : SmoothCurve
        Of its layout.
    points : ndarray, shape (m, d)
    level : float
        Coverage, such as 0.95.
    simultaneous : bool, default=False
        Whether the band holds the whole curve with this probability, not each of its points.
    unconditional : bool, default=True
        Whether standard errors have the uncertainty of the smoothness.
    rng : Generator, default=None
        For simultaneous bands; None is one with seed 0.
    """
    estimate = curve_estimate(fit, curve)
    covariance = estimate.covariance if unconditional else estimate.given_smoothness
    columns = curve.columns(points)
    value = columns @ estimate.coefficients
    error = np.sqrt(np.maximum(np.sum((columns @ covariance) * columns, axis=1), 0.0))
    reach = half_width(level)
    if simultaneous:
        rng = np.random.default_rng(0) if rng is None else rng
        reach = max(reach, _critical(columns, covariance, error, level, rng))
    return CurveValues(curve, points, value, error, value - reach * error, value + reach * error)


def _critical(
    columns: Floats, covariance: Floats, error: Floats, level: float, rng: np.random.Generator
) -> float:
    """Quantile of the largest deviation, in standard errors, of curves from the estimate."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    sure = error > 0.0
    scaled = (columns[sure] @ root) / error[sure, None]
    largest = np.zeros(DRAWS)
    for start in range(0, DRAWS, 1_000):
        draws = rng.standard_normal((1_000, len(covariance))) @ scaled.T
        largest[start : start + 1_000] = np.max(np.abs(draws), axis=1, initial=0.0)
    return float(np.quantile(largest, level))
