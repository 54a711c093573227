"""By how much an exponential is above its tangent at 0."""

import numpy as np

from skglmm.arrays import Floats

__all__ = ["exp_excess"]

_NEAR = 0.02  # where the series has more digits than the difference
_SERIES = (1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320)


def exp_excess(t: Floats) -> Floats:
    """Return ``exp(t) - 1 - t``, with all of its digits.

    Parameters
    ----------
    t : ndarray
        Of any shape.

    Returns
    -------
    ndarray
        Of the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import exp_excess
    >>> exp_excess(np.array([0.0, 1e-9, 1.0]))
    array([0.00000000e+00, 5.00000000e-19, 7.18281828e-01])
    """
    result = np.asarray(np.expm1(t) - t)
    near = np.abs(t) < _NEAR
    if near.any():
        small = t[near]
        result[near] = small * small * np.polynomial.polynomial.polyval(small, _SERIES)
    return result
