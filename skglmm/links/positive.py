"""The identity link of a parameter that has to be positive."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Positive"]


@final
@dataclass(frozen=True)
class Positive(Link):
    """No transformation, for parameters that are positive, such as a mean of counts.

    It is `Identity` with the reach of positive numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Positive
    >>> Positive().inverse(np.array([0.5, -3.0])).outside
    array([False,  True])
    """

    name = "identity"
    reach = (1e-30, 1e15)
    domain = (0.0, np.inf)

    def link(self, mu: Floats) -> Floats:
        return np.array(mu)

    def rescaled(self, width: float) -> tuple[float, float]:
        return width, 0.0

    def _jet(self, eta: Floats, order: int) -> Jet:
        slopes = (np.ones_like(eta), np.zeros_like(eta), np.zeros_like(eta))
        return Jet(np.array(eta), 1.0 - eta, slopes[:order])
