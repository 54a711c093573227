"""Effects of equally spaced times, whose correlation dies out with the distance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from scipy.linalg import toeplitz

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

__all__ = ["Autoregressive"]

RIGHT = np.pi / 2


@final
@dataclass(frozen=True)
class Autoregressive(Covariance):
    r"""First-order autoregression: effects j steps apart have the correlation :math:`\rho^j`.

    `theta` is their common standard deviation, signed, and the angle :math:`\omega` with
    :math:`\rho = \sin \omega`: correlations of -1 and 1 are ordinary inner points.

    Parameters
    ----------
    size : int
        Number of effects of one level, at least two.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Autoregressive
    >>> factor = Autoregressive(3).factor(np.array([2.0, np.arcsin(0.5)]))
    >>> (factor @ factor.T).round(3)
    array([[4., 2., 1.],
           [2., 4., 2.],
           [1., 2., 4.]])
    """

    def __post_init__(self) -> None:
        if self.size < 2:
            msg = f"an autoregression needs at least 2 effects of a level, got {self.size}"
            raise ValueError(msg)

    @property
    def n_params(self) -> int:
        return 2

    @property
    def spreads(self) -> Ints:
        return np.array([0])

    @property
    def rescales(self) -> bool:
        return False  # there is one standard deviation for all

    def _correlated(self, omega: float) -> tuple[Floats, Floats]:
        """Factor of the correlations and its derivative in the angle."""
        rho, rest = np.sin(omega), np.sin(RIGHT - abs(omega))  # the cosine, exactly 0 at the end
        steps = np.arange(self.size)
        powers = rho**steps
        slopes = steps * rho ** np.maximum(steps - 1, 0) * rest
        nothing = np.zeros(self.size)  # above the diagonal
        factor = toeplitz(powers * rest, nothing)
        slope = toeplitz(slopes * rest - powers * rho, nothing)
        factor[:, 0], slope[:, 0] = powers, slopes
        return factor, slope

    def factor(self, theta: Floats) -> Floats:
        return np.asarray(theta[0] * self._correlated(float(theta[1]))[0])

    def move(self, theta: Floats, step: Floats) -> Floats:
        factor, slope = self._correlated(float(theta[1]))
        return np.asarray(step[0] * factor + step[1] * theta[0] * slope)

    def start(self, sds: Floats) -> Floats:
        return np.array([np.sqrt(np.mean(np.square(sds))), 0.0])

    def scaled(self, theta: Floats, share: float) -> Floats:
        return np.asarray(theta * [share, 1.0])

    def rectify(self, theta: Floats) -> Floats:
        sd, omega = theta
        return np.array([abs(sd), omega if abs(omega) <= RIGHT else np.arcsin(np.sin(omega))])

    def zeros(self, theta: Floats) -> Bools:
        return np.array([theta[0] == 0.0, theta[0] == 0.0 or abs(theta[1]) == RIGHT])

    def edges(self, theta: Floats) -> Sequence[Edge]:
        end = np.copysign(RIGHT, theta[1])
        return [
            Edge(np.array([0]), np.zeros(1), np.abs(theta[:1])),
            Edge(np.array([1]), np.array([end]), np.abs(theta[1:] - end)),
        ]

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        sd, omega = theta
        most = RIGHT - least
        near = RIGHT - abs(omega) < least
        return np.array(
            [least if abs(sd) < least else sd, np.copysign(most, omega) if near else omega]
        )

    def governing(self, effect: int) -> Ints:
        del effect
        return np.arange(2)

    def names(self, labels: EffectNames) -> list[str]:
        return [labels.of_all("sd"), labels.of_all("rho")]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        unit, rho = float(np.copysign(basis[0, 0], theta[0])), float(np.sin(theta[1]))
        sd_name, rho_name = self.names(labels)
        yield standard_deviation(sd_name, float(unit * theta[0]), np.array([unit, 0.0]))
        slope = np.array([0.0, np.cos(theta[1])])
        yield bounded_correlation(rho_name, rho if theta[0] else np.nan, slope)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        theta = self.rectify(theta)
        if which == 0:
            back = partial(np.multiply, float(basis[0, 0]))
            return Coordinate(self, theta, 0, (0.0, np.inf), (0.0, np.inf), back)
        if theta[0] == 0.0:
            return (-1.0, 1.0)
        return Coordinate(self, theta, 1, (-RIGHT, RIGHT), (-1.0, 1.0), np.sin, floors=(0,))
