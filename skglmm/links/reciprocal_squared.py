"""The inverse squared link."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["ReciprocalSquared"]


@final
@dataclass(frozen=True)
class ReciprocalSquared(Link):
    """One over the square of the mean of positive numbers; it decreases.

    It is the canonical link of the inverse Gaussian distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import ReciprocalSquared
    >>> ReciprocalSquared().inverse(np.array([0.25, 4.0])).value
    array([2. , 0.5])
    """

    name = "inverse-squared"
    is_decreasing = True
    reach = (1e-30, 1e30)  # means from 1e-15 to 1e15; at 0 they are infinite
    domain = (0.0, np.inf)

    def link(self, mu: Floats) -> Floats:
        return np.asarray(1.0 / (mu * mu))

    def link_within(self, mu: Floats) -> Floats:
        low, high = self.reach
        return np.clip(self.link(np.clip(mu, high**-0.5, low**-0.5)), low, high)

    def rescaled(self, width: float) -> tuple[float, float]:
        return 1.0 / (width * width), 0.0

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        r = 1.0 / eta
        return (-0.5 * np.log(eta), -0.5 * r, 0.5 * r * r, -r * r * r)[: order + 1]

    def _jet(self, eta: Floats, order: int) -> Jet:
        r = 1.0 / eta
        mu = np.sqrt(r)
        first = -0.5 * mu * r
        # 1 - mu = (1 - mu**2) / (1 + mu), which does not cancel beside a mean of 1
        rest = (eta - 1.0) * r / (1.0 + mu)
        return Jet(mu, rest, (first, -1.5 * first * r, 3.75 * first * r * r)[:order])
