"""Linear predictors taken back into the reach of their links."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.links import Link

__all__ = ["within_reach"]


def within_reach(
    links: Sequence[Link], eta: Sequence[Floats]
) -> tuple[Sequence[Floats], Bools | None]:
    """Return linear predictors within reach, and which rows were not: None where all were.

    Predictors beyond become the end of the reach, and NaN becomes 0, as in the links' jets. The
    rows have shape (n,) or (1,).
    """
    ends = [link.reach for link in links]
    if all(
        not len(row) or (low <= row.min() and row.max() <= high)
        for row, (low, high) in zip(eta, ends, strict=True)
    ):
        return eta, None
    inside, outside = [], np.zeros(1, dtype=np.bool_)
    for row, (low, high) in zip(eta, ends, strict=True):
        outside = outside | ~((low <= row) & (row <= high))
        inside.append(np.clip(np.where(np.isnan(row), 0.0, row), low, high))
    return inside, outside
