"""Statistics and predictions: pure functions of a fit."""

from skglmm.inference._bootstrap import Bootstrap, bootstrap_once
from skglmm.inference._boundary_intervals import BoundaryIntervals, boundary_intervals
from skglmm.inference._condition import Update, condition, update
from skglmm.inference._conditional_aic import Conditional, conditional_aic
from skglmm.inference._density import joint_log_density, log_density
from skglmm.inference._diagnose import diagnose
from skglmm.inference._drawn import Drawn, drawn
from skglmm.inference._estimable import (
    has_null_space,
    missed_directions,
    nonestimable,
)
from skglmm.inference._estimates import Estimates
from skglmm.inference._findings import Diagnosis, Finding
from skglmm.inference._group_coefficients import group_coefficients
from skglmm.inference._heaps import Heap, heaps
from skglmm.inference._held import held_sentences
from skglmm.inference._intervals import (
    Interval,
    LinearPrediction,
    linear_value,
    mean_interval,
    predict_linear,
)
from skglmm.inference._likelihood_ratio import LikelihoodRatio, likelihood_ratio
from skglmm.inference._modes import RandomEffects, random_effects
from skglmm.inference._moved_responses import HEAP_ADVICE, moved_responses
from skglmm.inference._natural import constant, derived, natural, std_errors
from skglmm.inference._nested import Addition, Comparison, asserted
from skglmm.inference._nesting import likeness
from skglmm.inference._notes import Note, notes
from skglmm.inference._overview import Overview, overview
from skglmm.inference._predict import (
    Plan,
    Prediction,
    boundary_probabilities,
    linear_predictors,
    predict,
)
from skglmm.inference._profile import Profile, profile_intervals, profiles
from skglmm.inference._quantile import predict_quantile, predictive_cdf, response_interval
from skglmm.inference._r2 import RSquared, Shares, r_squared
from skglmm.inference._ratio_bootstrap import Contest, simulated_ratio, with_replicates
from skglmm.inference._residual_checks import ResidualChecks, residual_checks
from skglmm.inference._residual_test import ResidualTest
from skglmm.inference._residuals import (
    deviance_residuals,
    pearson_residuals,
    quantile_residuals,
    response_residuals,
)
from skglmm.inference._row_averages import average_interval, average_quantiles
from skglmm.inference._sample import sample
from skglmm.inference._sandwich import (
    cluster_scores,
    independent_clusters,
    sandwich,
    shared_levels,
)
from skglmm.inference._separation import at_infinity, separated_findings, undetermined
from skglmm.inference._simulate import simulate_responses, unweighted
from skglmm.inference._simulated import simulated_residuals
from skglmm.inference._summary import Summary, summarize
from skglmm.inference._tables import (
    component_frame,
    covariance_frame,
    estimate_frame,
    interval_frame,
    overview_frame,
    random_effects_frame,
)
from skglmm.inference._tidy import EFFECTS, tidy, without_ratios
from skglmm.inference._wald import (
    Coefficients,
    Component,
    Covariances,
    Intervals,
    coefficient_tables,
    intervals,
    variance_components,
    vcov,
)
from skglmm.inference._wald_test import WaldTest, fixed_names, wald_test

__all__ = [
    "EFFECTS",
    "HEAP_ADVICE",
    "Addition",
    "Bootstrap",
    "BoundaryIntervals",
    "Coefficients",
    "Comparison",
    "Component",
    "Conditional",
    "Contest",
    "Covariances",
    "Diagnosis",
    "Drawn",
    "Estimates",
    "Finding",
    "Heap",
    "Interval",
    "Intervals",
    "LikelihoodRatio",
    "LinearPrediction",
    "Note",
    "Overview",
    "Plan",
    "Prediction",
    "Profile",
    "RSquared",
    "RandomEffects",
    "ResidualChecks",
    "ResidualTest",
    "Shares",
    "Summary",
    "Update",
    "WaldTest",
    "asserted",
    "at_infinity",
    "average_interval",
    "average_quantiles",
    "bootstrap_once",
    "boundary_intervals",
    "boundary_probabilities",
    "cluster_scores",
    "coefficient_tables",
    "component_frame",
    "condition",
    "conditional_aic",
    "constant",
    "covariance_frame",
    "derived",
    "deviance_residuals",
    "diagnose",
    "drawn",
    "estimate_frame",
    "fixed_names",
    "group_coefficients",
    "has_null_space",
    "heaps",
    "held_sentences",
    "independent_clusters",
    "interval_frame",
    "intervals",
    "joint_log_density",
    "likelihood_ratio",
    "likeness",
    "linear_predictors",
    "linear_value",
    "log_density",
    "mean_interval",
    "missed_directions",
    "moved_responses",
    "natural",
    "nonestimable",
    "notes",
    "overview",
    "overview_frame",
    "pearson_residuals",
    "predict",
    "predict_linear",
    "predict_quantile",
    "predictive_cdf",
    "profile_intervals",
    "profiles",
    "quantile_residuals",
    "r_squared",
    "random_effects",
    "random_effects_frame",
    "residual_checks",
    "response_interval",
    "response_residuals",
    "sample",
    "sandwich",
    "separated_findings",
    "shared_levels",
    "simulate_responses",
    "simulated_ratio",
    "simulated_residuals",
    "std_errors",
    "summarize",
    "tidy",
    "undetermined",
    "unweighted",
    "update",
    "variance_components",
    "vcov",
    "wald_test",
    "with_replicates",
    "without_ratios",
]
