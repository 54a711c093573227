"""Quantiles of positive numbers from their cdf, survival function and density."""
"""Quantiles of numbers from 0 on, perhaps beside zeros, from their cdf and density."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.defaults.distribution import Distribution

__all__ = ["positive_quantile"]

STEPS = 200  # of Newton's method between brackets; ten are usual, halving alone takes 60
CLOSE = 4e-16  # of the logarithm of a response, whose digits end there
ENDS = (-740.0, 709.0)  # logarithms of the smallest and the largest number
HALF = 0.5  # the probability from which on the upper tail has more digits


def positive_quantile(family: Distribution, p: Floats, eta: Sequence[Floats]) -> Floats:
    """Return the responses, shape (n,), whose cdf is `p`, by the logarithm of the nearer tail.
STEPS = 200  # of Newton's method between brackets; eight are usual, halving alone takes 65
CLOSE = 1e-15  # relative to the probability
ENDS = (-700.0, 700.0)  # logarithms of responses
FARTHEST = 5.0  # step of the logarithm
    """Return the least responses, shape (n,), whose cdf is `p` or more.

    Parameters
    ----------
    family : Family
        Of positive numbers, without masses.
    p : ndarray, shape (n,)
    eta : sequence of ndarray, each of shape (n,) or (1,)
    """
    p, *full = np.broadcast_arrays(p, *eta)
    result = np.where(p <= 0.0, 0.0, np.where(p >= 1.0, np.inf, np.nan))
    rows = np.flatnonzero((p > 0.0) & (p < 1.0))
    z = np.clip(np.log(family.mean([row[rows] for row in full])), *ENDS)
    low, high = (np.full(len(rows), end) for end in ENDS)
    for _ in range(STEPS):
        if not rows.size:
            break
        miss, slope = _miss(family, p[rows], z, [row[rows] for row in full])
        low, high = np.where(miss < 0.0, z, low), np.where(miss < 0.0, high, z)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            moved = z - miss / slope
        inside = (low < moved) & (moved < high)
        moved = np.where(inside, moved, 0.5 * (low + high))
        going = np.abs(moved - z) > CLOSE * np.maximum(np.abs(z), 1.0)
        result[rows] = np.exp(moved)
        rows, z, low, high = (part[going] for part in (rows, moved, low, high))
    return result


def _miss(
    family: Distribution, p: Floats, z: Floats, eta: Sequence[Floats]
) -> tuple[Floats, Floats]:
    """Difference of log probabilities, positive where responses are too large, and its slope."""
    y, upper = np.exp(z), p > HALF
    tail = np.where(upper, family.survival(y, eta), family.cdf(y, eta))
    density = np.exp(family.log_density(family.prepare(y), eta).value + z)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = np.log(tail) - np.log(np.where(upper, 1.0 - p, p))
        return np.where(upper, -gap, gap), density / tail
        With a positive density above 0.
        Within the reach of the links.
    zero = family.cdf(np.zeros(len(p)), full)
    result = np.where(p <= zero, 0.0, np.where(p >= 1.0, np.inf, np.nan))
    rows = np.flatnonzero(np.isnan(result) & ~np.isnan(p))
    y = np.log(np.maximum(family.mean([row[rows] for row in full]), np.exp(ENDS[0])))
    floor, ceiling = np.full(len(rows), ENDS[0]), np.full(len(rows), ENDS[1])
        here = [row[rows] for row in full]
        at = np.exp(y)
        miss = family.cdf(at, here) - p[rows]
        floor, ceiling = np.where(miss < 0.0, y, floor), np.where(miss < 0.0, ceiling, y)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            step = miss / np.exp(family.log_density(family.prepare(at), here).value + y)
            moved = y - np.clip(step, -FARTHEST, FARTHEST)
        outside = ~((floor < moved) & (moved < ceiling))
        moved = np.where(outside, 0.5 * (floor + ceiling), moved)
        close = np.abs(miss) <= CLOSE * p[rows]
        result[rows] = np.exp(np.where(close, y, moved))
        going = ~(close | (np.abs(moved - y) <= np.spacing(np.abs(y))))
        rows, y = rows[going], moved[going]
        floor, ceiling = floor[going], ceiling[going]
