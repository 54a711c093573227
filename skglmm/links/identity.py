"""The identity link."""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Identity"]


@dataclass(frozen=True)
class Identity(Link):
    """No transformation, for parameters that may be any number, such as a cut point.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Identity
    >>> Identity().inverse(np.array([0.0, 2.0])).value
    array([0., 2.])
    """

    name = "identity"
    reach = (-1e13, 1e13)  # the largest parameters of the logarithm
    domain = (-np.inf, np.inf)

    def link(self, mu: Floats) -> Floats:
        return np.array(mu)

    def rescaled(self, width: float) -> tuple[float, float]:
        return width, 0.0

    def _jet(self, eta: Floats, order: int) -> Jet:
        slopes = (np.ones_like(eta), np.zeros_like(eta), np.zeros_like(eta))
        return Jet(np.array(eta), 1.0 - eta, slopes[:order])
