"""The curvature of rows made positive: the absolute values of its eigenvalues."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families import Packing

__all__ = ["absolute"]


def absolute(hess: Floats, packing: Packing, active: Sequence[int]) -> Floats:
    """Return Hessians, packed, whose block of some predictors has no positive eigenvalue.

    Newton's steps with them descend wherever they begin, for the Hessian of each row has a part
    in them according to how fast its log density bends, up or down.

    Parameters
    ----------
    hess : ndarray, shape (n_pairs, n)
        Second derivatives of log densities.
    packing : Packing
    active : sequence of int
        The predictors of the block.
    """
    rows = [[packing.pairs[min(j, k), max(j, k)] for k in active] for j in active]
    out = hess.copy()
    if len(active) == 1:
        out[rows[0][0]] = -np.abs(hess[rows[0][0]])
    elif len(active) == 2:
        (first, cross), (_, second) = rows
        out[[first, cross, second]] = _negative(hess[first], hess[cross], hess[second])
    else:
        values, vectors = np.linalg.eigh(np.moveaxis(hess[rows], -1, 0))
        blocks = -(vectors * np.abs(values)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
        out[np.ravel(rows)] = blocks.reshape(len(blocks), -1).T
    return out


def _negative(first: Floats, cross: Floats, second: Floats) -> Floats:
    """Minus the square roots of the squares of symmetric matrices of two rows, shape (3, n)."""
    area = np.abs(first * second - cross * cross)
    squares = np.stack([first**2 + cross**2, cross * (first + second), second**2 + cross**2])
    squares[[0, 2]] += area
    trace = np.sqrt(squares[0] + squares[2])  # of the root
    return np.asarray(-squares / np.where(trace > 0.0, trace, 1.0))
