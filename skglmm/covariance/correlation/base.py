"""Correlations of the effects of one level, as functions of angles, beside their variances."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.covariance.natural import EffectNames, Ends, NaturalParameter, bounded_correlation

__all__ = ["RIGHT", "Correlation", "Exchangeable", "Steps", "Uncorrelated", "unfolded"]

RIGHT = np.pi / 2
START = 0.3  # correlation of the closest times at which a fit begins that cannot begin at 0


@dataclass(frozen=True)
class Correlation(ABC):
    r"""Correlation matrix :math:`R = C C^T` of the effects of one level, given by angles.

    Angles have no bounds: what they stand for moves with their sines, so that both ends of its
    range are ordinary inner points, about which the correlation matrix is even.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    """

    size: int

    @property
    @abstractmethod
    def n_angles(self) -> int:
        """Number of angles, and of natural parameters."""

    @property
    def pairs(self) -> Bools:
        """Which effects may be correlated with each other, and themselves, shape (q, q)."""
        return np.ones((self.size, self.size), dtype=np.bool_)

    @abstractmethod
    def lower(self, angles: Floats) -> Floats:
        """Return the lower-triangular factor C, shape (q, q)."""

    @abstractmethod
    def move(self, angles: Floats, step: Floats) -> Floats:
        """Return the change of the factor, shape (q, q), along a `step` of the angles."""

    def moves(self, angles: Floats) -> Iterator[Floats]:
        """Yield the change of the factor, shape (q, q), with each angle."""
        for step in np.eye(self.n_angles):
            yield self.move(angles, step)

    def slope(self, angles: Floats, kernel: Floats) -> Floats:
        """Return inner products of the derivative with matrices, (n_angles, ...)."""
        found = [np.tensordot(change, kernel) for change in self.moves(angles)]
        return np.array(found).reshape(self.n_angles, *kernel.shape[2:])

    @abstractmethod
    def start(self) -> Floats:
        """Return the angles of independent effects, or of moderately correlated ones."""

    @abstractmethod
    def names(self, labels: EffectNames) -> list[str]:
        """Return the name of the natural parameter that each angle governs."""

    @abstractmethod
    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        """Yield natural parameters, with slopes in the angles."""

    @abstractmethod
    def ends(self, which: int) -> Ends:
        """Return the ends of the range of a natural parameter."""

    def possible(self, which: int) -> Ends:
        """Return the ends of what a natural parameter may be where it has no effect."""
        return self.ends(which)

    def meanings(self, which: int) -> tuple[str, str]:
        """Return what its ends mean where they are chosen ones, see `Coordinate`."""
        del which
        return "", ""

    @abstractmethod
    def back(self, which: int) -> Callable[[Floats], Floats]:
        """Return the map from an angle to its natural parameter, which increases."""

    def holding(self, angles: Floats, which: int) -> "tuple[Correlation, Floats]":
        """Return the same correlation by angles of which one alone tells a natural parameter."""
        del which
        return self, angles

    def between(self, angles: Floats, points: Floats) -> Floats:
        """Return the correlations of effects at new points with the learned ones, (m, q)."""
        raise NotImplementedError(angles, points)

    def among(self, angles: Floats, points: Floats) -> Floats:
        """Return the correlations of effects at new points with each other, (m, m)."""
        raise NotImplementedError(angles, points)


def unfolded(angles: Floats) -> Floats:
    """Return the same sines by angles between -RIGHT and RIGHT."""
    angles = np.asarray(angles, dtype=np.float64)
    return np.where(np.abs(angles) <= RIGHT, angles, np.arcsin(np.sin(angles)))


@dataclass(frozen=True)
class Uncorrelated(Correlation):
    """No correlation, and no angles."""

    @property
    def n_angles(self) -> int:
        return 0

    @property
    def pairs(self) -> Bools:
        return np.eye(self.size, dtype=np.bool_)

    def lower(self, angles: Floats) -> Floats:
        del angles
        return np.eye(self.size)

    def move(self, angles: Floats, step: Floats) -> Floats:
        del angles, step
        return np.zeros((self.size, self.size))

    def start(self) -> Floats:
        return np.zeros(0)

    def names(self, labels: EffectNames) -> list[str]:
        del labels
        return []

    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        del angles, labels
        yield from ()

    def ends(self, which: int) -> Ends:
        raise IndexError(which)

    def back(self, which: int) -> Callable[[Floats], Floats]:
        raise IndexError(which)


@dataclass(frozen=True)
class Exchangeable(Correlation):
    r"""One correlation of all pairs, between :math:`-1 / (q - 1)` and 1; it grows like a sine."""

    @property
    def n_angles(self) -> int:
        return 1

    @property
    def _lowest(self) -> float:
        return -1.0 / (self.size - 1)

    def _both(self, omega: float) -> tuple[Floats, Floats]:
        r"""Factor of the correlations and its derivative in the angle.

        Below the diagonal each column has one value. The roots of :math:`1 - \rho` and of
        :math:`1 + (q - 1) \rho` are sines, so that the factor is smooth at both ends as well.
        """
        q, half = self.size, 0.5 * (1.0 - self._lowest)
        rho, slope = float(_raised(np.array(omega), self._lowest)), half * np.cos(omega)
        above, below = (RIGHT - omega) / 2.0, (RIGHT + omega) / 2.0
        high, high_slope = np.sqrt(2.0 * half) * np.array([np.sin(above), -np.cos(above) / 2.0])
        low, low_slope = np.sqrt(2.0 * half * (q - 1)) * np.array(
            [np.sin(below), np.cos(below) / 2.0]
        )
        lower, change = np.zeros((q, q)), np.zeros((q, q))
        lower[0, 0], lower[1:, 0], change[1:, 0] = 1.0, rho, slope
        for j in range(1, q):
            before = 1.0 + (j - 1) * rho
            bent = 0.5 * (j - 1) * slope / before
            if j < q - 1:
                here = 1.0 + j * rho
                root, root_slope = np.sqrt(here), 0.5 * j * slope / np.sqrt(here)
                side = rho * high / np.sqrt(before * here)
                lower[j + 1 :, j] = side
                change[j + 1 :, j] = (slope * high + rho * high_slope) / np.sqrt(
                    before * here
                ) - side * (bent + 0.5 * j * slope / here)
            else:
                root, root_slope = low, low_slope
            lower[j, j] = high * root / np.sqrt(before)
            change[j, j] = (high_slope * root + high * root_slope) / np.sqrt(before)
            change[j, j] -= lower[j, j] * bent
        return lower, change

    def lower(self, angles: Floats) -> Floats:
        return self._both(float(angles[0]))[0]

    def move(self, angles: Floats, step: Floats) -> Floats:
        return np.asarray(step[0] * self._both(float(angles[0]))[1])

    def start(self) -> Floats:
        return np.array([np.arcsin(-2.0 * self._lowest / (1.0 - self._lowest) - 1.0)])

    def names(self, labels: EffectNames) -> list[str]:
        return [labels.of_all("corr")]

    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        slope = 0.5 * (1.0 - self._lowest) * np.cos(angles)
        value = float(_raised(angles[0], self._lowest))
        yield bounded_correlation(self.names(labels)[0], value, slope, self._lowest)

    def ends(self, which: int) -> Ends:
        del which
        return (self._lowest, 1.0)

    def back(self, which: int) -> Callable[[Floats], Floats]:
        del which
        return partial(_raised, lowest=self._lowest)


def _raised(omega: Floats, lowest: float) -> Floats:
    return np.asarray(lowest + 0.5 * (1.0 - lowest) * (1.0 + np.sin(omega)))


@dataclass(frozen=True)
class Steps(Correlation):
    r"""First-order autoregression in whole steps: :math:`\rho^{|t_i - t_j|}, \rho = \sin\omega`.

    Parameters
    ----------
    size : int
    times : tuple of int, length q
        They increase.
    """

    times: tuple[int, ...]

    @property
    def n_angles(self) -> int:
        return 1

    def _both(self, omega: float) -> tuple[Floats, Floats]:
        return _stepped(self.times, omega)

    def lower(self, angles: Floats) -> Floats:
        return self._both(float(angles[0]))[0]

    def move(self, angles: Floats, step: Floats) -> Floats:
        return np.asarray(step[0] * self._both(float(angles[0]))[1])

    def start(self) -> Floats:
        step = int(np.diff(self.times).min())
        # Where no two times are a single step apart, powers of a correlation of 0 do not move.
        return np.zeros(1) if step == 1 else np.array([np.arcsin(START ** (1.0 / step))])

    def names(self, labels: EffectNames) -> list[str]:
        return [labels.of_all("rho")]

    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        value = float(np.sin(angles[0]))
        yield bounded_correlation(self.names(labels)[0], value, np.cos(angles))

    def ends(self, which: int) -> Ends:
        del which
        return (-1.0, 1.0)

    def back(self, which: int) -> Callable[[Floats], Floats]:
        del which
        return np.sin

    def between(self, angles: Floats, points: Floats) -> Floats:
        return self._at(angles, whole_times(points)[:, None] - np.array(self.times))

    def among(self, angles: Floats, points: Floats) -> Floats:
        times = whole_times(points)
        return self._at(angles, times[:, None] - times)

    def _at(self, angles: Floats, steps: Floats) -> Floats:
        return np.asarray(np.sin(angles[0]) ** np.abs(steps))


def whole_times(points: Floats) -> Floats:
    """Return times, shape (m,) or (m, 1), as whole numbers; refuse others."""
    times = np.asarray(points, dtype=np.float64).reshape(len(points))
    broken = times != np.round(times)
    if np.any(broken):
        msg = (
            f"an autoregression has whole times, got {times[broken][0]:g}; "
            "ou(...) takes any numbers"
        )
        raise ValueError(msg)
    return times


@lru_cache(maxsize=4)  # which a fit asks for several times at one angle
def _stepped(times: tuple[int, ...], omega: float) -> tuple[Floats, Floats]:
    """Factor of the correlations and its derivative in the angle: one step at a time.

    After a gap of g steps the innovation has the standard deviation
    cos(omega) sqrt(1 + rho^2 + ... + rho^(2g - 2)), which is smooth at both ends.
    """
    rho, rest = np.sin(omega), np.sin(RIGHT - abs(omega))  # the cosine, exactly 0 at the end
    at, tri = np.array(times), np.tri(len(times))
    steps = np.maximum(at[:, None] - at, 0)
    powers = rho**steps * tri
    slopes = steps * rho ** np.maximum(steps - 1, 0) * rest * tri
    gaps, place = np.unique(np.diff(at), return_inverse=True)
    pairs = np.array([_series(int(gap), rho) for gap in gaps]).reshape(-1, 2)
    sums, bends = pairs[place.ravel()].T
    roots = np.sqrt(sums)
    news = np.append(1.0, rest * roots)
    turns = np.append(0.0, -rho * roots + 0.5 * rest**2 * bends / roots)
    found = powers * news, slopes * news + powers * turns
    for each in found:
        each.flags.writeable = False
    return found


def _series(n: int, rho: float) -> tuple[float, float]:
    """Sum of rho^(2m) over m < n, and its derivative in rho, by doubling: no gap is too long."""
    size = abs(rho)
    value, slope, count = 0.0, 0.0, 0
    for digit in f"{n:b}":
        power = size ** (2 * count)
        turn = 2 * count * size ** (2 * count - 1) if count else 0.0
        value, slope = value * (1.0 + power), slope * (1.0 + power) + value * turn
        count *= 2
        if digit == "1":
            value, slope = 1.0 + size**2 * value, size**2 * slope + 2.0 * size * value
            count += 1
    return value, float(np.copysign(slope, rho))
