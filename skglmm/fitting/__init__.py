"""Maximum likelihood: standardization, starting values, optimizer, the frozen result."""

from skglmm.fitting._fit import Fit, fit

__all__ = ["Fit", "fit"]
