"""Maximum likelihood: standardization, starting values, optimizer, the frozen result."""

from skglmm.fitting.data.cap import Cap
from skglmm.fitting.data.digest import Digest, digest, row_digest
from skglmm.fitting.data.measure import measured
from skglmm.fitting.data.null_space import NullSpace
from skglmm.fitting.data.spaces import Spaces, Sums, of_rows, signed_sums, spaces
from skglmm.fitting.data.standardize import learn_scales
from skglmm.fitting.data.units import USER, Units
from skglmm.fitting.fit import fit, fit_bound, refit
from skglmm.fitting.local import Local, local
from skglmm.fitting.record import Fit
from skglmm.fitting.search.bound import Bound, masses_in
from skglmm.fitting.search.optimize import Rules
from skglmm.fitting.study import Study
from skglmm.fitting.uncertainty import Uncertainty

__all__ = [
    "USER",
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
    "Units",
    "digest",
    "fit",
    "fit_bound",
    "learn_scales",
    "local",
    "masses_in",
    "measured",
    "of_rows",
    "refit",
    "row_digest",
    "signed_sums",
    "spaces",
]
