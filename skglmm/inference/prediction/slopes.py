"""Slopes of functions of linear predictors by differences, with digits where these are few."""

from collections.abc import Callable, Sequence

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["slope_in", "with_digits"]

STEP = 1e-4  # of differences in a linear predictor: errors of 1e-8
FEW = 1e-9  # differences, relative to what they are of, that have few digits
LONG = (2e-3, 1e-2)  # steps of first and of second differences there, which are extrapolated


def slope_in(of: Callable[[list[Floats]], Floats], eta: Sequence[Floats], k: int) -> Floats:
    """Derivative of functions of the linear predictors in one of them, (n,) or (m, n)."""

    def end(move: float, rows: Ints | None) -> Floats:
        here = list(eta) if rows is None else [each[rows] for each in eta]
        return of([*here[:k], here[k] + move, *here[k + 1 :]])

    def rise(step: float, rows: Ints | None) -> Floats:
        return np.asarray((end(step, rows) - end(-step, rows)) / (2.0 * step))

    above = end(STEP, None)
    found = np.asarray((above - end(-STEP, None)) / (2.0 * STEP))
    return with_digits(found, STEP, above, rise, LONG[0])


def with_digits(
    found: Floats,
    scale: float,
    value: Floats,
    difference: Callable[[float, Ints | None], Floats],
    step: float,
) -> Floats:
    """Return differences, those that are mostly rounding by steps that are far longer.

    Means near 1 have few digits: those of their complement are lost in a short step.
    """
    few = np.abs(found) * scale < FEW * np.abs(value)
    rows = np.flatnonzero(few.reshape(-1, few.shape[-1]).any(axis=0))
    if rows.size:
        longer = 4.0 * difference(step, rows) - difference(2.0 * step, rows)
        found[..., rows] = longer / 3.0
    return found
