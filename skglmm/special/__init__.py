"""The logarithm of the gamma function and its first three derivatives in one pass."""

from skglmm.special.log_gamma import SERIES_FROM, log_gamma_family, log_gamma_remainder

__all__ = ["SERIES_FROM", "log_gamma_family", "log_gamma_remainder"]
