"""The logit link of a probability that may be as good as 0 or 1."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["LogOdds"]


@final
@dataclass(frozen=True)
class LogOdds(Link):
    """Logit of the probability of a bound, which data may separate.

    It is that of `Logit` with a longer reach: the log probability of an event has no trouble with
    large linear predictors, unlike the density of a beta of such a mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogOdds
    >>> LogOdds().inverse(np.array([-700.0, 0.0])).value
    array([9.85967654e-305, 5.00000000e-001])
    """

    name = "logit"
    reach = (-1e6, 1e6)
    domain = (0.0, 1.0)
    ratio = "odds"

    def link(self, mu: Floats) -> Floats:
        return np.asarray(np.log(mu) - np.log1p(-mu))

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        p, q, log_p, _ = _probabilities(eta)
        return (log_p, q, -p * q, p * q * (p - q))[: order + 1]

    def log_complement(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        p, q, _, log_q = _probabilities(eta)
        return (log_q, -p, -p * q, p * q * (p - q))[: order + 1]

    def _jet(self, eta: Floats, order: int) -> Jet:
        p, q, _, _ = _probabilities(eta)
        slopes = [p * q] if order >= 1 else []
        if order >= 2:
            slopes.append(slopes[0] * (q - p))
        if order >= 3:
            slopes.append(slopes[0] * (1.0 - 6.0 * slopes[0]))
        return Jet(p, q, tuple(slopes))


def _probabilities(eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """mu, 1 - mu and their logarithms; NumPy's exponential is several times as fast as `expit`."""
    low = np.minimum(eta, 0.0)
    high, odds = low - eta, np.exp(-np.abs(eta))
    whole, log_whole = 1.0 + odds, np.log1p(odds)
    return np.exp(low) / whole, np.exp(high) / whole, low - log_whole, high - log_whole
