"""The Tweedie family of a known power."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.positive.tweedie_density import DISPERSION, MEAN, TweedieDensity
from skglmm.links import Link, LogAmount

__all__ = ["FixedTweedie"]


@final
@dataclass(frozen=True)
class FixedTweedie(TweedieDensity):
    r"""Tweedie distribution with a mean, a dispersion and a known power between 1 and 2.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and the dispersion, logarithms.
    power : float, default=1.5
        Between 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import FixedTweedie
    >>> eta = np.log([4.0]), np.log([2.0])
    >>> FixedTweedie(power=1.5).variance(eta).round(6)
    array([16.])
    """

    parameters = (MEAN, DISPERSION)

    links: tuple[Link, ...] = (LogAmount(), LogAmount())
    power: float = 1.5

    def __post_init__(self) -> None:
        if not 1.0 < self.power < 2.0:
            msg = f"the power must be between 1 and 2, got {self.power!r}"
            raise ValueError(msg)

    def powers(self, eta: Sequence[Floats]) -> Floats:
        del eta
        return np.array([self.power])

    def start_power(self, guess: float) -> float:
        del guess
        return self.power
