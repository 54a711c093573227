"""What gamma-mixed Poisson counts tell of the shape on average, by sums and splines."""

import numpy as np
from scipy.interpolate import CubicSpline, RectBivariateSpline

from skglmm.arrays import Floats
from skglmm.families.counts.gamma_mixture import mixed
from skglmm.families.counts.poisson import Poisson

__all__ = ["shape_information"]

FIRST, FURTHER = 32, 257  # counts that are all taken, and how many beyond
TAIL = 12.0  # standard deviations that are summed
EXPONENTIAL = 40.0  # ratios of variance to mean: e^-40 of a geometric tail is left
CELLS = 2**17  # rows times counts at a time
DENSE = 8.0  # places in one unit of a logarithm, between which splines are exact to 5 digits
TINY = np.finfo(np.float64).tiny


def shape_information(log_mean: Floats, log_shape: Floats) -> Floats:
    """Return the expected squares of derivatives in the log shape, (n,).

    Far counts stand for those next to them, and many rows lie on splines of some: 4 digits are
    left, which is enough for steps to a mode.

    Parameters
    ----------
    log_mean, log_shape : ndarray, shape (n,)
    """
    axes = [np.array([row.min(), row.max()]) for row in (log_mean, log_shape)]
    sizes = [4 + int(np.ceil(DENSE * np.ptp(ends))) * (np.ptp(ends) > 0.0) for ends in axes]
    sizes = [size if np.ptp(ends) > 0.0 else 1 for size, ends in zip(sizes, axes, strict=True)]
    if len(log_mean) <= sizes[0] * sizes[1]:
        return _summed(log_mean, log_shape)
    m, c = (np.linspace(*ends, size) for ends, size in zip(axes, sizes, strict=True))
    grid = [part.ravel() for part in np.meshgrid(m, c, indexing="ij")]
    logs = np.log(np.maximum(_summed(*grid), TINY)).reshape(len(m), len(c))
    if len(c) == 1:
        found = logs[0, 0] if len(m) == 1 else CubicSpline(m, logs[:, 0])(log_mean)
    elif len(m) == 1:
        found = CubicSpline(c, logs[0])(log_shape)
    else:
        found = RectBivariateSpline(m, c, logs)(log_mean, log_shape, grid=False)
    return np.exp(found) * np.ones_like(log_mean)


def _summed(log_mean: Floats, log_shape: Floats) -> Floats:
    step = CELLS // (FIRST + FURTHER)
    found = np.empty(len(log_mean))
    for start in range(0, len(log_mean), step):
        rows = slice(start, start + step)
        y, weights = _nodes(np.exp(log_mean[rows])[:, None], np.exp(log_shape[rows])[:, None])
        repeated = [np.repeat(row[rows], y.shape[1]) for row in (log_mean, log_shape)]
        terms = mixed(Poisson().prepare(y.ravel()), *repeated, 1)
        mass = np.exp(terms.value).reshape(y.shape) * weights
        squares = terms.grad[1].reshape(y.shape) ** 2
        found[rows] = np.sum(squares * mass, axis=1) / mass.sum(axis=1)
    return found


def _nodes(mean: Floats, shape: Floats) -> tuple[Floats, Floats]:
    """Counts, dense about the mean, and how many each stands for, (n, m) each."""
    extra = 1.0 + mean / shape
    sd = np.sqrt(mean * extra)
    high = np.ceil(mean + TAIL * sd + EXPONENTIAL * extra)
    center, speed = np.log(mean + 0.5), (mean + 0.5) / np.maximum(sd, 1.0)
    low, last = (np.arcsinh(speed * (np.log(end) - center)) for end in (0.5, high))
    grid = low + (last - low) * np.linspace(0.0, 1.0, FURTHER)
    y = np.round(np.exp(center + np.sinh(grid) / speed))
    first = np.broadcast_to(np.arange(float(FIRST)), (len(y), FIRST))
    every = np.sort(np.concatenate([y, first], axis=1), axis=1)
    edges = 0.5 * (every[:, 1:] + every[:, :-1])
    ends = np.full_like(mean, -0.5), every[:, -1:] + 0.5
    return every, np.diff(np.concatenate([ends[0], edges, ends[1]], axis=1), axis=1)
