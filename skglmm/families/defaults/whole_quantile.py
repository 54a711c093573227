"""Quantiles of whole numbers from their cdf."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.defaults.distribution import Distribution

__all__ = ["whole_quantile"]

STEPS = 128  # of doublings, and of halvings: numbers up to 2**53 take 53 each
LARGEST = 2.0**53  # beyond it not every whole number is a float


def whole_quantile(family: Distribution, p: Floats, eta: Sequence[Floats]) -> Floats:
    """Return the least whole responses, shape (n,), whose cdf is `p` or more.

    Brackets around the mean double until they hold the quantile, and halve until nothing is
    between their ends: some 60 calls of the cdf at most, however large the mean.

    Parameters
    ----------
    family : Family
        Of counts, from a finite lower end of its support on.
    p : ndarray, shape (n,)
    eta : sequence of ndarray, each of shape (n,) or (1,)
    """
    p, *full = np.broadcast_arrays(p, *eta)
    low, high = family.support.ends
    result = np.where(p <= 0.0, low, np.where(p >= 1.0, high, np.nan))
    rows = np.flatnonzero((p > 0.0) & (p < 1.0))
    here, goal = [row[rows] for row in full], p[rows]
    below, above = _bracket(family, goal, here)
    going = np.flatnonzero(above - below > 1.0)
    for _ in range(STEPS):
        if not going.size:
            break
        middle = np.floor(0.5 * (below[going] + above[going]))
        short = family.cdf(middle, [row[going] for row in here]) < goal[going]
        below[going] = np.where(short, middle, below[going])
        above[going] = np.where(short, above[going], middle)
        going = going[above[going] - below[going] > 1.0]
    result[rows] = above
    return result


def _bracket(family: Distribution, p: Floats, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Numbers below and not below the quantiles: the cdf is less than `p` at the former alone."""
    low, top = family.support.low, min(family.support.high, LARGEST)
    above = np.clip(np.ceil(family.mean(eta)), low, top)
    below, step = np.full(len(p), low - 1.0), 1.0 + np.ceil(np.sqrt(above - low))
    going = np.arange(len(p))
    for _ in range(STEPS):
        short = family.cdf(above[going], [row[going] for row in eta]) < p[going]
        going = going[short & (above[going] < top)]
        if not going.size:
            break
        below[going] = above[going]
        above[going] = np.minimum(above[going] + step[going], top)
        step[going] *= 2.0
    return below, above
