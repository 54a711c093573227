"""Links: one file for each, and the table of those that a mean in (0, 1) may have."""

from skglmm.families.links._base import Jet, Link
from skglmm.families.links._cauchit import Cauchit
from skglmm.families.links._cloglog import CLogLog
from skglmm.families.links._log import Log
from skglmm.families.links._logit import Logit
from skglmm.families.links._loglog import LogLog
from skglmm.families.links._probit import Probit

__all__ = [
    "LINKS",
    "CLogLog",
    "Cauchit",
    "Jet",
    "Link",
    "Log",
    "LogLog",
    "Logit",
    "Probit",
]

LINKS: dict[str, Link] = {
    link.name: link for link in (Logit(), Probit(), CLogLog(), LogLog(), Cauchit())
}
