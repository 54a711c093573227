r"""Log probabilities of Poisson counts whose mean is gamma distributed, by its mean and its shape.

With a mean :math:`\mu` and a shape k the probability of a count y is
:math:`\Gamma(y + k) / (\Gamma(k) y!) (k / (k + \mu))^k (\mu / (k + \mu))^y`. As a function of the
mean it is largest at y; the log probability there is S, of y and k alone, and the rest is
:math:`y t - (y + k) L` with :math:`t = \log(\mu / y)` and :math:`L = \log((k + \mu) / (k + y))`.
No term cancels, neither where k is huge, as good as Poisson counts, nor where it is as good as 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.special import exp_excess, log_gamma_rest

__all__ = ["Mixed", "Slopes", "mixed"]

LISTED = 4096.0  # counts up to which what depends on them and one shape is listed
LARGE = 4096.0  # counts from which on the difference of two excesses has more digits
NEAR = 0.02  # values of L below which the series of its excess has more digits

Slopes = tuple[Floats, ...]


class Mixed(NamedTuple):
    """Log probabilities with derivatives in the logarithms of the mean, m, and of the shape, c.

    Parameters
    ----------
    value : ndarray, shape (n,)
    grad : tuple of ndarray
        In m and c.
    hess : tuple of ndarray
        In mm, mc and cc.
    third : tuple of ndarray
        In mmm, mmc, mcc and ccc.
    """

    value: Floats
    grad: Slopes = ()
    hess: Slopes = ()
    third: Slopes = ()


def mixed(prepared: Floats, log_mean: Floats, log_shape: Floats, order: int) -> Mixed:
    """Return log probabilities of counts and their derivatives.

    Parameters
    ----------
    prepared : ndarray, shape (3, n)
        Counts, their logarithms, and log probabilities of Poisson counts at means that equal them.
    log_mean, log_shape : ndarray, shape (n,) or (1,)
    order : {0, 1, 2, 3}
    """
    y, log_y, best = prepared
    mean, shape = np.exp(log_mean), np.exp(log_shape)
    total, size = shape + mean, shape + y
    away = mean - y
    ratio = np.abs(away) / (shape + np.minimum(mean, y))
    log_ratio = np.copysign(np.log1p(ratio), away)
    peak, *bends = _at_peak(y, best, shape, log_shape, order)
    value = peak + y * (log_mean - log_y) - size * log_ratio
    large = np.flatnonzero(y >= LARGE)
    if large.size:
        t = np.broadcast_to(log_mean, y.shape)[large] - log_y[large]
        rest = size[large] * exp_excess(log_ratio[large]) - y[large] * exp_excess(t)
        value[large] = peak[large] + rest
    if order == 0:
        return Mixed(value)
    p, q = mean / total, shape / total
    excess = _excess(shape, log_ratio, q * away, ratio)
    grad = (-q * away, bends[0] - excess)
    if order == 1:
        return Mixed(value, grad)
    pq = p * q
    by_both, square = pq * away, away / size * away * q * q
    hess = (-size * pq, -by_both, bends[1] - excess + square)
    if order == 2:
        return Mixed(value, grad, hess)
    tilt = q - p
    third = (
        hess[0] * tilt,
        -by_both * tilt - pq * mean,
        by_both * tilt,
        bends[2] - excess + square * (1.0 + 2.0 * p - shape / size),
    )
    return Mixed(value, grad, hess, third)


def _excess(shape: Floats, log_ratio: Floats, scaled: Floats, ratio: Floats) -> Floats:
    """Return k (exp(-L) - 1 + L), the derivative in c of (y + k) L, from k (1 - exp(-L))."""
    found = shape * log_ratio - scaled
    near = np.flatnonzero(ratio < NEAR)
    if near.size:
        some = shape if len(shape) == 1 else shape[near]
        found[near] = some * exp_excess(-log_ratio[near])
    return np.asarray(found)


def _at_peak(y: Floats, best: Floats, shape: Floats, log_shape: Floats, order: int) -> Slopes:
    """Return log probabilities at the mean y, with derivatives in the log shape."""
    if len(shape) > 1 or not _is_listed(y):
        return _peaks(y, best, shape, log_shape, order)
    listed = np.arange(y.max() + 1.0)
    parts = _peaks(listed, np.zeros_like(listed), shape, log_shape, order)
    places = y.astype(np.intp)
    value, *others = (part[places] for part in parts)
    value += best
    return (value, *others)


def _is_listed(y: Floats) -> bool:
    """Whether the counts are so few different ones that a list of all up to the largest pays."""
    return len(y) > 1 and bool(y.max() <= min(LISTED, 8.0 * len(y)))


def _peaks(y: Floats, best: Floats, shape: Floats, log_shape: Floats, order: int) -> Slopes:
    size = shape + y
    with_counts = log_gamma_rest(size, np.log(size), order)
    own = log_gamma_rest(shape, log_shape, order)
    share, power, parts = shape / size, np.ones(1), []
    none = y == 0.0
    for there, here in zip(with_counts, own, strict=True):
        part = power * there - here
        part[none] = 0.0  # but for rounding
        parts.append(part)
        power = power * share
    return (best + parts[0], *_in_log(parts[1:]))


def _in_log(parts: Sequence[Floats]) -> list[Floats]:
    """Return derivatives in the logarithm of a number from those in it times its powers."""
    found = list(parts[:1])
    if len(parts) > 1:
        found.append(parts[0] + parts[1])
    if len(parts) > 2:
        found.append(parts[0] + 3.0 * parts[1] + parts[2])
    return found
