"""Constraints of coefficients, from sums of columns over rows."""

import numpy as np

from skglmm.arrays import Floats, slices
from skglmm.bases.spline import Spline

__all__ = ["ROWS", "complement", "held_by", "moments"]

ROWS = 2**15  # whose columns are made at a time


def moments(spline: Spline, x: Floats) -> tuple[Floats, Floats]:
    """Return the cross-products, (k, k), and the sums, (k,), of the columns over the rows."""
    gram, sums = np.zeros(()), np.zeros(())
    for rows in slices(len(x), ROWS):
        part = spline.columns(x[rows])
        gram, sums = gram + part.T @ part, sums + part.sum(axis=0)
    return gram, sums


def held_by(kernel: Floats, sums: Floats) -> Floats:
    """Return the sums and, of functions that are not penalized, those without a sum.

    Parameters
    ----------
    kernel : ndarray, shape (k, M)
        Coefficients of a constant and of other functions.
    sums : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (k, M)
        The columns of `kernel` but the first are what it was less multiples of that.
    """
    level = kernel[:, :1] / (sums @ kernel[:, :1])
    return np.column_stack([sums, kernel[:, 1:] - level * (sums @ kernel[:, 1:])])


def complement(held: Floats) -> Floats:
    """Return an orthonormal basis of what is orthogonal to columns."""
    scaled = held / np.linalg.norm(held, axis=0)
    return np.asarray(np.linalg.qr(scaled, mode="complete")[0][:, held.shape[1] :])
