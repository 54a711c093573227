"""The chain rule from a number that depends on linear predictors to a function of it."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.calculus.packing import packed_rows

__all__ = ["compose"]


def compose(slopes: Sequence[Floats | float], parts: Sequence[Floats]) -> list[Floats]:
    r"""Return the derivatives of a function f of a number g from those of g.

    :math:`f' g_i`, :math:`f'' g_i g_j + f' g_{ij}` and :math:`f''' g_i g_j g_k
    + f'' (g_{ij} g_k + g_{ik} g_j + g_{jk} g_i) + f' g_{ijk}`.

    Parameters
    ----------
    slopes : sequence of ndarray of shape (n,), or float
        As many derivatives of f as those of g that are given, up to three.
    parts : sequence of ndarray
        Packed derivatives of g, (K, n), (K(K+1)/2, n) and (K(K+1)(K+2)/6, n).
    """
    if not parts:
        return []
    grad, size = parts[0], len(parts[0])
    found = [np.asarray(slopes[0] * grad)]
    second = packed_rows(size, 2)
    if len(parts) > 1:
        hess = parts[1]
        found.append(slopes[0] * hess)
        for (i, j), row in second.items():
            found[1][row] += slopes[1] * grad[i] * grad[j]
    if len(parts) > 2:
        found.append(slopes[0] * parts[2])
        for (i, j, k), row in packed_rows(size, 3).items():
            pairs = hess[second[i, j]] * grad[k] + hess[second[i, k]] * grad[j]
            pairs += hess[second[j, k]] * grad[i]
            found[2][row] += slopes[1] * pairs + slopes[2] * grad[i] * grad[j] * grad[k]
    return found
