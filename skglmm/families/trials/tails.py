"""Tail probabilities of the beta-binomial distribution."""

import numpy as np
from scipy.special import betainc

from skglmm.arrays import Floats, Ints

__all__ = ["lower_tail"]

FEW = 512.0  # terms that are summed
CELLS = 2**18  # terms at a time
NODES = 97
TINY = np.finfo(np.float64).tiny
REACH = 9.0  # standard deviations of a nearly normal logit, which nothing is beyond

Pair = tuple[Floats, Floats]


def lower_tail(y: Floats, trials: Floats, shapes: Pair, ends: Pair) -> Floats:
    """Return the probabilities of up to y successes.

    Sums of probabilities from the nearer end, or averages of a beta's distribution function over
    another beta, of which the one is nearly normal.

    Parameters
    ----------
    y : ndarray, shape (n,)
        From 0 to `trials` - 1.
    trials : ndarray, shape (n,)
    shapes : tuple of two ndarray, shape (n,)
        Of the beta distribution of the probability.
    ends : tuple of two ndarray, shape (n,)
        Log probabilities of no success, and of nothing but successes.
    """
    above = trials - 1.0 - y
    result = np.empty(len(y))
    low, high = y < FEW, (y >= FEW) & (above < FEW)
    for rows in _chunks(y, np.flatnonzero(low)):
        result[rows] = _summed(y[rows], trials[rows], _taken(shapes, rows), ends[0][rows])
    for rows in _chunks(above, np.flatnonzero(high)):
        turned = _taken(shapes[::-1], rows)
        result[rows] = 1.0 - _summed(above[rows], trials[rows], turned, ends[1][rows])
    others = np.flatnonzero(~(low | high))
    for start in range(0, len(others), CELLS // NODES):
        rows = others[start : start + CELLS // NODES]
        result[rows] = _averaged(y[rows], trials[rows], _taken(shapes, rows))
    return np.clip(result, 0.0, 1.0)


def _taken(pair: Pair, rows: Ints) -> Pair:
    return pair[0][rows], pair[1][rows]


def _chunks(sizes: Floats, rows: Ints) -> list[Ints]:
    """Rows of alike numbers of terms, with not too many together."""
    rows = rows[np.argsort(sizes[rows], kind="stable")]
    found, start = [], 0
    while start < len(rows):
        stop = start + max(1, int(CELLS // (sizes[rows[start]] + 1.0)))
        stop = start + max(1, int(CELLS // (sizes[rows[min(stop, len(rows)) - 1]] + 1.0)))
        found.append(rows[start:stop])
        start = stop
    return found


def _summed(y: Floats, trials: Floats, shapes: Pair, log_none: Floats) -> Floats:
    """Sum of the probabilities of 0, ..., y, each from the one before."""
    a, b = (each[:, None] for each in shapes)
    k, n = np.arange(float(np.max(y))), trials[:, None]
    with np.errstate(divide="ignore"):  # a shape of 0 has no success
        ratio = np.where(k < y[:, None], (n - k) * (a + k), 0.0)
        ratio /= (k + 1.0) * np.maximum(b + n - k - 1.0, 1.0)
        terms = np.exp(log_none[:, None] + np.cumsum(np.log(ratio), axis=1))
    return np.asarray(np.exp(log_none) + terms.sum(axis=1))


def _averaged(y: Floats, trials: Floats, shapes: Pair) -> Floats:
    """Average over the narrower one of the beta distribution and that of the responses.

    The probability of up to y successes is that of a beta with the shapes y + 1 and n - y to lie
    above the probability of a success, which is beta distributed, too.
    """
    own, response = np.maximum(np.stack(shapes), TINY), np.stack([y + 1.0, trials - y])
    narrow = np.sum(1.0 / own, axis=0) < np.sum(1.0 / response, axis=0)
    weight, other = np.where(narrow, own, response), np.where(narrow, response, own)
    sd, z = np.sqrt(np.sum(1.0 / weight, axis=0)), np.linspace(-REACH, REACH, NODES)
    logit = (np.log(weight[0]) - np.log(weight[1]))[:, None] + sd[:, None] * z
    share, rest = 1.0 / (1.0 + np.exp(-logit)), 1.0 / (1.0 + np.exp(logit))
    density = weight[0][:, None] * np.log(share) + weight[1][:, None] * np.log(rest)
    density = np.exp(density - density.max(axis=1, keepdims=True))
    below = betainc(other[0][:, None], other[1][:, None], share)
    found = np.sum(density * below, axis=1) / np.sum(density, axis=1)
    return np.asarray(np.where(narrow, 1.0 - found, found))
