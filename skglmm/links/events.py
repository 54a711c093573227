"""Links of the probability of an event that may be as good as 0 or 1."""

from dataclasses import dataclass
from typing import final

from skglmm.links.cloglog import CLogLog
from skglmm.links.loglog import LogLog
from skglmm.links.probit import Probit

__all__ = ["EventCLogLog", "EventLogLog", "EventProbit"]


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
