"""Maximum likelihood: standardization, starting values, optimizer, the frozen result."""

from skglmm.fitting._bound import Bound
from skglmm.fitting._cap import Cap
from skglmm.fitting._digest import Digest, digest, row_digest
from skglmm.fitting._fit import fit, fit_bound, refit
from skglmm.fitting._local import Local, local
from skglmm.fitting._optimize import Rules
from skglmm.fitting._record import Fit
from skglmm.fitting._standardize import learn_scales
from skglmm.fitting._study import Study

__all__ = [
    "Bound",
    "Cap",
    "Digest",
    "Fit",
    "Local",
    "Rules",
    "Study",
    "digest",
    "fit",
    "fit_bound",
    "learn_scales",
    "local",
    "refit",
    "row_digest",
]
