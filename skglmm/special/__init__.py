"""Special functions and their first three derivatives in one pass."""

from skglmm.special.conway_maxwell import FactorialBase, factorial_excess, stirling_rest
from skglmm.special.conway_maxwell_terms import conway_maxwell_terms
from skglmm.special.exp_excess import exp_excess
from skglmm.special.gamma_norm import log_gamma_norm
from skglmm.special.log_gamma import (
    SERIES_FROM,
    log_gamma_family,
    log_gamma_remainder,
    stirling_remainder,
)
from skglmm.special.log_gamma_rest import log_gamma_rest
from skglmm.special.log_hazard import log_hazard
from skglmm.special.log_rising import log_rising
from skglmm.special.student_norm import log_student_norm
from skglmm.special.tweedie import log_tweedie_series
from skglmm.special.whole_sums import END, alike

__all__ = [
    "END",
    "SERIES_FROM",
    "FactorialBase",
    "alike",
    "conway_maxwell_terms",
    "exp_excess",
    "factorial_excess",
    "log_gamma_family",
    "log_gamma_norm",
    "log_gamma_remainder",
    "log_gamma_rest",
    "log_hazard",
    "log_rising",
    "log_student_norm",
    "log_tweedie_series",
    "stirling_remainder",
    "stirling_rest",
]
