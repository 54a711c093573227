"""Covariances that are known, or given, and leave nothing to be estimated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, NaturalParameter

__all__ = ["Parameterless"]

_NONE = np.zeros(0)


@dataclass(frozen=True)
class Parameterless(Covariance):
    """Uncorrelated effects of known variances: `theta` is empty.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    Examples
    --------
    >>> from skglmm.covariance import Known, Parameterless
    >>> isinstance(Known(2), Parameterless), Known(2).n_params
    (True, 0)
    """

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
        del share  # it stays what it is
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
        msg = f"a covariance without parameters has no parameter {which}"
        raise IndexError(msg)
