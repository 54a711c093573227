"""The logarithm of the gamma function and its first three derivatives in one pass."""

import math

import numpy as np

from skglmm.arrays import Floats, slices

__all__ = ["SERIES_FROM", "log_gamma_family", "log_gamma_remainder", "stirling_remainder"]

SERIES_FROM = 10.0  # from here on the asymptotic series needs no recurrence
_SLICE = 16_384  # longer gains nothing, shorter pays the overhead of numpy's calls more often
_HUGE = 1e40  # above it, the product of the recurrence would overflow
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)

# What the asymptotic series (Abramowitz & Stegun 6.3.18 and its relatives) make of the powers
# w, w**2, ..., w**7 of w = 1 / z**2; one row each for lgamma, digamma, trigamma, tetragamma.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
_SERIES = np.array(
    [
        [b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, start=1)],
        [-b / (2 * k) for k, b in enumerate(_BERNOULLI, start=1)],
        list(_BERNOULLI),
        [(2 * k + 1) * b for k, b in enumerate(_BERNOULLI, start=1)],
    ]
)

# The recurrence adds 1 / (x + k) and its powers for k = 0, ..., 6. Those of k and 7 - k pair up
# to t = (x + k) (x + 7 - k), and with d = (7 - 2 k)**2, m = 2 x + 7 and q = 1 / t
#   1 / (x + k)    + 1 / (x + 7 - k)    = m q
#   1 / (x + k)**2 + 1 / (x + 7 - k)**2 = 2 q + d q**2
#   1 / (x + k)**3 + 1 / (x + 7 - k)**3 = m (q**2 + d q**3)
# where nothing cancels; k = 0 is left alone. One row per sum; columns are q, q**2, q**3 of the
# pairs k = 1, 2, 3.
_PAIRS = np.array(
    [
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [2.0, 2.0, 2.0, 25.0, 9.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 25.0, 9.0, 1.0],
    ]
)


def log_gamma_family(x: Floats, order: int) -> tuple[Floats, ...]:
    r"""Return lgamma, digamma, trigamma and tetragamma of the same positive numbers.

    They share a shift by the recurrence to :math:`z = x + 7` and the powers of
    :math:`1 / z^2` in their asymptotic series [1]_.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Positive numbers.
    order : {0, 1, 2, 3}
        The highest derivative of :math:`\log\Gamma` wanted.

    Returns
    -------
    tuple of order + 1 ndarrays of shape (n,)
        :math:`\log\Gamma(x)` and its derivatives. Trigamma and tetragamma are infinite where
        they exceed the largest double: below 1e-154 and 2e-103.

    References
    ----------
    .. [1] Abramowitz, M. & Stegun, I. A. (1964). Handbook of Mathematical Functions,
       sections 6.1.41, 6.3.18, 6.4.11.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_gamma_family
    >>> lgamma, digamma = log_gamma_family(np.array([1.0, 4.0]), order=1)
    >>> lgamma.round(6), digamma.round(6)
    (array([0.      , 1.791759]), array([-0.577216,  1.256118]))
    """
    if x.size == 1:
        return tuple([np.array([each]) for each in _of_one(x.item(), order)])
    out = np.empty((order + 1, x.size))
    with np.errstate(over="ignore"):  # of 1 / x**2 and 1 / x**3
        for rows in slices(x.size, _SLICE):
            _fill(out[:, rows], x[rows])
    return tuple(out)


def log_gamma_remainder(x: Floats, order: int) -> tuple[Floats, ...]:
    r"""Return what Stirling's formula leaves of the log-gamma family.

    Differences of log-gamma functions of large numbers cancel; differences of these do not.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Positive numbers.
    order : {0, 1, 2, 3}
        The highest derivative wanted.

    Returns
    -------
    tuple of order + 1 ndarrays of shape (n,)
        :math:`\log\Gamma(x) - (x - 1/2) \log x + x - \log(2 \pi) / 2` and
        :math:`\psi(x) - \log x`; trigamma and tetragamma as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_gamma_remainder
    >>> log_gamma_remainder(np.array([1e10]), order=0)  # 1 / (12 x)
    (array([8.33333333e-12]),)
    """
    if x.size == 1 and x.item() >= SERIES_FROM:
        return tuple([np.array([each]) for each in _remainder_of_one(x.item(), order)])
    out = np.empty((order + 1, x.size))
    for rows in slices(x.size, _SLICE):
        _fill_remainder(out[:, rows], x[rows])
    return tuple(out)


def stirling_remainder(z: Floats, order: int) -> tuple[Floats, ...]:
    r"""Return what Stirling's formula leaves of the log-gamma family of large numbers, in all rows.

    Parameters
    ----------
    z : ndarray of shape (n,)
        Numbers of at least `SERIES_FROM`.
    order : {0, 1, 2, 3}
        The highest derivative wanted.

    Returns
    -------
    tuple of order + 1 ndarrays of shape (n,)
        As `log_gamma_remainder`, and :math:`\psi'(z) - 1 / z` and :math:`\psi''(z) + 1 / z^2`.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import stirling_remainder
    >>> stirling_remainder(np.array([1e10]), order=2)[2]  # 1 / (2 z**2)
    array([5.e-21])
    """
    r = 1.0 / z
    w = r * r
    series = [np.polynomial.polynomial.polyval(w, row) * w for row in _SERIES[: order + 1]]
    parts = [z * series[0]]
    if order >= 1:
        parts.append(series[1] - 0.5 * r)
    if order >= 2:
        parts.append(r * (0.5 * r + series[2]))
    if order >= 3:
        parts.append(-w * (r + series[3]))
    return tuple(parts)


