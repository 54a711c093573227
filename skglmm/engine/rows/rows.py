"""The log density of rows with its derivatives, and its Taylor expansion."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.families import Packing

__all__ = ["Move", "Rows", "moved"]

Move = Sequence[Floats | None]  # of each predictor, (n,) or (1,); None where it stays


class Rows(NamedTuple):
    """Weighted log density of a shard and its derivatives, packed as in `LogDensity`."""

    value: float
    grad: Floats
    hess: Floats
    third: Floats | None = None


def moved(
    rows: Rows,
    move: Move,
    packing: Packing,
    active: Sequence[int],
    slopes: Mapping[int, Floats] | None = None,
) -> Rows:
    """Return the rows where the linear predictors have moved a little, by Taylor's formula.

    Parameters
    ----------
    rows : Rows
        With derivatives up to the third.
    move : sequence of ndarray, or None where a predictor stays
    packing : Packing
        Of the derivatives.
    active : sequence of int
        Predictors that random effects feed; second derivatives without any of them, and third
        ones without two of them, stay as they are, for nothing asks for them.
    slopes : mapping from int to ndarray, or None
        Derivatives of `rows.third` in each active predictor; without them these stay, too.

    Returns
    -------
    Rows
        With errors of the order of the fourth power of the move in the value, of the third and
        the second in the first and second derivatives.
    """
    assert rows.third is not None
    hess = rows.hess.copy()
    for key, row in packing.pairs.items():
        if any(j in active for j in key):
            _add(hess[row], rows.third, move, packing, key)
    value, grad = rows.value, rows.grad.copy()
    for j, own in enumerate(move):
        before, after = (_along(each, move, packing, (j,)) for each in (rows.hess, hess))
        if own is not None:
            value += float(np.sum(own * (grad[j] + before / 3.0 + after / 6.0)))
        grad[j] += 0.5 * (before + after)
    if slopes is None:
        return Rows(value, grad, hess, rows.third)
    third = rows.third.copy()
    for key, row in packing.triples.items():
        if sum(j in active for j in key) >= 2:
            one, *others = sorted(key, key=lambda j: j not in active)
            _add(third[row], slopes[one], move, packing, others)
    return Rows(value, grad, hess, third)


def _along(rates: Floats, move: Move, packing: Packing, key: Sequence[int]) -> Floats:
    out = np.zeros(rates.shape[1])
    _add(out, rates, move, packing, key)
    return out


def _add(out: Floats, rates: Floats, move: Move, packing: Packing, key: Sequence[int]) -> None:
    """Add how much the derivative in `key` changes, from the derivatives of the next order."""
    for m, step in enumerate(move):
        row = packing.row(*key, m)
        if step is not None and row is not None:
            out += rates[row] * step
