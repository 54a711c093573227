r"""Log probabilities of Poisson counts whose mean is gamma distributed, by its mean and its shape.

With a mean :math:`\mu` and a shape k the probability of a count y is
:math:`\Gamma(y + k) / (\Gamma(k) y!) (k / (k + \mu))^k (\mu / (k + \mu))^y`. As a function of the
mean it is largest at y; the log probability there is S, of y and k alone, and the rest is
:math:`y t - (y + k) L` with :math:`t = \log(\mu / y)` and :math:`L = \log((k + \mu) / (k + y))`.
No term cancels, neither where k is huge, as good as Poisson counts, nor where it is as good as 0.

The dispersion is :math:`\alpha = 1 / k`, or :math:`\mu / k`, so that the mean moves the shape, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.families.calculus.log_density import LogDensity
from skglmm.special import exp_excess, log_gamma_rest

__all__ = ["mixed"]

LISTED = 4096.0  # counts up to which what depends on them and one shape is listed
LARGE = 4096.0  # counts from which on the difference of two excesses has more digits
NEAR = 0.02  # values of L below which the series of its excess has more digits

Rows = tuple[Floats, ...]


def mixed(
    prepared: Floats, log_mean: Floats, log_dispersion: Floats, order: int, *, moves: bool
) -> LogDensity:
    """Return log probabilities of counts, with derivatives in both logarithms.

    Parameters
    ----------
    prepared : ndarray, shape (3, n)
        Counts, their logarithms, and log probabilities of Poisson counts at means that equal them.
    log_mean, log_dispersion : ndarray, shape (n,) or (1,)
    order : {0, 1, 2, 3}
    moves : bool
        Whether the mean moves the shape.
    """
    y, log_y, best = prepared
    log_shape = log_mean - log_dispersion if moves else -log_dispersion
    mean, shape = np.exp(log_mean), np.exp(log_shape)
    size, away = shape + y, mean - y
    log_ratio, is_near = _log_ratio(mean, y, shape, away)
    peak, *bends = _at_peak(y, best, shape, log_shape, order)
    value = peak + y * (log_mean - log_y) - size * log_ratio
    large = np.flatnonzero(y >= LARGE)
    if large.size:
        t = np.broadcast_to(log_mean, y.shape)[large] - log_y[large]
        rest = size[large] * exp_excess(log_ratio[large]) - y[large] * exp_excess(t)
        value[large] = peak[large] + rest
    if order == 0:
        return LogDensity(value)
    rate, q = shape * log_ratio, shape / (shape + mean)
    slope = q * away
    excess, near = np.asarray(rate - slope), np.flatnonzero(is_near)
    if near.size:
        some = shape if len(shape) == 1 else shape[near]
        excess[near] = some * exp_excess(-log_ratio[near])
    terms = _MixtureTerms(y, mean, shape, size, away, q, slope, rate, excess, near)
    slopes = _with_the_mean(terms, bends) if moves else _beside_the_mean(terms, bends)
    return LogDensity(value, *map(np.stack, slopes))


class _MixtureTerms(NamedTuple):
    """What derivatives consist of, (n,) each, some of them (1,)."""

    y: Floats
    mean: Floats
    shape: Floats
    size: Floats  # y + k
    away: Floats  # the mean less y
    q: Floats  # k / (k + mean)
    slope: Floats  # q times away
    rate: Floats  # k L
    excess: Floats  # k (exp(-L) - 1 + L)
    near: Ints  # rows whose L is near 0

    @property
    def p(self) -> Floats:
        """One minus q."""
        return np.asarray(self.mean / (self.shape + self.mean))

    @property
    def share(self) -> Floats:
        """The shape in its sum with the count."""
        return np.asarray(self.shape / self.size)

    def bent(self, p: Floats, share: Floats) -> tuple[Floats, Floats]:
        """Return the derivative of the excess in the log shape, negative, and its last part."""
        square = self.away / self.size * self.slope * self.q
        found = self.slope * (share + p) - self.rate
        found[self.near] = square[self.near] - self.excess[self.near]
        return found, square


def _log_ratio(mean: Floats, y: Floats, shape: Floats, away: Floats) -> tuple[Floats, Bools]:
    """Return L, and where it is near 0."""
    low = shape + np.minimum(mean, y)
    with np.errstate(over="ignore"):
        ratio = np.abs(away) / low
    found = np.log1p(ratio)
    far = np.flatnonzero(np.isinf(found))  # of means that are as good as 0
    if far.size:
        high = shape + np.maximum(mean, y)
        found[far] = np.log(high[far]) - np.log(low[far])
    return np.copysign(found, away), ratio < NEAR


def _beside_the_mean(terms: _MixtureTerms, bends: Sequence[Floats]) -> list[Rows]:
    """Return derivatives where mean and shape move alone: rows m and d, mm, md and dd, and so on.

    Those of S in the log shape are `bends`.
    """
    found: list[Rows] = [(-terms.slope, terms.excess - bends[0])]
    if len(bends) == 1:
        return found
    p, q, share = terms.p, terms.q, terms.share
    pq = p * q
    bent, square = terms.bent(p, share)
    mm, md = -terms.size * pq, pq * terms.away
    found.append((mm, md, bends[1] + bent))
    if len(bends) == 2:
        return found
    tilt = q - p
    ddd = -(bends[2] + bent + square * (2.0 * p - share))
    found.append((mm * tilt, md * tilt + pq * terms.mean, md * tilt, ddd))
    return found


def _with_the_mean(terms: _MixtureTerms, bends: Sequence[Floats]) -> list[Rows]:
    """Return derivatives where the mean moves the shape, in the same rows."""
    found: list[Rows] = [(bends[0] - terms.rate, terms.excess - bends[0])]
    if len(bends) == 1:
        return found
    p, share, other = terms.p, terms.share, terms.y / terms.size
    kp, ko = terms.shape * p, terms.shape * other
    bent, square = terms.bent(p, share)
    moved = terms.rate + ko
    found.append((bends[1] - moved, moved - kp - bends[1], bends[1] + bent))
    if len(bends) == 2:
        return found
    again = moved + ko * other
    mdd = bends[2] - moved + kp * (share + p) + terms.slope * share * other
    ddd = -(bends[2] + bent + square * (2.0 * p - share))
    found.append((bends[2] - again, again - kp - bends[2], mdd, ddd))
    return found


def _at_peak(y: Floats, best: Floats, shape: Floats, log_shape: Floats, order: int) -> Rows:
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


def _peaks(y: Floats, best: Floats, shape: Floats, log_shape: Floats, order: int) -> Rows:
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
