"""Quantiles of whole numbers: the least whose probability is reached, by bracketing and halving."""

import numpy as np
from scipy.special import ndtri

from skglmm.arrays import Floats
from skglmm.inference.distribution.blend import Blend

__all__ = ["least_counts"]

FIRST = 1e-3  # of a guess: the first step away from it, where that is more than one
MOST = (
    200  # evaluations; four are usual, and halving 2**53 numbers takes 53 after as many doublings
)
SURE = 1.0 - 4.0 * np.finfo(np.float64).eps  # probabilities beyond are 1: averages are rounded


def least_counts(blend: Blend, p: Floats) -> Floats:
    """Return the least possible responses whose probability, up to them, is `p` or more.

    The guess is left in steps that double until the answer is between two numbers, and the
    distance of these is halved until they follow each other.

    Parameters
    ----------
    blend : Blend
        Distributions of whole numbers, n rows.
    p : ndarray, shape (n,)
        Probabilities inside (0, 1).

    Returns
    -------
    ndarray, shape (n,)
    """
    start, end = blend.family.support.ends
    goal = np.minimum(p, SURE)
    here = np.clip(np.nan_to_num(np.round(blend.guess(ndtri(p)))), start, end)
    step = np.maximum(1.0, np.round(FIRST * np.abs(here)))
    low, high = np.full_like(here, -np.inf), np.full_like(here, np.inf)
    result, rows = np.empty_like(here), np.arange(len(here))
    for _ in range(MOST):
        reached = blend.cdf(here) >= goal
        low, high = np.where(reached, low, here), np.where(reached, here, high)
        low = np.where(high <= start, start - 1.0, low)  # none is less, and none is more
        high = np.where(low >= end - 1.0, end, high)
        result[rows] = np.where(np.isinf(high), here, high)
        open_ = high - low > np.maximum(1.0, np.spacing(np.abs(here)))
        if not open_.any():
            break
        rows, blend = rows[open_], blend.take(np.flatnonzero(open_))
        goal, low, high, step = (part[open_] for part in (goal, low, high, step))
        here, step = np.clip(_next(low, high, step), start, end), 2.0 * step
    return result


def _next(low: Floats, high: Floats, step: Floats) -> Floats:
    """The middle of closed brackets; one step on from the one end of those that are open."""
    with np.errstate(invalid="ignore"):
        middle = np.floor(low + 0.5 * (high - low))
    onward = np.where(np.isinf(high), low + step, high - step)
    return np.where(np.isinf(low) | np.isinf(high), onward, middle)
