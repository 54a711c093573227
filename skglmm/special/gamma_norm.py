r"""What makes a gamma density of mean one integrate to one, as a function of its log shape."""

import math

import numpy as np

from skglmm.arrays import Floats
from skglmm.special.log_gamma import SERIES_FROM, log_gamma_family

__all__ = ["log_gamma_norm"]

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
# Of 1 / k, 1 / k**3, ... in Stirling's series of the log-gamma function.
_STIRLING = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)


def log_gamma_norm(log_k: Floats, order: int) -> tuple[Floats, ...]:
    r"""Return :math:`\log\Gamma(k) - k \log k + k`, with derivatives in :math:`\log k`.

    Large terms cancel on paper and not in the computer: from small k on, where it is that of
    :math:`\log\Gamma(k + 1)` less :math:`\log k`, to large ones, where it is
    :math:`\log(2 \pi / k) / 2` and the derivatives of Stirling's series.

    Parameters
    ----------
    log_k : ndarray of shape (n,)
        Logarithms of shapes.
    order : {0, 1, 2, 3}
        How many derivatives.

    Returns
    -------
    tuple of order + 1 ndarrays of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_gamma_norm
    >>> log_gamma_norm(np.log([1.0, 1e12]), 1)[1].round(4)  # no digits left in differences
    array([-0.5772, -0.5   ])
    """
    k = np.exp(log_k)
    large = k >= SERIES_FROM
    if large.all():
        return _far(log_k, k, order)
    if not large.any():
        return _near(log_k, k, order)
    parts = np.empty((order + 1, len(k)))
    for rows, branch in ((large, _far), (~large, _near)):
        parts[:, rows] = branch(log_k[rows], k[rows], order)
    return tuple(parts)


def _far(log_k: Floats, k: Floats, order: int) -> tuple[Floats, ...]:
    r = 1.0 / k
    w = r * r
    powers = np.arange(-1.0, -2.0 * len(_STIRLING), -2.0)
    series = [
        r * np.polynomial.polynomial.polyval(w, _STIRLING * powers**m) for m in range(order + 1)
    ]
    series[0] += _HALF_LOG_TWO_PI - 0.5 * log_k
    if order >= 1:
        series[1] -= 0.5
    return tuple(series)


def _near(log_k: Floats, k: Floats, order: int) -> tuple[Floats, ...]:
    of_next = log_gamma_family(k + 1.0, order)
    slope = k * log_k  # of k log k - k; the second derivative adds k, the third one twice
    parts = [of_next[0] - log_k - slope + k]
    if order >= 1:
        first = k * of_next[1]
        parts.append(first - 1.0 - slope)
    if order >= 2:
        second = k * k * of_next[2]
        parts.append(first + second - slope - k)
    if order >= 3:
        parts.append(first + 3.0 * second + k * k * k * of_next[3] - slope - 2.0 * k)
    return tuple(parts)
