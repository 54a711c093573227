r"""The log-gamma function and its first three derivatives, in one pass.

With :math:`m = x + 3` and :math:`q = x (x + 6)`, the seven factors of the recurrence
:math:`\Gamma(x + 7) = x (x + 1) \cdots (x + 6)\, \Gamma(x)` pair up as
:math:`(m - j)(m + j) = q + 9 - j^2` for j = 1, 2, 3. What is left are the asymptotic series
in :math:`1 / z`, :math:`z = x + 7` [1]_.

References
----------
.. [1] Abramowitz, M. & Stegun, I. A. (1964). Handbook of Mathematical Functions, formulas
   6.1.40, 6.3.18 and 6.4.11.
"""

import numpy as np

from skglmm.arrays import Floats

__all__ = ["log_gamma_family"]

SLICE = 8_192  # numbers: a dozen buffers of them stay in the second-level cache
HALF_LOG_TWO_PI = 0.9189385332046727

# Bernoulli numbers B_2 ... B_14 over the denominators of each series in 1 / z**2.
BERNOULLI = np.array([1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6])
EVEN = 2.0 * np.arange(1, 8)
SERIES = (
    BERNOULLI / (EVEN * (EVEN - 1)),  # lgamma: times 1 / z
    -BERNOULLI / EVEN,  # digamma: times 1 / z**2
    BERNOULLI,  # trigamma: times 1 / z**3
    -BERNOULLI * (EVEN + 1),  # tetragamma: times 1 / z**4
)


def log_gamma_family(x: Floats, order: int) -> tuple[Floats, ...]:
    """Log-gamma function of positive numbers and its derivatives.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Positive numbers.
    order : int
        0 to 3: how many derivatives.

    Returns
    -------
    tuple of ndarray, each of shape (n,)
        lgamma, digamma, trigamma, tetragamma, as far as asked for. Values beyond the
        largest double, such as trigamma(1e-200), are infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_gamma_family
    >>> value, slope = log_gamma_family(np.array([1.0]), 1)
    >>> round(float(slope[0]), 6)
    -0.577216
    """
    out = np.empty((order + 1, len(x)))
    with np.errstate(over="ignore", divide="ignore"):
        for start in range(0, len(x), SLICE):
            rows = slice(start, start + SLICE)
            _fill(x[rows], out[:, rows])
    return tuple(out)


def _fill(x: Floats, out: Floats) -> None:
    """Fill the rows of `out`, (order + 1, n), for one slice."""
    z, middle = x + 7.0, x + 3.0
    q = x * (x + 6.0)
    factors = (q, q + 5.0, q + 8.0)
    inverse = 1.0 / z
    square = inverse * inverse
    log_z = np.log(z)

    _series(SERIES[0], square, out[0])
    out[0] *= inverse
    out[0] += (z - 0.5) * log_z
    out[0] += HALF_LOG_TWO_PI - z
    out[0] -= np.log(middle * factors[0] * factors[1] * factors[2])
    if len(out) == 1:
        return

    center = 1.0 / middle
    parts = [1.0 / factor for factor in factors]
    _series(SERIES[1], square, out[1])
    out[1] *= square
    out[1] += log_z - 0.5 * inverse
    out[1] -= 2.0 * middle * (parts[0] + parts[1] + parts[2]) + center
    if len(out) == 2:
        return

    q += 9.0  # the square of middle
    squares = [part * part for part in parts]
    _series(SERIES[2], square, out[2])
    out[2] *= square
    out[2] += 1.0 + 0.5 * inverse
    out[2] *= inverse
    out[2] += 2.0 * _weighted(q, (9.0, 4.0, 1.0), squares) + center * center
    if len(out) == 3:
        return

    cubes = [part * both for part, both in zip(parts, squares, strict=True)]
    _series(SERIES[3], square, out[3])
    out[3] *= square
    out[3] -= 1.0 + inverse
    out[3] *= square
    total = _weighted(q, (27.0, 12.0, 3.0), cubes)
    total *= middle
    out[3] -= 4.0 * total + 2.0 * center**3


def _series(coefficients: Floats, square: Floats, out: Floats) -> None:
    """Horner's scheme in 1 / z**2, into `out`."""
    np.multiply(square, coefficients[-1], out=out)
    for coefficient in coefficients[-2:0:-1]:
        out += coefficient
        out *= square
    out += coefficients[0]


def _weighted(square: Floats, shifts: tuple[float, ...], parts: list[Floats]) -> Floats:
    """Sum of (square + shift) times part."""
    total = (square + shifts[0]) * parts[0]
    for shift, part in zip(shifts[1:], parts[1:], strict=True):
        total += (square + shift) * part
    return total
