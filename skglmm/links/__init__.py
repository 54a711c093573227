"""Links between the parameters of a family and its linear predictors."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
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
    from skglmm.links.logit import LINKS, Logit
    from skglmm.links.loglog import LogLog
    from skglmm.links.positive import Positive
    from skglmm.links.probit import Probit
    from skglmm.links.reciprocal import Reciprocal
    from skglmm.links.reciprocal_squared import ReciprocalSquared
    from skglmm.links.scaled_logit import ScaledLogit
    from skglmm.links.sqrt import Sqrt
    from skglmm.links.stretched import Stretched
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.links.base": "Jet Link",
            "skglmm.links.cauchit": "Cauchit",
            "skglmm.links.cloglog": "CLogLog",
            "skglmm.links.count_scales": "LogConsulDispersion LogConwayDispersion ShortLogMean",
            "skglmm.links.events": "EventCLogLog EventLogLog EventProbit LogOdds",
            "skglmm.links.identity": "Identity",
            "skglmm.links.log": "Log",
            "skglmm.links.log_amount": "LogAmount",
            "skglmm.links.log_mean": "LogMean",
            "skglmm.links.log_median": "LogMedian",
            "skglmm.links.logit": "LINKS Logit",
            "skglmm.links.loglog": "LogLog",
            "skglmm.links.positive": "Positive",
            "skglmm.links.probit": "Probit",
            "skglmm.links.reciprocal": "Reciprocal",
            "skglmm.links.reciprocal_squared": "ReciprocalSquared",
            "skglmm.links.scaled_logit": "ScaledLogit",
            "skglmm.links.sqrt": "Sqrt",
            "skglmm.links.stretched": "Stretched",
        },
    )

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
