r"""The logarithm of a rising factorial, :math:`x (x + 1) \cdots (x + m - 1)`, with derivatives."""

import numpy as np

from skglmm.arrays import Floats
from skglmm.special.log_gamma import SERIES_FROM, log_gamma_family, stirling_remainder

__all__ = ["log_rising"]


def log_rising(x: Floats, m: Floats, order: int) -> tuple[Floats, tuple[Floats, ...]]:
    r"""Return the logarithm of :math:`\Gamma(x + m) / \Gamma(x)` without a power of x.

    What is left is smooth where x is as good as 0, and loses no digits where x is large, as long
    as the caller has :math:`\log x` to all of its digits.

    Parameters
    ----------
    x : ndarray of shape (n,) or (1,)
        Numbers from 0 on.
    m : ndarray of shape (n,) or (1,)
        Numbers of factors, 0 or at least 1.
    order : {0, 1, 2, 3}
        How many derivatives.

    Returns
    -------
    power : ndarray, shape (n,)
        c, which is m where x is large, and otherwise 1, or 0 where m is.
    parts : tuple of order + 1 ndarrays of shape (n,)
        What is to be added to :math:`c \log x`, and its derivatives in :math:`\log x`.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_rising
    >>> power, (rest,) = log_rising(np.array([2.0, 1e9]), np.array([3.0]), 0)
    >>> np.exp(power * np.log([2.0, 1e9]) + rest).round(3)[0]  # 2 * 3 * 4
    np.float64(24.0)
    """
    large = x >= SERIES_FROM
    if large.all():
        return np.broadcast_arrays(m, x)[0], _far(x, m, order)
    if not large.any():
        return np.broadcast_arrays(np.minimum(m, 1.0), x)[0], _near(x, m, order)
    x, m = np.broadcast_arrays(x, m)
    parts = np.empty((order + 1, len(x)))
    parts[:, large] = _far(x[large], m[large], order)
    parts[:, ~large] = _near(x[~large], m[~large], order)
    return np.where(large, m, np.minimum(m, 1.0)), tuple(parts)


def _near(x: Floats, m: Floats, order: int) -> tuple[Floats, ...]:
    """The log of the rising factorial that begins with x + 1, of small x."""
    whole = x + np.maximum(m, 1.0)
    found = log_gamma_family(whole, order)
    known = log_gamma_family(x + 1.0, order)
    value, *slopes = (there - here for there, here in zip(found, known, strict=True))
    return (value, *_in_log(x, slopes))


def _far(x: Floats, m: Floats, order: int) -> tuple[Floats, ...]:
    """The log of a rising factorial whose factors are divided by x each, of large x."""
    z, t = x + m, np.log1p(m / x)
    found = stirling_remainder(z, order)
    known = stirling_remainder(x, order)
    value, *slopes = (there - here for there, here in zip(found, known, strict=True))
    parts = [value + (z - 0.5) * t - m]
    if order >= 1:
        first = x * (t + slopes[0]) - m
        parts.append(first)
    if order >= 2:
        second = m * (m / z) + x * (x * slopes[1])
        parts.append(second + first)
    if order >= 3:
        share = m / z
        third = x * (x * (x * slopes[2])) - share * share * (3.0 * x + 2.0 * m)
        parts.append(third + 3.0 * second + first)
    return tuple(parts)


def _in_log(x: Floats, slopes: list[Floats]) -> list[Floats]:
    """Derivatives in the logarithm of x from those in x."""
    powers = [each * x ** (k + 1) for k, each in enumerate(slopes)]
    found = powers[:1]
    if len(powers) > 1:
        found.append(powers[1] + powers[0])
    if len(powers) > 2:
        found.append(powers[2] + 3.0 * powers[1] + powers[0])
    return found
