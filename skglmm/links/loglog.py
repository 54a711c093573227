"""The log-log link."""

from dataclasses import dataclass
from math import pi

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link
from skglmm.special import log_hazard

__all__ = ["LogLog"]


@dataclass(frozen=True)
class LogLog(Link):
    """Log-log, ``-log(-log(mu))``: the complementary log-log of the complement, mirrored.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogLog
    >>> LogLog().inverse(np.array([0.0, 2.0])).value.round(4)
    array([0.3679, 0.8734])
    """

    name = "loglog"
    latent_variance = pi**2 / 6.0
    reach = (-3.4, 30.0)  # mu = exp(-exp(3.4)) and 1 - mu = exp(-30) are both about 1e-13
    domain = (0.0, 1.0)
    ratio = "log(mu)"

    def link(self, mu: Floats) -> Floats:
        return np.asarray(-np.log(-np.log(mu)))

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        e = np.exp(-eta)
        return (-e, e, -e, e)[: order + 1]

    def log_complement(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        signs = (1.0, -1.0, 1.0, -1.0)
        return tuple(s * each for s, each in zip(signs, log_hazard(-eta, order), strict=False))

    def _jet(self, eta: Floats, order: int) -> Jet:
        e = np.exp(-eta)
        p, q = np.exp(-e), -np.expm1(-e)
        if order == 0:
            return Jet(p, q)
        slope, rest = e * p, e - 1.0
        slopes = (slope, slope * rest, slope * (rest * rest - e))
        return Jet(p, q, slopes[:order])
