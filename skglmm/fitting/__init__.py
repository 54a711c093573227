"""Maximum likelihood: standardization, starting values, optimizer, the frozen result."""

from skglmm.fitting._fit import fit
from skglmm.fitting._optimize import Rules
from skglmm.fitting._record import Fit

__all__ = ["Fit", "Rules", "fit"]
