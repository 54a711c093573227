"""Maximum likelihood: standardization, starting values, optimizer, the frozen result."""

from skglmm.fitting._bound import Bound, masses_in
from skglmm.fitting._cap import Cap
from skglmm.fitting._digest import Digest, digest, row_digest
from skglmm.fitting._fit import fit, fit_bound, refit
from skglmm.fitting._local import Local, local
from skglmm.fitting._null_space import NullSpace
from skglmm.fitting._optimize import Rules
from skglmm.fitting._record import Fit
from skglmm.fitting._spaces import Spaces, Sums, of_rows, signed_sums, spaces
from skglmm.fitting._standardize import learn_scales
from skglmm.fitting._study import Study
from skglmm.fitting._uncertainty import Uncertainty

__all__ = [
    "Bound",
    "Cap",
    "Digest",
    "Fit",
    "Local",
    "NullSpace",
    "Rules",
    "Spaces",
    "Study",
    "Sums",
    "Uncertainty",
    "digest",
    "fit",
    "fit_bound",
    "learn_scales",
    "local",
    "masses_in",
    "of_rows",
    "refit",
    "row_digest",
    "signed_sums",
    "spaces",
]
