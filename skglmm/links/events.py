"""Links of the probability of an event that may be as good as 0 or 1."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet
from skglmm.links.cloglog import CLogLog
from skglmm.links.logit import Logit, jet_of
from skglmm.links.loglog import LogLog
from skglmm.links.probit import Probit

__all__ = ["EventCLogLog", "EventLogLog", "EventProbit", "LogOdds"]

ODDS_MAX = 700.0  # logarithm of odds that do not overflow


@final
@dataclass(frozen=True)
class LogOdds(Logit):
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

    reach = (-1e6, 1e6)

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        p, q, log_p, _ = _probabilities(eta)
        return (log_p, q, -p * q, p * q * (p - q))[: order + 1]

    def log_complement(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        p, q, _, log_q = _probabilities(eta)
        return (log_q, -p, -p * q, p * q * (p - q))[: order + 1]

    def log_outcome(self, sign: Floats, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        t = sign * eta
        if t.size and t.min() < -ODDS_MAX:
            return super().log_outcome(sign, eta, order)
        np.negative(t, out=t)
        against = np.exp(t, out=t)  # the odds of what did not happen
        found = [np.log1p(against)]
        np.negative(found[0], out=found[0])
        if order >= 1:
            hit = 1.0 + against
            np.reciprocal(hit, out=hit)
            miss = np.multiply(against, hit, out=against)
            found.append(sign * miss)
        if order >= 2:
            found.append(np.multiply(miss, hit, out=hit))
            np.negative(hit, out=hit)
        if order >= 3:
            third = np.multiply(2.0, found[1], out=against)
            third -= sign
            third *= found[2]
            found.append(third)
        return tuple(found)

    def _jet(self, eta: Floats, order: int) -> Jet:
        p, q, _, _ = _probabilities(eta)
        return jet_of(p, q, order)


@final
@dataclass(frozen=True)
class EventProbit(Probit):
    """Probit of the probability of an event: `Probit` with a longer reach.

    The log probability of an event has no trouble with large linear predictors, unlike the
    density of a beta of such a mean; a shorter reach would be a wall for the optimizer.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import EventProbit
    >>> EventProbit().log_inverse(np.array([-30.0]))[0].round(3)
    array([-454.321])
    """

    reach = (-37.0, 37.0)  # the smaller of mu and 1 - mu is about 1e-299


@final
@dataclass(frozen=True)
class EventCLogLog(CLogLog):
    """Complementary log-log of the probability of an event: `CLogLog` with a longer reach.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import EventCLogLog
    >>> EventCLogLog().log_complement(np.array([5.0]))[0].round(3)
    array([-148.413])
    """

    reach = (-700.0, 30.0)  # at most exp(30) log-likelihood units for a row without the event


@final
@dataclass(frozen=True)
class EventLogLog(LogLog):
    """Log-log of the probability of an event: `LogLog` with a longer reach.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import EventLogLog
    >>> EventLogLog().log_inverse(np.array([-5.0]))[0].round(3)
    array([-148.413])
    """

    reach = (-30.0, 700.0)


def _probabilities(eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """mu, 1 - mu and their logarithms; NumPy's exponential is several times as fast as `expit`."""
    low = np.minimum(eta, 0.0)
    high, odds = low - eta, np.exp(-np.abs(eta))
    whole, log_whole = 1.0 + odds, np.log1p(odds)
    return np.exp(low) / whole, np.exp(high) / whole, low - log_whole, high - log_whole
