"""Distributions of the response given its linear predictors, with their links."""

from skglmm.families._base import Family, LogDensity, Support
from skglmm.families._beta import Beta
from skglmm.families._chain_rule import through_links
from skglmm.families._packing import packed
from skglmm.families.links import (
    LINKS,
    Cauchit,
    CLogLog,
    Jet,
    Link,
    Log,
    Logit,
    LogLog,
    Probit,
)

__all__ = [
    "LINKS",
    "Beta",
    "CLogLog",
    "Cauchit",
    "Family",
    "Jet",
    "Link",
    "Log",
    "LogDensity",
    "LogLog",
    "Logit",
    "Probit",
    "Support",
    "packed",
    "through_links",
]
