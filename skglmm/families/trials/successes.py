"""What families of successes in a known number of trials have in common."""

from collections.abc import Sequence
from functools import cache
from math import log, pi

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Cauchit, EventCLogLog, EventLogLog, EventProbit, Identity, LogOdds
from skglmm.special import exp_excess, log_gamma_remainder

__all__ = ["MEAN", "TRIALS", "log_successes", "prepared_successes", "share_of_successes"]

MEAN = Parameter(
    "mean", Role.LOCATION, (LogOdds(), EventProbit(), EventCLogLog(), EventLogLog(), Cauchit())
)
TRIALS = Parameter("trials", Role.SIZE, (Identity(),))

_HALF_LOG_TWO_PI = 0.5 * log(2.0 * pi)
_TABLE = 4096  # numbers below it are looked up
_HALF_A_TRIAL = 0.5  # is added to successes and failures, so that none begins afar


def prepared_successes(y: Floats) -> Floats:
    """Return numbers of successes, and what `_whole` knows of them, (3, n)."""
    return np.stack([y, *_whole(y)])


def log_successes(prepared: Floats, trials: Floats, up: Floats, down: Floats) -> Floats:
    r"""Return binomial log probabilities, (n,).

    With :math:`t = \log(\mu n / y)` and :math:`s = \log((1 - \mu) n / (n - y))` it is that at the
    mean :math:`y / n` less :math:`y (e^t - 1 - t) + (n - y) (e^s - 1 - s)`, which keeps the digits
    of large numbers.

    Parameters
    ----------
    prepared : ndarray, shape (3, n)
        What `prepared_successes` returns.
    trials : ndarray, shape (n,) or (1,)
        As many as successes, or more.
    up, down : ndarray, shape (n,) or (1,)
        Logarithms of the probabilities of success and of failure.
    """
    y, log_y, rest_y = prepared
    failures = trials - y
    (log_n, rest_n), (log_m, rest_m) = _whole(trials), _whole(failures)
    value = rest_n - rest_y - rest_m - _HALF_LOG_TWO_PI + 0.5 * (log_n - log_y - log_m)
    value -= y * exp_excess(up - log_y + log_n) + failures * exp_excess(down - log_m + log_n)
    value = np.where(y == 0.0, trials * down, value)
    return np.where(failures == 0.0, trials * up, value)


def share_of_successes(y: Floats, trials: Floats, weights: Floats) -> float:
    """Return the share of successes in all trials, neither 0 nor 1."""
    successes, total = float(weights @ y), float(weights @ trials)
    return (successes + _HALF_A_TRIAL) / (total + 2.0 * _HALF_A_TRIAL)


def _whole(k: Floats) -> Sequence[Floats]:
    """Logarithms of whole numbers, and what Stirling's formula leaves of log gamma; 0 for 0."""
    if not k.size or k.max() < _TABLE:
        return tuple(_table()[:, k.astype(np.intp)])
    positive = np.maximum(k, 1.0)
    (rest,) = log_gamma_remainder(positive, 0)
    return np.log(positive), np.where(k > 0.0, rest, 0.0)


@cache
def _table() -> Floats:
    positive = np.arange(1.0, _TABLE)
    (rest,) = log_gamma_remainder(positive, 0)
    found = np.zeros((2, _TABLE))
    found[:, 1:] = np.log(positive), rest
    found.flags.writeable = False
    return found
