"""Where fits of positive numbers begin, and draws that are positive."""

from math import log

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import Family

__all__ = ["LOG_DISPERSION_FLOOR", "start_of_moments", "within_support"]

# Data that the mean reproduces send phi to 0, where rounding changes the score of a row in the log
# mean by eps / phi, as of a normal response.
LOG_DISPERSION_FLOOR = 2.0 * log(1e-6)
LEAST, MOST = 1e-4, 1e2  # dispersions of a start
NUMBER = np.finfo(np.float64)


def start_of_moments(family: Family, y: Floats, weights: Floats | None, power: float) -> Floats:
    """Return constant linear predictors of a mean and of a dispersion times a power of the mean.

    Parameters
    ----------
    family : Family
        With these two parameters.
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    power : float
        Of the mean in the variance.
    """
    mean = np.clip(np.average(y, weights=weights), y.min(), y.max())  # not rounded beyond
    variance = np.average((y / mean - 1.0) ** 2, weights=weights)
    dispersion = np.clip(variance, LEAST, MOST) * mean ** (2.0 - power)
    pairs = zip(family.links, (mean, dispersion), strict=True)
    return np.array([np.clip(link.link(np.array(each)), *link.reach) for link, each in pairs])


def within_support(draws: Floats) -> Floats:
    """Return positive draws, the smallest number in place of those that are as good as 0."""
    return np.clip(draws, NUMBER.tiny, NUMBER.max)