def _fill(out: Floats, x: Floats) -> None:
    """Write the family of a slice, shape (m,), to the rows of `out`, (order + 1, m)."""
    if x.min() >= SERIES_FROM:
        _stirling(out, x)
    elif x.max() >= _HUGE:
        large = x >= SERIES_FROM
        for part in (large, ~large):
            chunk = np.empty((len(out), np.count_nonzero(part)))
            _fill(chunk, x[part])
            out[:, part] = chunk
    else:
        _stirling(out, x + 7.0)
        _recur(out, x)


def _fill_remainder(out: Floats, x: Floats) -> None:
    """Write the remainder of a slice, shape (m,), to the rows of `out`, (order + 1, m)."""
    small = x < SERIES_FROM
    if not small.any():
        _remainder(out, x)
        return
    large = ~small
    part = np.empty((len(out), np.count_nonzero(large)))
    _remainder(part, x[large])
    out[:, large] = part
    part = np.array(log_gamma_family(x[small], len(out) - 1))
    leading, log_x = _leading(x[small])
    part[0] -= leading
    if len(out) >= 2:
        part[1] -= log_x
    out[:, small] = part


def _stirling(out: Floats, z: Floats) -> None:
    """Write the asymptotic series of the family at z >= 7."""
    _remainder(out, z)
    leading, log_z = _leading(z)
    if len(out) >= 2:
        out[1] += log_z
    out[0] += leading


def _leading(z: Floats) -> tuple[Floats, Floats]:
    """Return Stirling's formula, and the logarithm in it."""
    log_z = np.log(z)
    leading = z - 0.5
    leading *= log_z
    leading -= z
    leading += _HALF_LOG_TWO_PI
    return leading, log_z


def _remainder(out: Floats, z: Floats) -> None:
    """Write the asymptotic series without leading terms."""
    order = len(out) - 1
    powers = np.empty((len(_BERNOULLI), z.size))
    r = np.reciprocal(z)
    w = np.multiply(r, r, out=powers[0])
    for k in range(1, len(powers)):
        np.multiply(powers[k - 1], w, out=powers[k])
    np.matmul(_SERIES[: order + 1], powers, out=out)
    out[0] *= z
    if order >= 1:
        half = 0.5 * r
        out[1] -= half
    if order >= 2:
        out[2] += half
        out[2] += 1.0
        out[2] *= r
    if order >= 3:
        r += out[3]
        r += 1.0
        r *= w
        np.negative(r, out=out[3])


def _recur(out: Floats, x: Floats) -> None:
    """Take the rows of `out` from x + 7 back to x."""
    t = np.empty((3, x.size))
    np.add(x, 7.0, out=t[0])
    t[0] *= x
    np.add(t[0], 10.0, out=t[1])
    np.add(t[0], 12.0, out=t[2])
    t[0] += 6.0
    product = t[0] * t[1]
    product *= t[2]
    product *= x
    out[0] -= np.log(product, out=product)
    if len(out) >= 2:
        _recur_derivatives(out[1:], x, t)


def _recur_derivatives(out: Floats, x: Floats, t: Floats) -> None:
    """Take digamma, trigamma, tetragamma from x + 7 back to x, given the products of pairs."""
    order = len(out)
    q = np.empty((order, 3, x.size))
    np.reciprocal(t, out=q[0])
    for k in range(1, order):
        np.multiply(q[k - 1], q[0], out=q[k])
    sums = _PAIRS[:order, : 3 * order] @ q.reshape(3 * order, -1)
    m = 2.0 * x
    m += 7.0
    r = np.reciprocal(x)
    sums[0] *= m
    sums[0] += r
    out[0] -= sums[0]
    if order >= 2:
        power = r * r
        out[1] += sums[1]
        out[1] += power
    if order >= 3:
        power *= r
        sums[2] *= m
        sums[2] += power
        sums[2] *= 2.0
        out[2] -= sums[2]


def _of_one(x: float, order: int) -> list[float]:
    """Return the family of one number without the overhead of arrays."""
    shift = [] if x >= SERIES_FROM else [1.0 / (x + k) for k in range(7)]
    z = x + len(shift)
    out = _remainder_of_one(z, order)
    out[0] = math.lgamma(x) if x < 1e300 else x * (math.log(x) - 1.0)
    if order >= 1:
        out[1] += math.log(z) - sum(shift)
    if order >= 2:
        out[2] += sum([p * p for p in shift])
    if order >= 3:
        out[3] -= 2.0 * sum([p * p * p for p in shift])
    return out


def _remainder_of_one(z: float, order: int) -> list[float]:
    r = 1.0 / z
    w = r * r
    series = [_horner(row, w) for row in _ROWS[: order + 1]]
    out = [z * series[0]]
    if order >= 1:
        out.append(series[1] - 0.5 * r)
    if order >= 2:
        out.append(r * (1.0 + 0.5 * r + series[2]))
    if order >= 3:
        out.append(-w * (1.0 + r + series[3]))
    return out


_ROWS: list[list[float]] = _SERIES[:, ::-1].tolist()


def _horner(coefficients: list[float], w: float) -> float:
    total = 0.0
    for coefficient in coefficients:
        total = (total + coefficient) * w
    return total
