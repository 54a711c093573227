"""The probit link."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Probit"]

_SCALE = 1.0 / math.sqrt(2.0 * math.pi)


@dataclass(frozen=True)
class Probit(Link):
    """Quantile function of the standard normal distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Probit
    >>> Probit().inverse(np.array([0.0, 2.0])).value.round(4)
    array([0.5   , 0.9772])
    """

    name = "probit"
    latent_variance = 1.0
    reach = (-7.3, 7.3)  # the smaller of mu and 1 - mu is about 1e-13, as at the logit's end
    domain = (0.0, 1.0)

    def link(self, mu: Floats) -> Floats:
        return np.asarray(ndtri(mu))

    def _jet(self, eta: Floats, order: int) -> Jet:
        p, q = np.asarray(ndtr(eta)), np.asarray(ndtr(-eta))
        if order == 0:
            return Jet(p, q)
        square = eta * eta
        slope = _SCALE * np.exp(-0.5 * square)
        slopes = (slope, -eta * slope, (square - 1.0) * slope)
        return Jet(p, q, slopes[:order])
