"""Special functions and their first three derivatives in one pass."""

from skglmm.special.log_gamma import SERIES_FROM, log_gamma_family, log_gamma_remainder
from skglmm.special.log_hazard import log_hazard

__all__ = ["SERIES_FROM", "log_gamma_family", "log_gamma_remainder", "log_hazard"]
