r"""The series in the Tweedie density, by its terms near the largest, or asymptotically.

A Tweedie response with a power p between 1 and 2 is a sum of a Poisson number j of gamma variables
of shape :math:`\alpha = (2 - p) / (p - 1)`, and its density a series over j [1]_. With
:math:`m = y^{2 - p} / ((2 - p) \phi)`, near which the terms are largest, the part of the density
that does not depend on the mean, times y, is :math:`e^R` at the mean that equals y,

.. math::
    R = \log \sum_{j \ge 1} e^{E_j}, \quad
    E_j = -(1 + \alpha) D_j - \log(2 \pi) + \tfrac12 \log \alpha - r(j) - r(j \alpha),

where :math:`D_j = j \log(j / m) - j + m` and r is what Stirling's formula leaves of the log-gamma
function. R is a function of log m and log alpha alone, none of its terms is large, and derivatives
of the log of a sum of exponentials are cumulants over the terms.

.. [1] Dunn, P. K. & Smyth, G. K. (2005). Series evaluation of Tweedie exponential dispersion model
   densities. Statistics and Computing, 15, 267-280.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import ceil, cosh, exp, floor, log, log1p, pi, sinh, sqrt
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.special.exp_excess import exp_excess
from skglmm.special.log_gamma import SERIES_FROM, log_gamma_remainder, stirling_remainder

__all__ = ["log_tweedie_series"]

FAR = 40.0  # m, and m alpha, from which six powers of them have 14 digits
WIDE = 4.0  # m / (1 + alpha), the variance of j, from which its sum is an integral
GROUP = 3.0  # width of groups of rows that share their terms, in sqrt((1 + alpha) m)
NEGLIGIBLE = 45.0  # logs of terms below the largest
STEP = 1.5  # of a sum in place of an integral, in 1 / standard deviations: 19 digits
ROWS = 2**12  # at a time
NODES = 22  # of a cell
WIDTH = 2.0  # of a cell in log m, times 1 + alpha: singularities are pi away on that scale
ENOUGH = 64  # rows of a cell that are worth its nodes
CELLS = 512  # that are kept
DIGITS = 1e-11  # of the last coefficients of a cell, relative to its largest
_LOG_TWO_PI = log(2.0 * pi)

# The factor of ((1 + alpha) m)^-k in R is the sum over i of these numbers times cosh(i log alpha):
# Laplace's method for the integral over j, with Stirling's series for r.
_ASYMPTOTIC: tuple[tuple[float, ...], ...] = (
    (-5 / 24, -1 / 6),
    (-5 / 48, -1 / 12, 0.0),
    (-689 / 5760, -53 / 720, 17 / 720, 1 / 180),
    (-461 / 1920, -71 / 720, 37 / 360, 1 / 40, 0.0),
    (-418309 / 580608, -42401 / 241920, 53317 / 120960, 17231 / 181440, -47 / 5040, -1 / 630),
    (-65857 / 22680, -20021 / 60480, 130499 / 60480, 4169 / 11340, -577 / 5040, -5 / 252, 0.0),
)


def log_tweedie_series(log_m: Floats, log_alpha: float, order: int) -> list[Floats]:
    r"""Return R and its derivatives in log m and log alpha.

    Parameters
    ----------
    log_m : ndarray, shape (n,)
        Where the terms are largest.
    log_alpha : float
        Of the shape of a part.
    order : {0, 1, 2, 3}
        How many derivatives.

    Returns
    -------
    list of order + 1 ndarrays
        Shape (n,), (2, n), (3, n) and (4, n): packed derivatives.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_tweedie_series
    >>> y, alpha = np.array([1e9]), 2.0  # so many claims are normal, of variance phi y**p
    >>> (found,) = log_tweedie_series(np.log(y), np.log(alpha), 0)
    >>> (np.exp(found) / np.sqrt(y * alpha / (1 + alpha) / (2 * np.pi))).round(9)
    array([1.])
    """
    out = [np.empty((rows, len(log_m))) for rows in (1, 2, 3, 4)[: order + 1]]
    alpha = exp(log_alpha)
    far = log_m >= log(max(FAR, FAR / alpha, WIDE * (1.0 + alpha)))
    if far.any():
        for part, found in zip(out, _asymptotic(log_m[far], log_alpha, order), strict=True):
            part[:, far] = found
    rest = _interpolated(log_m, np.flatnonzero(~far), alpha, out)
    for part, found in zip(out, _by_groups(log_m[rest], alpha, order), strict=True):
        part[:, rest] = found
    return [out[0][0], *out[1:]]


def _by_groups(log_m: Floats, alpha: float, order: int) -> list[Floats]:
    """R of rows by their own terms."""
    out = [np.empty((rows, len(log_m))) for rows in (1, 2, 3, 4)[: order + 1]]
    for rows in _groups(log_m, np.arange(len(log_m)), alpha):
        for part, found in zip(out, _summed(log_m[rows], alpha, order), strict=True):
            part[:, rows] = found
    return out


def _interpolated(log_m: Floats, rows: Ints, alpha: float, out: list[Floats]) -> Ints:
    """Fill in rows of which many are in one cell, and return the others."""
    if len(rows) < ENOUGH:
        return rows
    place = log_m[rows] * ((1.0 + alpha) / WIDTH)
    cell = np.floor(place)
    ordered = np.argsort(cell, kind="stable")
    left = []
    for some in np.split(ordered, np.flatnonzero(np.diff(cell[ordered])) + 1):
        first = cell[some[0]]
        series = None
        if len(some) >= ENOUGH:
            series = _series(alpha, float(first), len(out) - 1)
        if series is None:
            left.append(rows[some])
            continue
        across = 2.0 * (place[some] - first) - 1.0
        found = series.T @ np.polynomial.chebyshev.chebvander(across, NODES - 1).T
        start = 0
        for part in out:
            part[:, rows[some]] = found[start : start + len(part)]
            start += len(part)
    return np.concatenate([*left, rows[:0]])


@lru_cache(maxsize=CELLS)
def _series(alpha: float, cell: float, order: int) -> Floats | None:
    """Chebyshev series of R and its derivatives in a cell; None where they end too late."""
    angles = np.pi * (np.arange(NODES) + 0.5) / NODES
    log_m = (cell + 0.5 * (np.cos(angles) + 1.0)) * (WIDTH / (1.0 + alpha))
    values = np.concatenate(_by_groups(log_m, alpha, order))
    to_series = np.cos(np.outer(np.arange(NODES), angles)) * (2.0 / NODES)
    to_series[0] *= 0.5
    series = np.asarray(to_series @ values.T)
    size = np.abs(series)
    if not np.all(size[-2:].max(axis=0) <= DIGITS * np.maximum(size.max(axis=0), 1.0)):
        return None
    series.flags.writeable = False
    return series


def _groups(log_m: Floats, rows: Ints, alpha: float) -> Iterator[Ints]:
    """Yield rows whose terms are largest near the same j."""
    place = np.floor(np.sqrt((1.0 + alpha) * np.exp(log_m[rows])) / GROUP)
    order = np.argsort(place, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        for start in range(0, len(some), ROWS):
            yield rows[some[start : start + ROWS]]


def _asymptotic(log_m: Floats, log_alpha: float, order: int) -> list[Floats]:
    """R of many terms, in powers of 1 / m."""
    alpha = exp(log_alpha)
    share = alpha / (1.0 + alpha)
    x = np.exp(-log_m) / (1.0 + alpha)
    # derivatives in log alpha (rows) of polynomials in x without a constant (columns)
    table = np.zeros((order + 1, len(_ASYMPTOTIC)))
    for k, numbers in enumerate(_ASYMPTOTIC, start=1):
        table[:, k - 1] = _factor(k, numbers, log_alpha, share)[: order + 1]
    powers = np.arange(1.0, len(_ASYMPTOTIC) + 1.0)

    def of(m: int, k: int) -> Floats:
        """Return the derivative, m times in log m and k times in log alpha."""
        return np.asarray(np.polynomial.polynomial.polyval(x, table[k] * (-powers) ** m) * x)

    found = [[of(i, k - i) for i in range(k, -1, -1)] for k in range(order + 1)]
    found[0][0] += 0.5 * (log_m + log_alpha - log1p(alpha) - _LOG_TWO_PI)
    bend = -0.5 * share * (1.0 - share)
    bends = (0.5 * (1.0 - share), bend, bend * (1.0 - 2.0 * share))
    if order >= 1:
        found[1][0] += 0.5
    for each, more in zip(found[1:], bends, strict=False):
        each[-1] += more
    return [np.stack(each) for each in found]


def _factor(k: int, numbers: tuple[float, ...], log_alpha: float, share: float) -> list[float]:
    """Return the factor of m^-k, times (1 + alpha)^k, and three derivatives of it in log alpha."""
    even = [(i, d * cosh(i * log_alpha)) for i, d in enumerate(numbers)]
    odd = [(i, d * sinh(i * log_alpha)) for i, d in enumerate(numbers)]
    c = [sum(d * i**r for i, d in (odd if r % 2 else even)) for r in range(4)]
    # and of (1 + alpha)^-k, relative to it
    first = -k * share
    second = first * first + first * (1.0 - share)
    third = second * first + 2.0 * first * first * (1.0 - share)
    third += first * (1.0 - share) * (1.0 - 2.0 * share)
    return [
        c[0],
        c[1] + first * c[0],
        c[2] + 2.0 * first * c[1] + second * c[0],
        c[3] + 3.0 * first * c[2] + 3.0 * second * c[1] + third * c[0],
    ]


class _SeriesTerms(NamedTuple):
    """What rows with m near one of their means share, by term: (J,) each."""

    center: float  # the mean of m
    k: Floats  # j less the center
    exponent: Floats  # E_j at the center
    features: Floats  # (J, 1 to 14): what is averaged over the terms


def _terms(m: Floats, alpha: float, order: int) -> _SeriesTerms:
    center, low, high = float(m.mean()), float(m.min()), float(m.max())
    whole = 1.0 + alpha
    first = max(1, floor(low - sqrt(2.0 * NEGLIGIBLE * low / whole)) - 1)
    last = ceil((sqrt(high) + sqrt(0.5 * NEGLIGIBLE / whole)) ** 2) + 1
    step = 1
    if whole * low > NEGLIGIBLE:  # the terms vanish before j = 0
        step = max(1, floor(sqrt(low / whole) / STEP))
    j = np.arange(first, last + step, step, dtype=np.float64)
    x, k = alpha * j, j - center
    of_x = _remainder(x, order)
    deviance = j * exp_excess(np.log(center) - np.log(j))
    exponent = -whole * deviance - log_gamma_remainder(j, 0)[0] - of_x[0]
    exponent += 0.5 * log(alpha) - _LOG_TWO_PI + log(step)
    features = [np.ones_like(j)]
    if order >= 1:
        a = -alpha * deviance - of_x[1]
        features += [k, a]
    if order >= 2:
        features += [k * k, k * a, a * a, of_x[2]]
    if order >= 3:
        features += [k * k * k, k * k * a, k * a * a, a * a * a]
        features += [k * of_x[2], a * of_x[2], of_x[3]]
    return _SeriesTerms(center, k, exponent, np.stack(features, axis=1))


def _remainder(x: Floats, order: int) -> list[Floats]:
    r"""Return r(x), and of its derivatives in log x less 1/2 the first and differences from it.

    With :math:`p_1 = x (\psi(x) - \log x)` they are :math:`p_1`, and what its first and second
    derivatives are more.
    """
    found = np.array(log_gamma_remainder(x, order))
    large = x >= SERIES_FROM
    if order >= 2 and large.any():
        found[:, large] = stirling_remainder(x[large], order)
    small = ~large
    if order >= 2:
        found[2, small] -= 1.0 / x[small]
    if order >= 3:
        found[3, small] += 1.0 / (x[small] * x[small])
    for k in range(1, order + 1):
        found[k] *= x**k
    if order >= 3:
        found[3] += 3.0 * found[2]
    return list(found)


def _summed(log_m: Floats, alpha: float, order: int) -> list[Floats]:
    """R of rows with m near one another, by their terms."""
    m = np.exp(log_m)
    terms = _terms(m, alpha, order)
    delta = log_m - log(terms.center)
    # that of m itself differs from E_j at the center by a line in j
    exponents = np.multiply.outer((1.0 + alpha) * delta, terms.k)
    exponents += terms.exponent
    top = exponents.max(axis=1)
    exponents -= top[:, None]
    sums = (np.exp(exponents, out=exponents) @ terms.features).T
    total, means = sums[0], sums[1:] / sums[0]
    above = m - terms.center * (1.0 + delta)
    near = np.abs(delta) < 0.1
    above[near] = terms.center * exp_excess(delta[near])
    value = np.log(total) + top - (1.0 + alpha) * above
    found = [value[None, :]]
    if order >= 1:
        drift = alpha * delta
        moments = _SeriesMoments.of(means, drift, order)
        miss = means[0] + (terms.center - m)  # how far the mean of j is above m
        level = moments.level - alpha * above  # the mean of the slopes in log alpha
        found.append(np.stack([(1.0 + alpha) * miss, level]))
    if order >= 2:
        found.append(_second(moments, m, miss, level, alpha))
    if order >= 3:
        found.append(_third(moments, m, miss, level, alpha))
    return found


class _SeriesMoments(NamedTuple):
    """Central moments over the terms, (n,) each.

    Of k, the slopes s of the exponents in log alpha, and what bends them: b.
    """

    level: Floats  # mean of s without a constant
    kk: Floats
    ks: Floats
    ss: Floats
    b: Floats
    kkk: Floats
    kks: Floats
    kss: Floats
    sss: Floats
    kb: Floats
    sb: Floats
    c: Floats

    @classmethod
    def of(cls, means: Floats, drift: Floats, order: int) -> "_SeriesMoments":
        """Return them from those about the center, and by how much s grows with k beside a."""
        none = np.zeros(means.shape[1])
        k, a = means[:2]
        level = a + drift * k
        if order < 2:
            return cls(level, *(none,) * 11)
        kk, ka, aa = means[2] - k * k, means[3] - k * a, means[4] - a * a
        ks = ka + drift * kk
        ss = aa + drift * (ka + ks)
        b = means[5]
        if order < 3:
            return cls(level, kk, ks, ss, b, *(none,) * 7)
        kkk = means[6] - k * (3.0 * kk + k * k)
        kka = means[7] - a * means[2] - 2.0 * k * ka
        kaa = means[8] - k * means[4] - 2.0 * a * ka
        aaa = means[9] - a * (3.0 * aa + a * a)
        kks = kka + drift * kkk
        kas = kaa + drift * kka
        kss = kas + drift * kks
        sss = aaa + drift * (kaa + kas + kss)
        kb, ab = means[10] - k * b, means[11] - a * b
        return cls(level, kk, ks, ss, b, kkk, kks, kss, sss, kb, ab + drift * kb, means[12])


def _second(
    moments: _SeriesMoments, m: Floats, miss: Floats, level: Floats, alpha: float
) -> Floats:
    whole = 1.0 + alpha
    return np.stack(
        [
            whole * (whole * moments.kk - m),
            whole * moments.ks + alpha * miss,
            moments.ss + level - moments.b,
        ]
    )


def _third(moments: _SeriesMoments, m: Floats, miss: Floats, level: Floats, alpha: float) -> Floats:
    whole = 1.0 + alpha
    return np.stack(
        [
            whole * (whole * whole * moments.kkk - m),
            whole * (whole * moments.kks + 2.0 * alpha * moments.kk) - alpha * m,
            whole * (moments.kss + moments.ks - moments.kb) + alpha * (2.0 * moments.ks + miss),
            moments.sss + 3.0 * (moments.ss - moments.sb) + level - moments.c,
        ]
    )
