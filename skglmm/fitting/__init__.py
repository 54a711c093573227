"""Maximum likelihood: standardization, starting values, optimizer, the frozen result."""

from skglmm.fitting._fit import fit, refit
from skglmm.fitting._local import Local, local
from skglmm.fitting._optimize import Rules
from skglmm.fitting._record import Fit
from skglmm.fitting._study import Study

__all__ = ["Fit", "Local", "Rules", "Study", "fit", "local", "refit"]
