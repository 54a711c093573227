"""The cauchit link."""

from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Cauchit"]


@final
@dataclass(frozen=True)
class Cauchit(Link):
    """Quantile function of the standard Cauchy distribution, ``tan(pi (mu - 1 / 2))``.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Cauchit
    >>> Cauchit().inverse(np.array([0.0, 2.0])).value.round(4)
    array([0.5   , 0.8524])
    """

    name = "cauchit"
    latent_variance = inf
    reach = (-3e12, 3e12)  # its tails are 1 / (pi |eta|): here about 1e-13, as the others'
    domain = (0.0, 1.0)

    def link(self, mu: Floats) -> Floats:
        return np.asarray(-1.0 / np.tan(np.pi * mu))

    def _jet(self, eta: Floats, order: int) -> Jet:
        # angles of the points (-eta, 1) and (eta, 1): neither is a difference
        p, q = np.arctan2(1.0, -eta) / np.pi, np.arctan2(1.0, eta) / np.pi
        if order == 0:
            return Jet(p, q)
        square = eta * eta
        g = 1.0 / (1.0 + square)
        slope = g / np.pi
        slopes = (slope, -2.0 * eta * g * slope, (6.0 * square - 2.0) * g * g * slope)
        return Jet(p, q, slopes[:order])
