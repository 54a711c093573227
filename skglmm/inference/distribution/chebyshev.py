"""Polynomials through Chebyshev points, which converge fast for smooth functions."""

from functools import lru_cache

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander

from skglmm.arrays import Floats

__all__ = ["chebyshev_transform"]


@lru_cache(maxsize=32)
def chebyshev_transform(degree: int) -> Floats:
    """Return the matrix from values at Chebyshev points to coefficients, (degree + 1, degree + 1).

    Examples
    --------
    >>> from numpy.polynomial.chebyshev import chebpts1, chebval
    >>> coefficients = chebyshev_transform(9) @ np.exp(chebpts1(10))
    >>> bool(abs(chebval(0.3, coefficients) - np.exp(0.3)) < 1e-9)
    True
    """
    matrix = np.asarray(chebvander(chebpts1(degree + 1), degree).T, dtype=np.float64)
    matrix = matrix * np.where(np.arange(degree + 1) > 0, 2.0, 1.0)[:, None] / (degree + 1)
    matrix.flags.writeable = False
    return matrix
