"""A variance that is given, and not estimated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance import Coordinate, Covariance, Edge, EffectNames, NaturalParameter

__all__ = ["Given"]

_NONE = np.zeros(0)


@final
@dataclass(frozen=True)
class Given(Covariance):
    """Effects that are independent, with a standard deviation that is given: `theta` is empty.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    std_dev : float
    """

    std_dev: float

    @property
    def n_params(self) -> int:
        return 0

    @property
    def pairs(self) -> Bools:
        return np.eye(self.size, dtype=np.bool_)

    @property
    def spreads(self) -> Ints:
        return np.zeros(0, dtype=np.intp)

    @property
    def rescales(self) -> bool:
        return False

    def factor(self, theta: Floats) -> Floats:
        del theta
        return self.std_dev * np.eye(self.size)

    def move(self, theta: Floats, step: Floats) -> Floats:
        del theta, step
        return np.zeros((self.size, self.size))

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        del theta
        return np.zeros((0, *kernel.shape[2:]))

    def information(self, theta: Floats, precisions: Floats) -> Floats:
        del theta, precisions
        return np.zeros((0, 0))

    def start(self, sds: Floats) -> Floats:
        del sds
        return _NONE

    def scaled(self, theta: Floats, share: float) -> Floats:
        del share
        return theta

    def rectify(self, theta: Floats) -> Floats:
        return theta

    def zeros(self, theta: Floats) -> Bools:
        del theta
        return np.zeros(0, dtype=np.bool_)

    def edges(self, theta: Floats) -> Sequence[Edge]:
        del theta
        return []

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        del least
        return theta

    def governing(self, effect: int) -> Ints:
        del effect
        return np.zeros(0, dtype=np.intp)

    def names(self, labels: EffectNames) -> list[str]:
        del labels
        return []

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        del theta, basis, labels
        yield from ()

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate:
        del theta, basis
        msg = f"a variance that is given has no parameter {which}"
        raise IndexError(msg)
