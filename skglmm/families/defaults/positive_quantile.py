"""Quantiles of positive numbers, perhaps beside zeros, from their tails and their density."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.defaults.distribution import Distribution

__all__ = ["positive_quantile"]

STEPS = 200  # of Newton's method between brackets; ten are usual, halving alone takes 60
CLOSE = 4e-16  # of the logarithm of a response, whose digits end there
ENDS = (-740.0, 709.0)  # logarithms of the smallest and the largest number
HALF = 0.5  # the probability from which on the upper tail has more digits, and a slow step's rate
FAR = 1e-3  # a difference of log probabilities that is none of rounding


def positive_quantile(family: Distribution, p: Floats, eta: Sequence[Floats]) -> Floats:
    """Return the least responses, shape (n,), whose cdf is `p`, by the log of the nearer tail.

    Parameters
    ----------
    family : Family
        With a positive density above 0.
    p : ndarray, shape (n,)
    eta : sequence of ndarray, each of shape (n,) or (1,)
    """
    p, *full = np.broadcast_arrays(p, *eta)
    none = np.zeros(len(p))
    zero = family.cdf(none, full) if family.masses else none
    result = np.where(p <= zero, 0.0, np.where(p >= 1.0, np.inf, np.nan))
    rows = np.flatnonzero((p > zero) & (p < 1.0))
    z = np.clip(np.log(family.mean([row[rows] for row in full])), *ENDS)
    low, high = (np.full(len(rows), end) for end in ENDS)
    last = np.full(len(rows), np.inf)
    for _ in range(STEPS):
        if not rows.size:
            break
        miss, slope = _miss(family, p[rows], z, [row[rows] for row in full])
        low, high = np.where(miss < 0.0, z, low), np.where(miss < 0.0, high, z)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            moved = z - miss / slope
        # a tail too far out to have digits has no slope either, and steps from there do not arrive
        slow = np.abs(miss) > np.maximum(HALF * last, FAR)
        inside = (low < moved) & (moved < high) & ~slow
        moved = np.where(inside, moved, 0.5 * (low + high))
        going = np.abs(moved - z) > CLOSE * np.maximum(np.abs(z), 1.0)
        result[rows] = np.exp(moved)
        kept = (rows, moved, low, high, np.abs(miss))
        rows, z, low, high, last = (part[going] for part in kept)
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
