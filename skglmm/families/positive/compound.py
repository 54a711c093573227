"""Compound Poisson sums of gamma variables: probabilities and draws."""

from collections.abc import Callable, Iterator
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import gammainc, gammaincc

from skglmm.arrays import Floats, Ints
from skglmm.families.positive.moments import within_support
from skglmm.special import exp_excess, log_gamma_remainder

__all__ = ["Compound"]

GROUP = 3.0  # width of groups of rows that share numbers of parts, in square roots of their mean
NEGLIGIBLE = 45.0  # logs of probabilities below the largest
STEP = 1.5  # of a sum in place of an integral, in 1 / standard deviations
ROWS = 2**11  # at a time
LARGE = 1e14  # numbers of parts whose sum is a gamma variable as good as exactly


class Compound(NamedTuple):
    """A Poisson number of parts, each of them gamma distributed.

    Parameters
    ----------
    number : ndarray, shape (n,)
        Mean number of parts.
    shape : ndarray, shape (n,)
        Of the gamma distribution of one part.
    scale : ndarray, shape (n,)
        Likewise.
    """

    number: Floats
    shape: Floats
    scale: Floats

    def below(self, y: Floats) -> Floats:
        """Return the probabilities of sums up to `y`, (n,)."""
        result = self._mixed(y, gammainc)
        result += np.where(y >= 0.0, np.exp(-self.number), 0.0)
        return np.minimum(result, 1.0)

    def above(self, y: Floats) -> Floats:
        """Return the probabilities of sums above `y`, (n,)."""
        result = self._mixed(y, gammaincc)
        return np.where(y < 0.0, 1.0, np.minimum(result, 1.0))

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return a sum for each row."""
        large = self.number > LARGE
        parts = np.asarray(rng.poisson(np.where(large, 1.0, self.number)), dtype=np.float64)
        sums = self._sums()
        shape = np.where(large, sums.shape, self.shape * np.maximum(parts, 1.0))
        draws = np.where(large, sums.scale, self.scale) * rng.standard_gamma(shape)
        return np.where((parts > 0.0) | large, within_support(draws), 0.0)

    def _sums(self) -> "Compound":
        """Return single gamma variables with the means and variances of the sums."""
        scale = self.scale * (1.0 + self.shape)
        return Compound(np.ones_like(scale), self.number * (self.shape / (1.0 + self.shape)), scale)

    def _mixed(self, y: Floats, tail: Callable[[Floats, Floats], Floats]) -> Floats:
        """Average the probabilities of gamma sums over positive numbers of parts."""
        result = np.zeros(len(self.number))
        ratio = np.maximum(y, 0.0) / self.scale
        large = self.number > LARGE
        sums = self._sums()
        result[large] = tail(sums.shape[large], ratio[large] / (1.0 + self.shape[large]))
        for rows in self._groups(np.flatnonzero(~large)):
            number, shape = self.number[rows], self.shape[rows]
            j, step = _numbers(number, float(shape.max()))
            away = np.log(number)[:, None] - np.log(j)
            deviance = j * exp_excess(away.ravel()).reshape(away.shape)
            weight = np.exp(-deviance - log_gamma_remainder(j, 0)[0])
            weight *= step / np.sqrt(2.0 * np.pi * j)
            some = tail(shape[:, None] * j, ratio[rows][:, None])
            result[rows] = (weight * some).sum(axis=1)
        return result

    def _groups(self, rows: Ints) -> Iterator[Ints]:
        place = np.floor(np.sqrt(self.number[rows]) / GROUP)
        order = np.argsort(place, kind="stable")
        for some in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
            for start in range(0, len(some), ROWS):
                yield rows[some[start : start + ROWS]]


def _numbers(number: Floats, shape: float) -> tuple[Floats, int]:
    """Return numbers of parts, (J,), that are as probable as matters, and the step between them."""
    low, high = float(number.min()), float(number.max())
    first = max(1, floor(low - sqrt(2.0 * NEGLIGIBLE * low)) - 1)
    last = ceil((sqrt(high) + sqrt(0.5 * NEGLIGIBLE)) ** 2) + 1
    step = 1
    if low > NEGLIGIBLE:  # none is as good as impossible
        step = max(1, floor(sqrt(low / max(1.0, shape)) / STEP))
    return np.arange(first, last + step, step, dtype=np.float64), step
