"""The logit link, and all links of shares."""

from dataclasses import dataclass
from math import pi

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link
from skglmm.links.cauchit import Cauchit
from skglmm.links.cloglog import CLogLog
from skglmm.links.loglog import LogLog
from skglmm.links.probit import Probit

__all__ = ["LINKS", "Logit", "jet_of"]


@dataclass(frozen=True)
class Logit(Link):
    """Logarithm of the odds, ``log(mu / (1 - mu))``.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Logit
    >>> Logit().inverse(np.array([0.0, 2.0])).value.round(4)
    array([0.5   , 0.8808])
    """

    name = "logit"
    latent_variance = pi**2 / 3.0
    reach = (-30.0, 30.0)  # the smaller of mu and 1 - mu is exp(-30), about 1e-13
    domain = (0.0, 1.0)
    ratio = "odds"

    def link(self, mu: Floats) -> Floats:
        return np.asarray(np.log(mu) - np.log1p(-mu))

    def _jet(self, eta: Floats, order: int) -> Jet:
        q = np.exp(-eta)  # which does not overflow within the reach
        p = np.reciprocal(1.0 + q)
        q *= p
        return jet_of(p, q, order)


def jet_of(p: Floats, q: Floats, order: int) -> Jet:
    """Return the jet of probabilities, (n,), of the event and of none."""
    slopes = [p * q] if order >= 1 else []
    if order >= 2:
        slopes.append(slopes[0] * (q - p))
    if order >= 3:
        slopes.append(slopes[0] * (1.0 - 6.0 * slopes[0]))
    return Jet(p, q, tuple(slopes))


_OF_SHARES: tuple[Link, ...] = (Logit(), Probit(), CLogLog(), LogLog(), Cauchit())
LINKS = {link.name: link for link in _OF_SHARES}
