"""The square root link."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Sqrt"]


@final
@dataclass(frozen=True)
class Sqrt(Link):
    """Square root, for means of counts, whose variance it evens out.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Sqrt
    >>> Sqrt().inverse(np.array([0.5, 3.0])).value
    array([0.25, 9.  ])
    """

    name = "sqrt"
    reach = (1e-15, 3e7)  # means from 1e-30 to 1e15; below 0 the square would turn around
    domain = (0.0, np.inf)

    def link(self, mu: Floats) -> Floats:
        return np.asarray(np.sqrt(mu))

    def rescaled(self, width: float) -> tuple[float, float]:
        return math.sqrt(width), 0.0

    def _jet(self, eta: Floats, order: int) -> Jet:
        slopes = (2.0 * eta, np.full_like(eta, 2.0), np.zeros_like(eta))
        return Jet(eta * eta, (1.0 - eta) * (1.0 + eta), slopes[:order])
