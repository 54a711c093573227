"""The inverse link."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Reciprocal"]


@final
@dataclass(frozen=True)
class Reciprocal(Link):
    """One over the mean of positive numbers, as 1 / speed is a duration; it decreases.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Reciprocal
    >>> Reciprocal().inverse(np.array([0.5, 4.0])).value
    array([2.  , 0.25])
    """

    name = "inverse"
    is_decreasing = True
    reach = (1e-15, 1e15)  # the means are as far; at 0 they are infinite
    domain = (0.0, np.inf)

    def link(self, mu: Floats) -> Floats:
        return np.asarray(1.0 / mu)

    def link_within(self, mu: Floats) -> Floats:
        low, high = self.reach
        return np.clip(self.link(np.maximum(mu, 1.0 / high)), low, high)

    def rescaled(self, width: float) -> tuple[float, float]:
        return 1.0 / width, 0.0

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        r = 1.0 / eta
        return (-np.log(eta), -r, r * r, -2.0 * r * r * r)[: order + 1]

    def _jet(self, eta: Floats, order: int) -> Jet:
        r = 1.0 / eta
        w = r * r
        return Jet(r, (eta - 1.0) * r, (-w, 2.0 * w * r, -6.0 * w * w)[:order])
