"""Correlated effects that have one standard deviation in common."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.base import RIGHT, Correlation, unfolded
from skglmm.covariance.natural import (
    Coordinate,
    Edge,
    EffectNames,
    Ends,
    NaturalParameter,
    standard_deviation,
    unknown,
)

__all__ = ["Homogeneous", "angle_edges", "off_ends"]


@dataclass(frozen=True)
class Homogeneous(Covariance):
    """A standard deviation times the factor of a correlation matrix.

    `theta` is the standard deviation, signed, and the angles of the correlation.

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
        return 1 + self.correlation.n_angles

    @property
    def pairs(self) -> Bools:
        return self.correlation.pairs

    @property
    def spreads(self) -> Ints:
        return np.array([0])

    @property
    def rescales(self) -> bool:
        return False  # there is one standard deviation for all

    def factor(self, theta: Floats) -> Floats:
        return np.asarray(theta[0] * self.correlation.lower(theta[1:]))

    def move(self, theta: Floats, step: Floats) -> Floats:
        correlation, angles = self.correlation, theta[1:]
        change = step[0] * correlation.lower(angles)
        if np.any(step[1:]):
            change += theta[0] * correlation.move(angles, step[1:])
        return np.asarray(change)

    def moves(self, theta: Floats) -> Iterator[Floats]:
        yield self.correlation.lower(theta[1:])
        for change in self.correlation.moves(theta[1:]):
            yield theta[0] * change

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        correlation, angles = self.correlation, theta[1:]
        of_sd = np.asarray(np.tensordot(correlation.lower(angles), kernel))
        return np.concatenate([of_sd[None], theta[0] * correlation.slope(angles, kernel)])

    def start(self, sds: Floats) -> Floats:
        return np.append(np.sqrt(np.mean(np.square(sds))), self.correlation.start())

    def scaled(self, theta: Floats, share: float) -> Floats:
        return np.append(share * theta[0], theta[1:])

    def rectify(self, theta: Floats) -> Floats:
        return np.append(np.abs(theta[0]), unfolded(theta[1:]))

    def zeros(self, theta: Floats) -> Bools:
        absent = bool(theta[0] == 0.0)
        return np.append(absent, absent | (np.abs(theta[1:]) == RIGHT))

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return [
            Edge(np.array([0]), np.zeros(1), np.abs(theta[:1])),
            *angle_edges(theta, 1),
        ]

    def at_ends(self, theta: Floats, labels: EffectNames) -> Iterator[str]:
        correlation = self.correlation
        for m, name in enumerate(correlation.names(labels) if theta[0] else ()):
            is_high = bool(theta[1 + m] > 0.0)
            meaning, end = correlation.meanings(m)[is_high], correlation.ends(m)[is_high]
            if meaning and abs(theta[1 + m]) == RIGHT:
                side = "upper" if is_high else "lower"
                yield f"{name} is at the {side} end of what it may be, {end:.6g}: {meaning}"

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        sd = least if abs(theta[0]) < least else theta[0]
        return np.append(sd, off_ends(theta[1:], least))

    def governing(self, effect: int) -> Ints:
        del effect
        return np.arange(self.n_params)

    def names(self, labels: EffectNames) -> list[str]:
        return [labels.of_all("sd"), *self.correlation.names(labels)]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        unit = float(np.copysign(basis[0, 0], theta[0]))
        slope = np.zeros(self.n_params)
        slope[0] = unit
        yield standard_deviation(labels.of_all("sd"), float(unit * theta[0]), slope)
        if theta[0] == 0.0:
            yield from (unknown(name, self.n_params) for name in self.names(labels)[1:])
            return
        for each in self.correlation.natural(theta[1:], labels):
            yield each._replace(gradient=np.append(each.gradient[:1] * 0.0, each.gradient))

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        theta = self.rectify(theta)
        if which == 0:
            times = partial(np.multiply, float(basis[0, 0]))
            return Coordinate(self, theta, 0, (0.0, np.inf), (0.0, np.inf), times)
        correlation = self.correlation
        if theta[0] == 0.0:
            return correlation.possible(which - 1)
        ends = correlation.ends(which - 1)
        back = correlation.back(which - 1)
        held, angles = correlation.holding(theta[1:], which - 1)
        covariance = self if held is correlation else HomogeneousBy(self.size, held)
        theta, meanings = np.append(theta[0], angles), correlation.meanings(which - 1)
        return Coordinate(covariance, theta, which, (-RIGHT, RIGHT), ends, back, (0,), meanings)

    def between(self, theta: Floats, points: Floats) -> Floats:
        try:
            found = self.correlation.between(theta[1:], points)
        except NotImplementedError:
            return super().between(theta, points)
        return np.asarray(theta[0] ** 2 * found)

    def among(self, theta: Floats, points: Floats) -> Floats:
        try:
            found = self.correlation.among(theta[1:], points)
        except NotImplementedError:
            return super().among(theta, points)
        return np.asarray(theta[0] ** 2 * found)


@final
@dataclass(frozen=True)
class HomogeneousBy(Homogeneous):
    """One standard deviation and any correlation, for a profile.

    Parameters
    ----------
    size : int
    by : Correlation
    """

    by: Correlation

    @property
    def correlation(self) -> Correlation:
        return self.by


def angle_edges(theta: Floats, first: int) -> list[Edge]:
    """Return the nearer end of each angle, which are all that come from a place on."""
    found = []
    for place in range(first, len(theta)):
        end = np.copysign(RIGHT, theta[place])
        found.append(
            Edge(np.array([place]), np.array([end]), np.abs(theta[place : place + 1] - end))
        )
    return found


def off_ends(angles: Floats, least: float) -> Floats:
    """Return angles at least so far from their ends."""
    near = RIGHT - np.abs(angles) < least
    return np.where(near, np.copysign(RIGHT - least, angles), angles)
