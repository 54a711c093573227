"""The complementary log-log link."""

from dataclasses import dataclass
from math import pi

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link
from skglmm.special import log_hazard

__all__ = ["CLogLog"]


@dataclass(frozen=True)
class CLogLog(Link):
    """Complementary log-log, ``log(-log(1 - mu))``.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import CLogLog
    >>> CLogLog().inverse(np.array([-2.0, 0.0])).value.round(4)
    array([0.1266, 0.6321])
    """

    name = "cloglog"
    latent_variance = pi**2 / 6.0
    reach = (-30.0, 3.4)  # mu is exp(-30), and 1 - mu = exp(-exp(3.4)) about the same: 1e-13
    domain = (0.0, 1.0)
    ratio = "hazards, log(1 - mu)"

    def link(self, mu: Floats) -> Floats:
        return np.asarray(np.log(-np.log1p(-mu)))

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        return log_hazard(eta, order)

    def log_complement(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        return (-np.exp(eta),) * (order + 1)

    def _jet(self, eta: Floats, order: int) -> Jet:
        e = np.exp(eta)
        p, q = -np.expm1(-e), np.exp(-e)
        if order == 0:
            return Jet(p, q)
        slope, rest = e * q, 1.0 - e
        slopes = (slope, slope * rest, slope * (rest * rest - e))
        return Jet(p, q, slopes[:order])
