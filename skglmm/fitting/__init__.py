"""Maximum likelihood: standardization, starting values, optimizer, the frozen result."""

from skglmm.fitting.data.cap import Cap
from skglmm.fitting.data.digest import Digest, digest, row_digest
from skglmm.fitting.data.left_out import LeftOut, left_out
from skglmm.fitting.data.measure import measured
from skglmm.fitting.data.null_space import NullSpace
from skglmm.fitting.data.priors import known_priors, penalty_of
from skglmm.fitting.data.spaces import Spaces, Sums, of_rows, signed_sums, spaces
from skglmm.fitting.data.standardize import learn_scales
from skglmm.fitting.data.units import USER, Units
from skglmm.fitting.fit import fit, fit_bound, refit, refit_with, unpenalized, unrestricted
from skglmm.fitting.local import Local, local
from skglmm.fitting.record import Fit
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.hessian import differenced_hessian
from skglmm.fitting.search.information import first_hessian, positive
from skglmm.fitting.search.line_search import Trial, line_search
from skglmm.fitting.search.optimize import STALLED_MAX, Optimum, Options, solved, update
from skglmm.fitting.search.start import first_constants
from skglmm.fitting.shared_design import SharedDesign
from skglmm.fitting.study import Study
from skglmm.fitting.uncertainty import Uncertainty, least_curvatures, stiffened

__all__ = [
    "STALLED_MAX",
    "USER",
    "Bound",
    "Cap",
    "Digest",
    "Fit",
    "LeftOut",
    "Local",
    "NullSpace",
    "Optimum",
    "Options",
    "SharedDesign",
    "Spaces",
    "Study",
    "Sums",
    "Trial",
    "Uncertainty",
    "Units",
    "differenced_hessian",
    "digest",
    "first_constants",
    "first_hessian",
    "fit",
    "fit_bound",
    "known_priors",
    "learn_scales",
    "least_curvatures",
    "left_out",
    "line_search",
    "local",
    "measured",
    "of_rows",
    "penalty_of",
    "positive",
    "refit",
    "refit_with",
    "row_digest",
    "signed_sums",
    "solved",
    "spaces",
    "stiffened",
    "unpenalized",
    "unrestricted",
    "update",
]
