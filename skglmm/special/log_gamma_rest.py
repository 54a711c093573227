r"""What :math:`x \log x - x` leaves of the log-gamma function, with derivatives."""

import math

import numpy as np

from skglmm.arrays import Floats
from skglmm.special.log_gamma import SERIES_FROM, log_gamma_family, stirling_remainder

__all__ = ["log_gamma_rest"]

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def log_gamma_rest(x: Floats, log_x: Floats, order: int) -> tuple[Floats, ...]:
    r"""Return :math:`R(x) = \log\Gamma(x) - x \log x + x - \log(2 \pi) / 2`, and derivatives.

    Each derivative is multiplied by its power of x, so that all are finite: of large x the first
    is -1/2, and of tiny x it is -1.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Positive numbers.
    log_x : ndarray of shape (n,)
        Their logarithms.
    order : {0, 1, 2, 3}
        How many derivatives.

    Returns
    -------
    tuple of order + 1 ndarrays of shape (n,)
        :math:`R(x)`, :math:`x R'(x)`, :math:`x^2 R''(x)` and :math:`x^3 R'''(x)`.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_gamma_rest
    >>> x = np.array([1e-9, 1.0, 1e9])
    >>> log_gamma_rest(x, np.log(x), 1)[1].round(4)
    array([-1.    , -0.5772, -0.5   ])
    """
    large = x >= SERIES_FROM
    if large.all():
        return _far(x, log_x, order)
    if not large.any():
        return _near(x, log_x, order)
    parts = np.empty((order + 1, len(x)))
    parts[:, large] = _far(x[large], log_x[large], order)
    parts[:, ~large] = _near(x[~large], log_x[~large], order)
    return tuple(parts)


def _far(x: Floats, log_x: Floats, order: int) -> tuple[Floats, ...]:
    value, *slopes = stirling_remainder(x, order)
    return (value - 0.5 * log_x, *_scaled(x, slopes))


def _near(x: Floats, log_x: Floats, order: int) -> tuple[Floats, ...]:
    """Return them from the gamma function of x + 1, which is smooth at 0."""
    value, *slopes = log_gamma_family(x + 1.0, order)
    parts = [value - log_x - x * (log_x - 1.0) - _HALF_LOG_TWO_PI]
    beside = (-1.0 - x * log_x, 1.0 - x, x - 2.0)
    parts += (each + more for each, more in zip(_scaled(x, slopes), beside, strict=False))
    return tuple(parts)


def _scaled(x: Floats, slopes: list[Floats]) -> list[Floats]:
    """Multiply derivatives by their powers of x, one factor after the other."""
    found = []
    for power, slope in enumerate(slopes, start=1):
        part = slope * x
        for _ in range(1, power):
            part = part * x
        found.append(part)
    return found
