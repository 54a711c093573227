"""Eigenvalues of small symmetric matrices, where the calls are what costs."""

import numpy as np
from scipy.linalg.lapack import dsyevd

from skglmm.arrays import Floats

__all__ = ["eigh"]


def eigh(matrix: Floats) -> tuple[Floats, Floats]:
    """Return eigenvalues, in ascending order, and vectors: `numpy.linalg.eigh`, in fewer calls.

    Raises
    ------
    LinAlgError
        If the matrix is not finite.
    """
    if not len(matrix):
        return np.zeros(0), np.zeros((0, 0))
    values, vectors, info = dsyevd(matrix, lower=1)
    if info != 0:
        msg = "eigenvalues did not converge"
        raise np.linalg.LinAlgError(msg)
    return values, vectors
