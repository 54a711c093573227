"""Correlated effects with standard deviations of their own."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.base import RIGHT, Correlation, unfolded
from skglmm.covariance.homogeneous import angle_edges, off_ends
from skglmm.covariance.natural import (
    Coordinate,
    Edge,
    EffectNames,
    Ends,
    NaturalParameter,
    standard_deviation,
    unknown,
)

__all__ = ["Heterogeneous"]


@dataclass(frozen=True)
class Heterogeneous(Covariance):
    """Standard deviations, one for each effect, times the factor of a correlation matrix.

    `theta` holds a square root of each standard deviation, and the angles of the correlation.
    A signed standard deviation would change the sign of some correlations, its root does not.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    """

    @property
    @abstractmethod
    def correlation(self) -> Correlation:
        """The correlation of the effects."""

    @property
    def n_params(self) -> int:
        return self.size + self.correlation.n_angles

    @property
    def spreads(self) -> Ints:
        return np.arange(self.size)

    def _cut(self, theta: Floats) -> tuple[Floats, Floats]:
        return theta[: self.size], theta[self.size :]

    def factor(self, theta: Floats) -> Floats:
        roots, angles = self._cut(theta)
        return np.asarray(np.square(roots)[:, None] * self.correlation.lower(angles))

    def move(self, theta: Floats, step: Floats) -> Floats:
        (roots, angles), (of_roots, of_angles) = self._cut(theta), self._cut(step)
        change = (2.0 * roots * of_roots)[:, None] * self.correlation.lower(angles)
        if np.any(of_angles):
            change += np.square(roots)[:, None] * self.correlation.move(angles, of_angles)
        return np.asarray(change)

    def moves(self, theta: Floats) -> Iterator[Floats]:
        roots, angles = self._cut(theta)
        lower = self.correlation.lower(angles)
        for i, root in enumerate(roots):
            change = np.zeros_like(lower)
            change[i] = 2.0 * root * lower[i]
            yield change
        for change in self.correlation.moves(angles):
            yield np.square(roots)[:, None] * change

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        roots, angles = self._cut(theta)
        lower = self.correlation.lower(angles)
        of_roots = np.einsum("ab,ab...->a...", 2.0 * roots[:, None] * lower, kernel)
        inner = np.einsum("a,ab...->ab...", np.square(roots), kernel)
        return np.concatenate([of_roots, self.correlation.slope(angles, inner)])

    def start(self, sds: Floats) -> Floats:
        return np.append(np.sqrt(sds), self.correlation.start())

    def scaled(self, theta: Floats, share: float) -> Floats:
        roots, angles = self._cut(theta)
        return np.append(np.sqrt(share) * roots, angles)

    def rectify(self, theta: Floats) -> Floats:
        roots, angles = self._cut(theta)
        return np.append(np.abs(roots), unfolded(angles))

    def zeros(self, theta: Floats) -> Bools:
        roots, angles = self._cut(theta)
        absent = np.asarray(roots == 0.0)
        untold = np.count_nonzero(~absent) < 2
        return np.append(absent, untold | (np.abs(angles) == RIGHT))

    def edges(self, theta: Floats) -> Sequence[Edge]:
        found = [Edge(np.array([i]), np.zeros(1), np.square(theta[[i]])) for i in range(self.size)]
        return [*found, *angle_edges(theta, self.size)]

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        roots, angles = self._cut(theta)
        moved = np.where(np.square(roots) < least, np.sqrt(least), roots)
        return np.append(moved, off_ends(angles, least))

    def governing(self, effect: int) -> Ints:
        return np.append(effect, np.arange(self.size, self.n_params))

    def names(self, labels: EffectNames) -> list[str]:
        return [*(labels.sd(i) for i in range(self.size)), *self.correlation.names(labels)]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        roots, angles = self._cut(theta)
        for i, (unit, root) in enumerate(zip(np.diag(basis), roots, strict=True)):
            slope = np.zeros(self.n_params)
            slope[i] = 2.0 * unit * root
            yield standard_deviation(labels.sd(i), float(unit * root**2), slope)
        if np.count_nonzero(roots) < 2:
            names = self.correlation.names(labels)
            yield from (unknown(name, self.n_params) for name in names)
            return
        for each in self.correlation.natural(angles, labels):
            none = np.full(self.size, 0.0 * each.gradient.sum())  # NaN stays NaN
            yield each._replace(gradient=np.append(none, each.gradient))

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        theta = self.rectify(theta)
        if which < self.size:
            square = partial(_squared, unit=float(basis[which, which]))
            return Coordinate(self, theta, which, (0.0, np.inf), (0.0, np.inf), square)
        correlation, place = self.correlation, which - self.size
        ends = correlation.ends(place)
        if np.count_nonzero(theta[: self.size]) < 2:
            return ends
        floors = (0, 1) if self.size == 2 else ()
        back = correlation.back(place)
        held, angles = correlation.holding(theta[self.size :], place)
        covariance = self if held is correlation else HeterogeneousBy(self.size, held)
        theta = np.append(theta[: self.size], angles)
        return Coordinate(covariance, theta, which, (-RIGHT, RIGHT), ends, back, floors)


@final
@dataclass(frozen=True)
class HeterogeneousBy(Heterogeneous):
    """Standard deviations and any correlation, for a profile.

    Parameters
    ----------
    size : int
    by : Correlation
    """

    by: Correlation

    @property
    def correlation(self) -> Correlation:
        return self.by


def _squared(root: Floats, unit: float) -> Floats:
    return np.asarray(unit * np.square(root))
