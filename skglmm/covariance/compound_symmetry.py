"""Effects of which all pairs have the same correlation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import (
    Coordinate,
    Edge,
    EffectNames,
    Ends,
    NaturalParameter,
    bounded_correlation,
    standard_deviation,
)

__all__ = ["CompoundSymmetry"]

RIGHT = np.pi / 2


@final
@dataclass(frozen=True)
class CompoundSymmetry(Covariance):
    r"""Effects with standard deviations of their own and one correlation of all pairs.

    `theta` holds a square root of each standard deviation, and the angle :math:`\omega` with
    which the correlation, between :math:`-1 / (q - 1)` and 1, grows like :math:`\sin \omega`.
    Standard deviations of 0 and both ends of the correlation are ordinary inner points. A signed
    standard deviation would change the sign of some of the correlations, but its root does not.

    Parameters
    ----------
    size : int
        Number of effects of one level, q, at least two.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import CompoundSymmetry
    >>> factor = CompoundSymmetry(3).factor(np.array([1.0, 1.0, 2.0**0.5, 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[1.  , 0.25, 0.5 ],
           [0.25, 1.  , 0.5 ],
           [0.5 , 0.5 , 4.  ]])
    """

    def __post_init__(self) -> None:
        if self.size < 2:
            msg = f"compound symmetry needs at least 2 effects of a level, got {self.size}"
            raise ValueError(msg)

    @property
    def n_params(self) -> int:
        return self.size + 1

    @property
    def spreads(self) -> Ints:
        return np.arange(self.size)

    @property
    def _lowest(self) -> float:
        return -1.0 / (self.size - 1)

    def _correlation(self, omega: float) -> float:
        lowest = self._lowest
        return float(lowest + 0.5 * (1.0 - lowest) * (1.0 + np.sin(omega)))

    def _correlated(self, omega: float) -> tuple[Floats, Floats]:
        r"""Factor of the correlations and its derivative in the angle.

        Below the diagonal each column has one value. The roots of :math:`1 - \rho` and of
        :math:`1 + (q - 1) \rho` are sines, so that the factor is smooth at both ends as well.
        """
        q, half = self.size, 0.5 * (1.0 - self._lowest)
        rho, slope = self._correlation(omega), half * np.cos(omega)
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

    def factor(self, theta: Floats) -> Floats:
        sds = np.square(theta[:-1])
        return np.asarray(sds[:, None] * self._correlated(float(theta[-1]))[0])

    def move(self, theta: Floats, step: Floats) -> Floats:
        lower, change = self._correlated(float(theta[-1]))
        sds, moved = np.square(theta[:-1]), 2.0 * theta[:-1] * step[:-1]
        return np.asarray(moved[:, None] * lower + step[-1] * sds[:, None] * change)

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        lower, change = self._correlated(float(theta[-1]))
        of_sds = np.einsum("ab,ab...->a...", 2.0 * theta[:-1, None] * lower, kernel)
        of_angle = np.tensordot(np.square(theta[:-1])[:, None] * change, kernel)
        return np.concatenate([of_sds, np.asarray(of_angle)[None]])

    def start(self, sds: Floats) -> Floats:
        lowest = self._lowest
        return np.append(np.sqrt(sds), np.arcsin(-2.0 * lowest / (1.0 - lowest) - 1.0))

    def scaled(self, theta: Floats, share: float) -> Floats:
        return np.append(np.sqrt(share) * theta[:-1], theta[-1])

    def rectify(self, theta: Floats) -> Floats:
        omega = theta[-1] if abs(theta[-1]) <= RIGHT else np.arcsin(np.sin(theta[-1]))
        return np.append(np.abs(theta[:-1]), omega)

    def zeros(self, theta: Floats) -> Bools:
        absent = np.asarray(theta[:-1] == 0.0)
        told = np.count_nonzero(~absent) > 1 and abs(theta[-1]) != RIGHT
        return np.append(absent, not told)

    def edges(self, theta: Floats) -> Sequence[Edge]:
        end = np.copysign(RIGHT, theta[-1])
        found = [Edge(np.array([i]), np.zeros(1), np.square(theta[[i]])) for i in range(self.size)]
        last = Edge(np.array([self.size]), np.array([end]), np.abs(theta[-1:] - end))
        return [*found, last]

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        roots, omega = theta[:-1], theta[-1]
        near = RIGHT - abs(omega) < least
        return np.append(
            np.where(np.square(roots) < least, np.sqrt(least), roots),
            np.copysign(RIGHT - least, omega) if near else omega,
        )

    def governing(self, effect: int) -> Ints:
        return np.array([effect, self.size])

    def names(self, labels: EffectNames) -> list[str]:
        return [*(labels.sd(i) for i in range(self.size)), labels.of_all("corr")]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        units, names = np.diag(basis), self.names(labels)
        for i, (unit, root) in enumerate(zip(units, theta[:-1], strict=True)):
            slope = np.zeros(self.n_params)
            slope[i] = 2.0 * unit * root
            yield standard_deviation(names[i], float(unit * root**2), slope)
        slope = np.zeros(self.n_params)
        slope[-1] = 0.5 * (1.0 - self._lowest) * np.cos(theta[-1])
        known = np.count_nonzero(theta[:-1]) > 1
        value = self._correlation(float(theta[-1])) if known else np.nan
        yield bounded_correlation(names[-1], value, slope, self._lowest)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        theta, ends = self.rectify(theta), (self._lowest, 1.0)
        if which < self.size:
            back = partial(_squared, unit=float(basis[which, which]))
            return Coordinate(self, theta, which, (0.0, np.inf), (0.0, np.inf), back)
        if np.count_nonzero(theta[:-1]) < 2:
            return ends
        floors = (0, 1) if self.size == 2 else ()
        back = partial(_raised, lowest=self._lowest)
        return Coordinate(self, theta, which, (-RIGHT, RIGHT), ends, back, floors)


def _squared(root: Floats, unit: float) -> Floats:
    return np.asarray(unit * np.square(root))


def _raised(omega: Floats, lowest: float) -> Floats:
    return np.asarray(lowest + 0.5 * (1.0 - lowest) * (1.0 + np.sin(omega)))
