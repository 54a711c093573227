"""Quantiles of numbers from 0 on, perhaps beside zeros, from their cdf and density."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.defaults.distribution import Distribution

__all__ = ["positive_quantile"]

STEPS = 200  # of Newton's method between brackets; eight are usual, halving alone takes 65
CLOSE = 1e-15  # relative to the probability
ENDS = (-700.0, 700.0)  # logarithms of responses
FARTHEST = 5.0  # step of the logarithm


def positive_quantile(family: Distribution, p: Floats, eta: Sequence[Floats]) -> Floats:
    """Return the least responses, shape (n,), whose cdf is `p` or more.

    Parameters
    ----------
    family : Family
        With a positive density above 0.
    p : ndarray, shape (n,)
    eta : sequence of ndarray, each of shape (n,) or (1,)
        Within the reach of the links.
    """
    p, *full = np.broadcast_arrays(p, *eta)
    zero = family.cdf(np.zeros(len(p)), full)
    result = np.where(p <= zero, 0.0, np.where(p >= 1.0, np.inf, np.nan))
    rows = np.flatnonzero(np.isnan(result) & ~np.isnan(p))
    y = np.log(np.maximum(family.mean([row[rows] for row in full]), np.exp(ENDS[0])))
    floor, ceiling = np.full(len(rows), ENDS[0]), np.full(len(rows), ENDS[1])
    for _ in range(STEPS):
        if not rows.size:
            break
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
    return result
