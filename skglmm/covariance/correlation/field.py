"""Correlations of a random field at points, which depend on distances alone."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist, pdist

from skglmm.arrays import Floats
from skglmm.covariance.correlation.base import Correlation
from skglmm.covariance.natural import EffectNames, Ends, NaturalParameter, bounded_positive

__all__ = ["JITTER", "Field", "Points", "points_of", "stretched"]

JITTER = 1e-10  # of the variance: what rounding needs where close points are all but one
LONG = (
    "the data tell no more than the ratio of variance to range, which any longer one keeps; write "
    "a trend in the coordinates, or leave the structure out"
)
SHORT = (
    "the effects of the closest points are as good as independent, as one for each place without "
    "a structure, or the residual of a Gaussian model"
)
START = 0.25  # range at which a fit begins, in shares of the largest distance
Points = tuple[tuple[float, ...], ...]


def points_of(points: Sequence[Sequence[float]] | Sequence[float] | Floats) -> Points:
    """Return points, shape (q, d) or (q,), as numbers that are hashable; refuse bad ones."""
    found = np.asarray(points, dtype=np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or len(found) < 2:
        msg = f"a random field needs 2 points or more, shape (q, d), got shape {found.shape}"
        raise ValueError(msg)
    if not np.all(np.isfinite(found)):
        msg = f"point {int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])} is not finite"
        raise ValueError(msg)
    rows = tuple(tuple(row) for row in found.tolist())
    seen: dict[tuple[float, ...], int] = {}
    for i, row in enumerate(rows):
        first = seen.setdefault(row, i)
        if first != i:
            msg = f"points {first} and {i} are both {row}; each place is one effect"
            raise ValueError(msg)
    return rows


def stretched(omega: Floats, low: float, high: float) -> Floats:
    """Return numbers from low to high, whose logarithms grow like sines of angles."""
    middle, half = 0.5 * np.log(low * high), 0.5 * np.log(high / low)
    return np.asarray(np.exp(middle + half * np.sin(omega)))


@lru_cache(maxsize=8)
def extent(points: Points) -> Ends:
    """Return the smallest and the largest distance."""
    distances = pdist(np.array(points))
    return float(distances.min()), float(distances.max())


@dataclass(frozen=True)
class Field(Correlation):
    r"""Correlations of distances; the first angle is that of the range.

    Angles are bounded below and above by ranges at which the correlation of the closest points
    is all but 0, and that of the farthest all but 1.

    Parameters
    ----------
    size : int
    points : tuple of tuple of float
        Of q points in d dimensions.
    """

    points: Points

    near: ClassVar[float] = 0.1  # ranges, in units of the smallest distance
    far: ClassVar[float] = 1000.0  # and of the largest
    kinds: ClassVar[tuple[str, ...]] = ("range",)  # what the angles stand for

    @property
    def n_angles(self) -> int:
        return len(self.kinds)

    def limits(self, which: int) -> Ends:
        """Return the ends of the range, or of another number that an angle stands for."""
        del which
        least, most = extent(self.points)
        return self.near * least, self.far * most

    def ends(self, which: int) -> Ends:
        return self.limits(which)

    def possible(self, which: int) -> Ends:
        del which
        return 0.0, np.inf

    def meanings(self, which: int) -> tuple[str, str]:
        del which
        return SHORT, LONG

    def back(self, which: int) -> Callable[[Floats], Floats]:
        low, high = self.limits(which)
        return partial(stretched, low=low, high=high)

    @abstractmethod
    def values(self, distances: Floats, numbers: Sequence[float]) -> Floats:
        """Return correlations and their derivatives in the logs of the natural parameters.

        Shape (1 + n_angles, ...), of distances above 0.
        """

    def numbers(self, angles: Floats) -> list[float]:
        """Return what the angles stand for."""
        return [float(stretched(angle, *self.limits(m))) for m, angle in enumerate(angles)]

    def rates(self, angles: Floats) -> Floats:
        """Return derivatives of the logs of `numbers` in their angles."""
        ends = [self.limits(m) for m in range(self.n_angles)]
        halves = [0.5 * np.log(high / low) for low, high in ends]
        return np.asarray(halves * np.cos(angles))

    def lower(self, angles: Floats) -> Floats:
        return _solved(self, tuple(np.asarray(angles).tolist()))[0]

    def move(self, angles: Floats, step: Floats) -> Floats:
        lower, changes = _solved(self, tuple(np.asarray(angles).tolist()))
        change = np.zeros_like(lower)
        for rate, moved in zip(self.rates(angles) * step, changes, strict=True):
            change += rate * moved
        return _moved(lower, change)

    def slope(self, angles: Floats, kernel: Floats) -> Floats:
        # With dC = C P(C^-1 dR C^-T), the lower half, the adjoint needs one pair of solutions for
        # all angles; where matrices are many, the changes are fewer.
        if kernel.ndim > 2:
            return super().slope(angles, kernel)
        lower, changes = _solved(self, tuple(np.asarray(angles).tolist()))
        inner = _halved(lower.T @ kernel)
        inner = solve_triangular(lower, inner, lower=True, trans=1)
        inner = solve_triangular(lower, inner.T, lower=True, trans=1)
        return np.asarray(self.rates(angles) * [np.vdot(inner, change) for change in changes])

    def start(self) -> Floats:
        return np.append(self.angle(START), np.zeros(self.n_angles - 1))

    def angle(self, share: float) -> float:
        """Return the angle of a range that is this share of the largest distance, off the ends."""
        low, high = self.limits(0)
        value = np.clip(share * extent(self.points)[1], 2.0 * low, 0.5 * high)
        middle, half = 0.5 * np.log(low * high), 0.5 * np.log(high / low)
        return float(np.arcsin((np.log(value) - middle) / half))

    def names(self, labels: EffectNames) -> list[str]:
        return [labels.of_all(kind) for kind in self.kinds]

    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        numbers, rates = self.numbers(angles), self.rates(angles)
        for m, name in enumerate(self.names(labels)):
            slope = np.zeros(self.n_angles)
            slope[m] = numbers[m] * rates[m]
            yield bounded_positive(name, numbers[m], slope, self.limits(m))

    def between(self, angles: Floats, points: Floats) -> Floats:
        return self._at(angles, self._placed(points), np.array(self.points))

    def among(self, angles: Floats, points: Floats) -> Floats:
        places = self._placed(points)
        return self._at(angles, places, places)

    def _placed(self, points: Floats) -> Floats:
        found, d = np.asarray(points, dtype=np.float64), len(self.points[0])
        found = found[:, None] if found.ndim == 1 else found
        if found.ndim != 2 or found.shape[1] != d:
            msg = f"new points need {d} coordinates, as the learned ones, got {found.shape}"
            raise ValueError(msg)
        return found

    def _at(self, angles: Floats, left: Floats, right: Floats) -> Floats:
        distances = cdist(left, right)
        out, apart = np.ones_like(distances), distances > 0
        values = self.values(distances[apart], self.numbers(angles))[0]
        out[apart] = values / (1.0 + JITTER)
        return out


@lru_cache(maxsize=2)
def _solved(field: Field, angles: tuple[float, ...]) -> tuple[Floats, tuple[Floats, ...]]:
    """Factor of the correlations, and their derivatives in the logs of natural parameters."""
    rows, columns = np.triu_indices(field.size, 1)
    distances = pdist(np.array(field.points))
    values = field.values(distances, field.numbers(np.array(angles))) / (1.0 + JITTER)
    full = np.zeros((len(values), field.size, field.size))
    full[:, rows, columns] = values
    full[:, columns, rows] = values
    every = np.arange(field.size)
    full[0, every, every] = 1.0
    lower = np.linalg.cholesky(full[0])
    lower.flags.writeable = False
    return lower, tuple(full[1:])


def _halved(matrix: Floats) -> Floats:
    """Lower triangle of a matrix, with half of its diagonal."""
    found = np.tril(matrix)
    every = np.arange(len(matrix))
    found[every, every] *= 0.5
    return found


def _moved(lower: Floats, change: Floats) -> Floats:
    """Change of a Cholesky factor with a change of its matrix."""
    inner = solve_triangular(lower, change, lower=True)
    inner = solve_triangular(lower, inner.T, lower=True)
    return np.asarray(lower @ _halved(inner))
