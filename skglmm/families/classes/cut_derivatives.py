r"""Derivatives in linear predictors from those in the standardized cut points of rows.

The location moves both cut points by the same, against it. The log of the scale, which divides
them, is minus Euler's operator :math:`E = a \partial_a + b \partial_b`: m derivatives T in the cut
points before they were standardized become :math:`-(m T + E T)`.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.calculus.packing import Packing
from skglmm.families.classes.thresholds import Classes, Thresholds

__all__ = ["linked"]

_STARTS = (0, 2, 5, 9)  # of the derivatives of each order in two cut points

Tensor = Sequence[Floats]  # a symmetric one in (upper, lower): by how often it is in the lower
Keys = Mapping[tuple[int, ...], int]


def linked(
    found: Sequence[Floats],
    ends: tuple[Floats, Floats],
    per_unit: Floats,
    thresholds: Thresholds,
    classes: Classes,
    packing: Packing,
) -> list[Floats]:
    """Return derivatives in the linear predictors, those of each order packed.

    Parameters
    ----------
    found : sequence of ndarray of shape (n,)
        Derivatives in the standardized cut points, those of the first order first; 2, 5 or 9.
    ends : tuple of ndarray of shape (n,)
        The upper and the lower standardized cut points, 0 for those at infinity.
    per_unit : ndarray, shape (n,) or (1,)
        One over the scale.
    thresholds : Thresholds
    classes : Classes
    packing : Packing
        Of the location, then the log scale, if it has a linear predictor, then the parameters of
        the cut points.
    """
    tensors = [found[start:stop] for start, stop in pairwise(_STARTS) if stop <= len(found)]
    first = packing.size - thresholds.matrix.shape[1]
    levels = _scaled(tensors, ends, per_unit, n_levels=len(tensors) + 1 if first > 1 else 1)
    rows: list[Keys] = [{(k,): k for k in range(packing.size)}, packing.pairs, packing.triples]
    return [
        _of_order(m, levels, thresholds, classes, here, first)
        for m, here in zip(range(1, len(tensors) + 1), rows, strict=False)
    ]


def _scaled(
    tensors: Sequence[Tensor], ends: tuple[Floats, Floats], per_unit: Floats, n_levels: int
) -> list[list[list[Floats]]]:
    """Derivatives in the cut points, 0 to 3 times, for each number of those in the log scale."""
    nothing: Tensor = [np.zeros_like(ends[0])]
    level: list[Tensor] = [nothing, *tensors]  # in units of the scale
    levels = [level]
    for _ in range(1, n_levels):
        level = [
            [-(m * own + more) for own, more in zip(here, _euler(there, ends), strict=True)]
            for m, (here, there) in enumerate(pairwise(level))
        ]
        levels.append(level)
    powers = [per_unit**m for m in range(len(tensors) + 1)]
    return [
        [[powers[m] * each for each in tensor] for m, tensor in enumerate(level)]
        for level in levels
    ]


def _euler(tensor: Tensor, ends: tuple[Floats, Floats]) -> list[Floats]:
    return [ends[0] * upper + ends[1] * lower for upper, lower in pairwise(tensor)]


def _of_order(
    order: int,
    levels: Sequence[Sequence[Tensor]],
    thresholds: Thresholds,
    classes: Classes,
    rows: Keys,
    first: int,
) -> Floats:
    """Derivatives of one order, (n_rows, n)."""
    out = np.empty((len(rows), len(classes.codes)))
    for n_scale in range(min(len(levels), order + 1)):
        tensor = levels[n_scale][order - n_scale]
        for n_location in range(order - n_scale + 1):
            head = (0,) * n_location + (1,) * n_scale
            if n_location + n_scale == order:
                out[rows[head]] = tensor[0]
            elif n_location + n_scale == order - 1:
                for j, part in enumerate(thresholds.along(classes, *tensor)):
                    out[rows[*head, first + j]] = part
            elif n_location + n_scale == order - 2:
                for (j, k), part in thresholds.twice(classes, *tensor).items():
                    out[rows[*head, first + j, first + k]] = part
            tensor = [-(upper + lower) for upper, lower in pairwise(tensor)]
    return out
