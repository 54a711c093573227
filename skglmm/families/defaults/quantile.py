"""Quantiles of responses in [0, 1] from their cdf and density."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.defaults.distribution import Distribution

__all__ = ["inverted"]

STEPS = 100  # of Newton's method between brackets; six are usual, halving alone takes 55
CLOSE = 1e-15  # relative to the probability, or to the response


def inverted(family: Distribution, p: Floats, eta: Sequence[Floats]) -> Floats:
    """Return the least responses, shape (n,), whose cdf is `p` or more.

    Parameters
    ----------
    family : Family
        With a positive density between 0 and 1.
    p : ndarray, shape (n,)
    eta : sequence of ndarray, each of shape (n,) or (1,)
        Within the reach of the links.
    """
    p, *full = np.broadcast_arrays(p, *eta)
    low, inner, _ = family.part_probabilities(full)
    result = np.where(p <= low, 0.0, 1.0)
    rows = np.flatnonzero((p > low) & (p <= low + inner))
    y, floor, ceiling = np.full(len(rows), 0.5), np.zeros(len(rows)), np.ones(len(rows))
    for _ in range(STEPS):
        if not rows.size:
            break
        here = [row[rows] for row in full]
        miss = family.cdf(y, here) - p[rows]
        floor, ceiling = np.where(miss < 0.0, y, floor), np.where(miss < 0.0, ceiling, y)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            step = miss / np.exp(family.log_density(family.prepare(y), here).value)
            moved = y - step
        outside = ~((floor < moved) & (moved < ceiling))
        moved = np.where(outside, 0.5 * (floor + ceiling), moved)
        done = (np.abs(miss) <= CLOSE * p[rows]) | (np.abs(moved - y) <= CLOSE * y)
        result[rows] = np.where(np.abs(miss) <= CLOSE * p[rows], y, moved)
        going = ~done
        rows, y = rows[going], moved[going]
        floor, ceiling = floor[going], ceiling[going]
    return result
