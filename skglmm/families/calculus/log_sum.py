"""The logarithm of a sum of exponentials with its derivatives: cumulants of the slopes."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.packing import packed_rows

__all__ = ["log_sum"]


def log_sum(exponents: Floats, slopes: Sequence[Floats], order: int) -> LogDensity:
    """Return the log of a sum over nodes, and its derivatives.

    Parameters
    ----------
    exponents : ndarray, shape (m, n)
        At m nodes for each of n rows.
    slopes : sequence of ndarray of shape (m, n) or (m, 1)
        What the exponents gain with each parameter, in a straight line: of exponents that are
        curved, the derivatives lack what the curvature adds.
    order : {0, 1, 2, 3}
        How many derivatives.
    """
    top = exponents.max(axis=0)
    weights = np.exp(exponents - top)
    total = weights.sum(axis=0)
    weights /= total
    parts: list[Floats] = [top + np.log(total)]
    if order >= 1:
        means = np.stack([(weights * each).sum(axis=0) for each in slopes])
        parts.append(means)
    if order >= 2:
        away = [each - mean for each, mean in zip(slopes, means, strict=True)]
        once = [weights * each for each in away]
        twice = {(i, j): once[i] * away[j] for i, j in packed_rows(len(away), 2)}
        parts.append(np.stack([each.sum(axis=0) for each in twice.values()]))
    if order >= 3:
        triples = packed_rows(len(away), 3)
        parts.append(np.stack([np.einsum("mn,mn->n", twice[i, j], away[k]) for i, j, k in triples]))
    return LogDensity(*parts)
