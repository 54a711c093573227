r"""The logarithm of :math:`1 - e^{-x}` as a function of :math:`\log x`, with derivatives."""

import numpy as np

from skglmm.arrays import Floats

__all__ = ["log_hazard"]

_SMALL = 0.05  # below it the series has more digits than the difference
_SERIES = (-1 / 2, -1 / 12, 0.0, 1 / 720, 0.0, -1 / 30240, 0.0, 1 / 1209600)


def log_hazard(u: Floats, order: int) -> tuple[Floats, ...]:
    r"""Return the log probability of an event whose cumulative hazard has the logarithm `u`.

    Parameters
    ----------
    u : ndarray of shape (n,)
        Logarithms of x, at most 700.
    order : {0, 1, 2, 3}
        How many derivatives.

    Returns
    -------
    tuple of order + 1 ndarrays of shape (n,)
        :math:`\log(1 - e^{-x})`, :math:`q = x / (e^x - 1)`, and with :math:`h = 1 - q - x` the
        derivatives :math:`q h` and :math:`q (h^2 - q h - x)`.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import log_hazard
    >>> log_hazard(np.array([-50.0, 0.0]), 1)[1].round(4)  # as good as 1 where x is tiny
    array([1.   , 0.582])
    """
    x = np.exp(u)
    some = -np.expm1(-np.maximum(x, np.finfo(np.float64).tiny))
    small = np.flatnonzero(x < _SMALL)
    low = x[small]
    value = np.log(some)
    value[small] = u[small] + np.log1p(_rest_of_value(low))
    if order == 0:
        return (value,)
    q = x * np.exp(-x) / some
    rest = low * np.polynomial.polynomial.polyval(low, _SERIES)  # 1 - q - x
    q[small] = 1.0 - low - rest
    h = 1.0 - q - x
    h[small] = rest
    return (value, q, q * h, q * (h * h - q * h - x))[: order + 1]


def _rest_of_value(x: Floats) -> Floats:
    """Return (1 - exp(-x)) / x - 1 of small x."""
    return np.asarray(np.where(x > 0.0, -np.expm1(-x) / np.where(x > 0.0, x, 1.0), 1.0) - 1.0)
