"""Quantiles of whole numbers: the least that are reached, by bracketing and halving."""

from collections.abc import Callable, Sequence

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.families.defaults.distribution import Distribution

__all__ = ["least_whole", "whole_quantile"]

MOST = 200  # evaluations: halving 2**53 numbers takes 53 after as many doublings


def whole_quantile(family: Distribution, p: Floats, eta: Sequence[Floats]) -> Floats:
    """Return the least whole responses, shape (n,), whose cdf is `p` or more.

    Parameters
    ----------
    family : Family
        Of counts, from a finite lower end of its support on.
    p : ndarray, shape (n,)
    eta : sequence of ndarray, each of shape (n,) or (1,)
    """
    p, *full = np.broadcast_arrays(p, *eta)
    low, high = family.ends(full)
    result = np.where(p <= 0.0, low, np.where(p >= 1.0, high, np.nan))
    inside = np.flatnonzero((p > 0.0) & (p < 1.0))
    here, goal = [row[inside] for row in full], p[inside]

    def reached(y: Floats, rows: Ints) -> Bools:
        return np.asarray(family.cdf(y, [row[rows] for row in here]) >= goal[rows])

    mean = family.mean(here)
    start, end = family.support.ends
    step = 1.0 + np.ceil(np.sqrt(np.maximum(mean - start, 0.0)))
    result[inside] = least_whole(reached, mean, step, (start, end))
    return np.asarray(np.minimum(result, high))


def least_whole(
    reached: Callable[[Floats, Ints], Bools],
    guess: Floats,
    step: Floats,
    ends: tuple[float, float],
) -> Floats:
    """Return the least whole numbers, from which on something is true.

    The guess is left in steps that double until the answer is between two numbers, and the
    distance of these is halved until they follow each other.

    Parameters
    ----------
    reached : callable
        From numbers, (m,), and their places among the n, (m,), to whether it is true, (m,).
    guess : ndarray, shape (n,)
        Where to begin.
    step : ndarray, shape (n,)
        The first step from there, whole.
    ends : tuple of float
        The answers that are possible, the lower end finite; it is true of the upper one.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import least_whole
    >>> least_whole(lambda y, rows: y**2 >= 40.0, np.zeros(1), np.ones(1), (0.0, np.inf))
    array([7.])
    """
    start, end = ends
    here, rows = np.clip(np.round(guess), start, end), np.arange(len(guess))
    low, high = np.full_like(here, -np.inf), np.full_like(here, np.inf)
    result = np.empty_like(here)
    for _ in range(MOST):
        true = reached(here, rows)
        low, high = np.where(true, low, here), np.where(true, here, high)
        low = np.where(high <= start, start - 1.0, low)  # none is less, and none is more
        high = np.where(low >= end - 1.0, end, high)
        result[rows] = np.where(np.isinf(high), here, high)
        going = high - low > np.maximum(1.0, np.spacing(np.abs(here)))
        if not going.any():
            break
        rows = rows[going]
        low, high, step = (part[going] for part in (low, high, step))
        here, step = np.clip(_next(low, high, step), start, end), 2.0 * step
    return result


def _next(low: Floats, high: Floats, step: Floats) -> Floats:
    """The middle of closed brackets; one step on from the one end of those that are open."""
    with np.errstate(invalid="ignore"):
        middle = np.floor(low + 0.5 * (high - low))
    onward = np.where(np.isinf(high), low + step, high - step)
    return np.where(np.isinf(low) | np.isinf(high), onward, middle)
