"""What gamma-mixed Poisson counts tell of the shape on average, by sums and splines."""

import numpy as np
from scipy.interpolate import CubicSpline, RectBivariateSpline

from skglmm.arrays import Floats
from skglmm.families.counts.gamma_mixture import mixed
from skglmm.families.counts.poisson import Poisson

__all__ = ["shape_information"]

EXACT = 1000.0  # counts up to which all are summed
FIRST, FURTHER = 32, 257  # of more: how many are all taken, and beyond
TAIL = 12.0  # standard deviations that are summed
EXPONENTIAL = 40.0  # ratios of variance to mean: e^-40 of a geometric tail is left
CELLS = 2**17  # rows times counts at a time
DENSE = 3.0  # places in one unit of a logarithm, between which splines are exact to 4 digits
NOTHING = 1e-6  # of logarithms
TINY = np.finfo(np.float64).tiny


def shape_information(log_mean: Floats, log_shape: Floats) -> Floats:
    """Return the expected squares of derivatives in the log shape, (n,).

    Far counts stand for those next to them, and many rows lie on splines of some: 4 digits are
    left, which is enough for steps to a mode.

    Parameters
    ----------
    log_mean, log_shape : ndarray, shape (n,)
    """
    m, c = _places(log_mean), _places(log_shape)
    if len(log_mean) <= len(m) * len(c):
        return _summed(log_mean, log_shape)
    grid = [part.ravel() for part in np.meshgrid(m, c, indexing="ij")]
    logs = np.log(np.maximum(_summed(*grid), TINY)).reshape(len(m), len(c))
    if len(c) == 1:
        found = logs[0, 0] if len(m) == 1 else CubicSpline(m, logs[:, 0])(log_mean)
    elif len(m) == 1:
        found = CubicSpline(c, logs[0])(log_shape)
    else:
        found = RectBivariateSpline(m, c, logs)(log_mean, log_shape, grid=False)
    return np.exp(found) * np.ones_like(log_mean)


def _places(row: Floats) -> Floats:
    """Return places of a spline over a range; one of a range that is rounding."""
    low, high = float(row.min()), float(row.max())
    if high - low < NOTHING:
        return row[:1]
    return np.linspace(low, high, 4 + int(np.ceil(DENSE * (high - low))))


def _summed(log_mean: Floats, log_shape: Floats) -> Floats:
    mean, shape = np.exp(log_mean), np.exp(log_shape)
    extra = 1.0 + mean / shape
    high = np.ceil(mean + TAIL * np.sqrt(mean * extra) + EXPONENTIAL * extra)
    result = np.empty(len(mean))
    rows, start = np.argsort(high, kind="stable"), 0
    while start < len(rows):
        last = high[rows[start]]
        some = rows[start : start + max(1, int(CELLS // min(last, EXACT)))]
        some = some[(high[some] <= EXACT) == (last <= EXACT)]
        y, weights = _nodes(mean[some, None], extra[some, None], high[some, None])
        m, c = (np.repeat(row[some], y.shape[1]) for row in (log_mean, log_shape))
        found = mixed(Poisson().prepare(y.ravel()), m, -c, 1, moves=False)
        assert found.grad is not None
        mass = np.exp(found.value).reshape(y.shape) * weights
        squares = found.grad[1].reshape(y.shape) ** 2
        result[some] = np.sum(squares * mass, axis=1) / mass.sum(axis=1)
        start += len(some)
    return result


def _nodes(mean: Floats, extra: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Counts and how many each stands for, (n, m) each: all, or those that are dense about it."""
    if high[-1, 0] <= EXACT:
        y = np.broadcast_to(np.arange(high[-1, 0] + 1.0), (len(mean), int(high[-1, 0]) + 1))
        return y, np.ones_like(y)
    sd = np.sqrt(mean * extra)
    center, speed = np.log(mean + 0.5), (mean + 0.5) / np.maximum(sd, 1.0)
    low, last = (np.arcsinh(speed * (np.log(end) - center)) for end in (0.5, high))
    grid = low + (last - low) * np.linspace(0.0, 1.0, FURTHER)
    y = np.round(np.exp(center + np.sinh(grid) / speed))
    first = np.broadcast_to(np.arange(float(FIRST)), (len(y), FIRST))
    every = np.sort(np.concatenate([y, first], axis=1), axis=1)
    edges = 0.5 * (every[:, 1:] + every[:, :-1])
    ends = np.full_like(mean, -0.5), every[:, -1:] + 0.5
    return every, np.diff(np.concatenate([ends[0], edges, ends[1]], axis=1), axis=1)
