"""Implicit nesting: how alike the residuals of rows are that share the levels of two factors."""

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["likeness"]


def likeness(residuals: Floats, cells: Ints) -> tuple[float, float]:
    r"""Return how alike the residuals within cells are, and how surely.

    The first number is the intraclass correlation by products of pairs,
    :math:`\sum_c \sum_{i \ne j} r_i r_j / \sum_c n_c (n_c - 1)` over the mean square [1]_;
    the second is the same sum in standard deviations of independent residuals.

    Parameters
    ----------
    residuals : ndarray, shape (n,)
        With mean zero.
    cells : ndarray of int, shape (n,)
        Which cell each row is in, from 0.

    References
    ----------
    .. [1] Fisher, R. A. (1925). Statistical Methods for Research Workers, chapter VII.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.inference import likeness
    >>> alike, _ = likeness(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1]))
    >>> float(alike)
    1.0
    """
    counts = np.bincount(cells).astype(float)
    n_pairs = float(counts @ (counts - 1.0))
    square = float(np.mean(residuals**2))
    if n_pairs == 0 or square == 0:
        return 0.0, 0.0
    products = float(np.sum(np.bincount(cells, residuals) ** 2) - residuals @ residuals)
    return products / n_pairs / square, products / square / float(np.sqrt(2.0 * n_pairs))
