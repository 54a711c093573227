"""The log density of rows with its derivatives, and its Taylor expansion."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.families import Packing

__all__ = ["AnyRows", "Move", "MovedRows", "Rows", "moved"]

Move = Sequence[Floats | None]  # of each predictor, (n,) or (1,); None where it stays


class Rows(NamedTuple):
    """Weighted log density of a shard and its derivatives, packed as in `LogDensity`."""

    value: float
    grad: Floats
    hess: Floats
    third: Floats | None = None

    def to_second(self) -> "Rows":
        """Return the value, and derivatives up to the second."""
        return self


@dataclass(frozen=True)
class MovedRows:
    """Rows where the linear predictors have moved a little, by Taylor's formula.

    Derivatives are computed each time they are asked for, and nowhere stored. Errors are of the
    order of the fourth power of the move in the value, of the third and the second in the first
    and second derivatives.

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
    """

    rows: "AnyRows"
    move: Move
    packing: Packing
    active: Sequence[int]
    slopes: Mapping[int, Floats] | None = None

    @property
    def value(self) -> float:
        """Weighted log density."""
        return self.to_second().value

    @property
    def grad(self) -> Floats:
        """First derivatives."""
        return self.to_second().grad

    @property
    def hess(self) -> Floats:
        """Second derivatives, packed."""
        rows, packing = self.rows, self.packing
        assert rows.third is not None
        hess = np.empty_like(rows.hess)
        for key, row in packing.pairs.items():
            if any(j in self.active for j in key):
                change = _along(rows.third, self.move, packing, key)
                np.add(rows.hess[row], change, out=hess[row])
            else:
                hess[row] = rows.hess[row]
        return hess

    @property
    def third(self) -> Floats:
        """Third derivatives, packed."""
        known, packing, slopes = self.rows.third, self.packing, self.slopes
        assert known is not None
        if slopes is None:
            return known
        third = np.empty_like(known)
        for key, row in packing.triples.items():
            if sum(j in self.active for j in key) >= 2:
                one, *others = sorted(key, key=lambda j: j not in self.active)
                np.add(known[row], _along(slopes[one], self.move, packing, others), out=third[row])
            else:
                third[row] = known[row]
        return third

    def to_second(self) -> Rows:
        """Return the value, and derivatives up to the second."""
        rows, move, packing = self.rows, self.move, self.packing
        hess, value, grad = self.hess, rows.value, np.empty_like(rows.grad)
        for j, own in enumerate(move):
            before, after = (_along(each, move, packing, (j,)) for each in (rows.hess, hess))
            if own is not None:
                value += _inner(own, rows.grad[j]) + _inner(own, before) / 3.0
                value += _inner(own, after) / 6.0
            before += after
            before *= 0.5
            np.add(rows.grad[j], before, out=grad[j])
        return Rows(value, grad, hess)


AnyRows = Rows | MovedRows


def moved(
    rows: AnyRows,
    move: Move,
    packing: Packing,
    active: Sequence[int],
    slopes: Mapping[int, Floats] | None = None,
) -> Rows:
    """Return the rows where the linear predictors have moved a little, see `MovedRows`."""
    there = MovedRows(rows, move, packing, active, slopes)
    return there.to_second()._replace(third=there.third)


def _along(rates: Floats, move: Move, packing: Packing, key: Sequence[int]) -> Floats:
    found: Floats | None = None
    for rate, step in _factors(rates, move, packing, key):
        if found is None:
            found = rate * step
        else:
            found += rate * step
    return np.zeros(rates.shape[1]) if found is None else found


def _factors(
    rates: Floats, move: Move, packing: Packing, key: Sequence[int]
) -> Iterator[tuple[Floats, Floats]]:
    """Derivatives that are kept, in one predictor more, and how far that has moved."""
    for m, row in packing.further(key):
        step = move[m]
        if step is not None:
            yield rates[row], step


def _inner(own: Floats, row: Floats) -> float:
    return float(own @ row) if len(own) == len(row) else float(own[0] * row.sum())
