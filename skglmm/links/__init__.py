"""Links between the parameters of a family and its linear predictors."""

from skglmm.links.base import Jet, Link
from skglmm.links.cauchit import Cauchit
from skglmm.links.cloglog import CLogLog
from skglmm.links.identity import Identity
from skglmm.links.log import Log
from skglmm.links.log_odds import LogOdds
from skglmm.links.logit import Logit
from skglmm.links.loglog import LogLog
from skglmm.links.probit import Probit

__all__ = [
    "LINKS",
    "CLogLog",
    "Cauchit",
    "Identity",
    "Jet",
    "Link",
    "Log",
    "LogLog",
    "LogOdds",
    "Logit",
    "Probit",
]

_MEAN_LINKS: tuple[Link, ...] = (
    Logit(),
    Probit(),
    CLogLog(),
    LogLog(),
    Cauchit(),
)
LINKS = {link.name: link for link in _MEAN_LINKS}
