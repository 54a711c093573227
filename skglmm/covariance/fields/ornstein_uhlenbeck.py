"""Effects of any times, whose correlation dies out with the time between them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.field import points_of, stretched
from skglmm.covariance.fields.exponential import Exponential, ExponentialField
from skglmm.covariance.fields.random_field import RandomField
from skglmm.covariance.natural import EffectNames, Ends, NaturalParameter, persistence

__all__ = ["OrnsteinUhlenbeck"]


LOOSE = (
    "the effects of the closest times are as good as independent, as one for each time without a "
    "structure, or the residual of a Gaussian model"
)
FIRM = (
    "the data tell no more than how fast the process wanders, which any correlation closer to 1 "
    "keeps with a larger variance; write a trend in time, or leave the structure out"
)


@final
@dataclass(frozen=True, init=False, repr=False)
class OrnsteinUhlenbeck(RandomField):
    r"""Ornstein-Uhlenbeck process, AR(1) in continuous time: :math:`\sigma^2 \rho^{|t_i - t_j|}`.

    The natural parameter is :math:`\rho = e^{-1 / \text{range}}`, the correlation over one unit
    of time, above 0. `theta` is the standard deviation, signed, and the angle of the range, which
    lies between 0.1 of the smallest gap and 1,000 times the whole time; see `RandomField`.

    Parameters
    ----------
    times : array-like, shape (q,)
        Any distinct numbers, which increase.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import OrnsteinUhlenbeck
    >>> covariance = OrnsteinUhlenbeck([0.0, 0.5, 2.0])
    >>> factor = covariance.factor(covariance.start(np.ones(3)))
    >>> (factor @ factor.T).round(3)
    array([[1.   , 0.368, 0.018],
           [0.368, 1.   , 0.05 ],
           [0.018, 0.05 , 1.   ]])
    """

    def __init__(self, times: Sequence[float] | Floats) -> None:
        found = np.asarray(times, dtype=np.float64)
        if found.ndim > 1:
            found = found[:, 0] if found.shape[1] == 1 else found
        if found.ndim != 1 or len(found) < 2 or not np.all(np.diff(found) > 0):
            msg = f"an Ornstein-Uhlenbeck process needs 2 or more times that increase, got {times}"
            raise ValueError(msg)
        object.__setattr__(self, "points", points_of(found))
        object.__setattr__(self, "size", len(found))

    @property
    def title(self) -> str:
        return "Ornstein-Uhlenbeck"

    @property
    def correlation(self) -> "Process":
        return Process(self.size, self.points)

    def contains(self, other: Covariance) -> bool:
        return self == other or other == Exponential(self.points)


@dataclass(frozen=True)
class Process(ExponentialField):
    """Exponential correlations in time, whose factor is known: each time depends on the last."""

    kinds: ClassVar[tuple[str, ...]] = ("corr",)

    def lower(self, angles: Floats) -> Floats:
        return self._both(angles)[0]

    def move(self, angles: Floats, step: Floats) -> Floats:
        return np.asarray(step[0] * self._both(angles)[1])

    def slope(self, angles: Floats, kernel: Floats) -> Floats:
        return np.asarray(np.tensordot(self._both(angles)[1], kernel))[None]

    def _both(self, angles: Floats) -> tuple[Floats, Floats]:
        """Factor of the correlations and its derivative in the angle."""
        times = np.array(self.points)[:, 0]
        (value,), rate = self.numbers(angles), self.rates(angles)[0]
        steps = np.maximum(times[:, None] - times, 0.0) / value
        powers = np.exp(-steps) * np.tri(self.size)
        gaps = np.diff(times) / value
        news = np.append(1.0, np.sqrt(-np.expm1(-2.0 * gaps)))
        turns = np.append(0.0, -gaps * np.exp(-2.0 * gaps) / news[1:])
        return powers * news, rate * powers * (steps * news + turns)

    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        (value,), rate = self.numbers(angles), self.rates(angles)
        yield persistence(self.names(labels)[0], value, rate, self.limits(0))

    def ends(self, which: int) -> Ends:
        low, high = self.limits(which)
        return float(np.exp(-1.0 / low)), float(np.exp(-1.0 / high))

    def possible(self, which: int) -> Ends:
        del which
        return 0.0, 1.0

    def meanings(self, which: int) -> tuple[str, str]:
        del which
        return LOOSE, FIRM

    def back(self, which: int) -> Callable[[Floats], Floats]:
        low, high = self.limits(which)
        return partial(_persistent, low=low, high=high)

    def _at(self, angles: Floats, left: Floats, right: Floats) -> Floats:
        distances = np.abs(left - right.T)
        return np.exp(-distances / self.numbers(angles)[0])


def _persistent(omega: Floats, low: float, high: float) -> Floats:
    return np.exp(-1.0 / stretched(omega, low, high))
