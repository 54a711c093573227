"""Distributions of the response given its linear predictors, with their links."""

from skglmm.families._base import Factor, Family, Interior, LogDensity, Support
from skglmm.families._beta import Beta
from skglmm.families._chain_rule import through_links
from skglmm.families._extended_beta import ExtendedBeta
from skglmm.families._fixed_extended_beta import FixedExtendedBeta
from skglmm.families._one_inflated_beta import OneInflatedBeta
from skglmm.families._ordered_beta import OrderedBeta
from skglmm.families._packing import packed, packed_rows
from skglmm.families._zero_inflated_beta import ZeroInflatedBeta
from skglmm.families._zero_one_inflated_beta import ZeroOneInflatedBeta
from skglmm.families.links import (
    LINKS,
    Cauchit,
    CLogLog,
    Identity,
    Jet,
    Link,
    Log,
    Logit,
    LogLog,
    LogOdds,
    Probit,
)

__all__ = [
    "LINKS",
    "Beta",
    "CLogLog",
    "Cauchit",
    "ExtendedBeta",
    "Factor",
    "Family",
    "FixedExtendedBeta",
    "Identity",
    "Interior",
    "Jet",
    "Link",
    "Log",
    "LogDensity",
    "LogLog",
    "LogOdds",
    "Logit",
    "OneInflatedBeta",
    "OrderedBeta",
    "Probit",
    "Support",
    "ZeroInflatedBeta",
    "ZeroOneInflatedBeta",
    "packed",
    "packed_rows",
    "through_links",
]
