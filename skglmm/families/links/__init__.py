"""Links between the parameters of a family and its linear predictors."""

from skglmm.families.links._base import Jet, Link
from skglmm.families.links._cauchit import Cauchit
from skglmm.families.links._cloglog import CLogLog
from skglmm.families.links._identity import Identity
from skglmm.families.links._log import Log
from skglmm.families.links._log_odds import LogOdds
from skglmm.families.links._logit import Logit
from skglmm.families.links._loglog import LogLog
from skglmm.families.links._probit import Probit

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
