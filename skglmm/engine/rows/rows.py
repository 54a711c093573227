"""The log density of rows with its derivatives, and its Taylor expansion."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.families import packed, packed_rows

__all__ = ["Move", "Rows", "moved"]

Move = Sequence[Floats | None]  # of each predictor, (n,) or (1,); None where it stays


class Rows(NamedTuple):
    """Weighted log density of a shard and its derivatives, packed as in `LogDensity`."""

    value: float
    grad: Floats
    hess: Floats
    third: Floats | None = None


def moved(
    rows: Rows, move: Move, active: Sequence[int], slopes: Mapping[int, Floats] | None = None
) -> Rows:
    """Return the rows where the linear predictors have moved a little, by Taylor's formula.

    Parameters
    ----------
    rows : Rows
        With derivatives up to the third.
    move : sequence of ndarray, or None where a predictor stays
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
    n_predictors, hess = len(rows.grad), rows.hess.copy()
    for key, row in packed_rows(n_predictors, 2).items():
        if any(j in active for j in key):
            rates = [rows.third[packed(n_predictors, *key, m)] for m in range(n_predictors)]
            _add(hess[row], rates, move)
    value, grad = rows.value, np.empty_like(rows.grad)
    for j, own in enumerate(move):
        before, after = (
            _along([each[packed(n_predictors, j, m)] for m in range(n_predictors)], move)
            for each in (rows.hess, hess)
        )
        if own is not None:
            value += _inner(own, rows.grad[j]) + _inner(own, before) / 3.0
            value += _inner(own, after) / 6.0
        before += after
        before *= 0.5
        np.add(rows.grad[j], before, out=grad[j])
    if slopes is None:
        return Rows(value, grad, hess, rows.third)
    third = rows.third.copy()
    for key, row in packed_rows(n_predictors, 3).items():
        if sum(j in active for j in key) >= 2:
            one, *others = sorted(key, key=lambda j: j not in active)
            rates = [slopes[one][packed(n_predictors, *others, m)] for m in range(n_predictors)]
            _add(third[row], rates, move)
    return Rows(value, grad, hess, third)


def _along(rates: Sequence[Floats], move: Move) -> Floats:
    pairs = [(rate, step) for rate, step in zip(rates, move, strict=True) if step is not None]
    if not pairs:
        return np.zeros(len(rates[0]))
    (rate, step), *others = pairs
    out = rate * step
    for rate, step in others:
        out += rate * step
    return out


def _add(out: Floats, rates: Sequence[Floats], move: Move) -> None:
    for rate, step in zip(rates, move, strict=True):
        if step is not None:
            out += rate * step


def _inner(own: Floats, row: Floats) -> float:
    return float(own @ row) if len(own) == len(row) else float(own[0] * row.sum())
