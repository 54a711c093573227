r"""What makes a Student t density integrate to one, as a function of its log degrees of freedom."""

import math

import numpy as np

from skglmm.arrays import Floats
from skglmm.special.log_gamma import SERIES_FROM, log_gamma_family

__all__ = ["log_student_norm"]

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
# Of 1 / h, 1 / h**3, ... in the logarithm of Gamma(h + 1/2) / (Gamma(h) sqrt(h)).
_SERIES = np.array(
    [-b * (1.0 - 4.0**-k) / (k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, start=1)]
)


def log_student_norm(log_df: Floats, order: int) -> tuple[Floats, ...]:
    r"""Return :math:`\log[\Gamma((v + 1) / 2) / \Gamma(v / 2)] - \log(v \pi) / 2`.

    With its derivatives in :math:`\log v`. Nothing cancels where v is large, and the t next to the
    normal.

    Parameters
    ----------
    log_df : ndarray of shape (n,)
        Degrees of freedom.
    order : {0, 1, 2, 3}
        How many derivatives.

    Returns
    -------
    tuple of order + 1 ndarrays of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_student_norm
    >>> np.exp(log_student_norm(np.log([1.0]), 0)[0] * -1).round(6)  # pi, of the Cauchy density
    array([3.141593])
    """
    half = 0.5 * np.exp(log_df)
    large = half >= SERIES_FROM
    if large.all():
        return _far(half, order)
    if not large.any():
        return _near(half, order)
    parts = np.empty((order + 1, len(half)))
    for rows, branch in ((large, _far), (~large, _near)):
        parts[:, rows] = branch(half[rows], order)
    return tuple(parts)


def _far(half: Floats, order: int) -> tuple[Floats, ...]:
    r = 1.0 / half
    powers = np.arange(-1.0, -2.0 * len(_SERIES), -2.0)
    series = [
        r * np.polynomial.polynomial.polyval(r * r, _SERIES * powers**m) for m in range(order + 1)
    ]
    series[0] -= _HALF_LOG_TWO_PI
    return tuple(series)


def _near(half: Floats, order: int) -> tuple[Floats, ...]:
    above, below = log_gamma_family(half + 0.5, order), log_gamma_family(half, order)
    value, *slopes = (there - here for there, here in zip(above, below, strict=True))
    parts = [value - 0.5 * np.log(half) - _HALF_LOG_TWO_PI]
    powers = [each * half ** (k + 1) for k, each in enumerate(slopes)]
    if order >= 1:
        parts.append(powers[0] - 0.5)
    if order >= 2:
        parts.append(powers[1] + powers[0])
    if order >= 3:
        parts.append(powers[2] + 3.0 * powers[1] + powers[0])
    return tuple(parts)
