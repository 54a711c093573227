"""Links between the parameters of a family and its linear predictors."""

from skglmm.links.base import Jet, Link
from skglmm.links.cauchit import Cauchit
from skglmm.links.cloglog import CLogLog
from skglmm.links.count_scales import LogConsulDispersion, LogConwayDispersion, ShortLogMean
from skglmm.links.events import EventCLogLog, EventLogLog, EventProbit, LogOdds
from skglmm.links.identity import Identity
from skglmm.links.log import Log
from skglmm.links.log_amount import LogAmount
from skglmm.links.log_mean import LogMean
from skglmm.links.log_median import LogMedian
from skglmm.links.logit import Logit
from skglmm.links.loglog import LogLog
from skglmm.links.positive import Positive
from skglmm.links.probit import Probit
from skglmm.links.reciprocal import Reciprocal
from skglmm.links.reciprocal_squared import ReciprocalSquared
from skglmm.links.scaled_logit import ScaledLogit
from skglmm.links.sqrt import Sqrt
from skglmm.links.stretched import Stretched

__all__ = [
    "LINKS",
    "CLogLog",
    "Cauchit",
    "EventCLogLog",
    "EventLogLog",
    "EventProbit",
    "Identity",
    "Jet",
    "Link",
    "Log",
    "LogAmount",
    "LogConsulDispersion",
    "LogConwayDispersion",
    "LogLog",
    "LogMean",
    "LogMedian",
    "LogOdds",
    "Logit",
    "Positive",
    "Probit",
    "Reciprocal",
    "ReciprocalSquared",
    "ScaledLogit",
    "ShortLogMean",
    "Sqrt",
    "Stretched",
]

_MEAN_LINKS: tuple[Link, ...] = (
    Logit(),
    Probit(),
    CLogLog(),
    LogLog(),
    Cauchit(),
)
LINKS = {link.name: link for link in _MEAN_LINKS}
