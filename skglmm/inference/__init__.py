"""Statistics and predictions: pure functions of a fit."""

from skglmm.inference._bootstrap import Bootstrap, bootstrap_once
from skglmm.inference._condition import Update, condition, update
from skglmm.inference._density import joint_log_density, log_density
from skglmm.inference._intervals import (
    Interval,
    LinearPrediction,
    mean_interval,
    predict_linear,
)
from skglmm.inference._modes import RandomEffects, random_effects
from skglmm.inference._natural import natural
from skglmm.inference._nesting import likeness, pearson_residuals
from skglmm.inference._notes import Note, notes
from skglmm.inference._predict import Plan, Prediction, linear_predictors, predict
from skglmm.inference._quantile import predict_quantile, predictive_cdf, response_interval
from skglmm.inference._sample import sample
from skglmm.inference._simulate import simulate_responses, unweighted
from skglmm.inference._summary import Summary, summarize
from skglmm.inference._tables import (
    component_frame,
    covariance_frame,
    interval_frame,
    random_effects_frame,
)
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

__all__ = [
    "Bootstrap",
    "Coefficients",
    "Component",
    "Covariances",
    "Interval",
    "Intervals",
    "LinearPrediction",
    "Note",
    "Plan",
    "Prediction",
    "RandomEffects",
    "Summary",
    "Update",
    "bootstrap_once",
    "coefficient_tables",
    "component_frame",
    "condition",
    "covariance_frame",
    "interval_frame",
    "intervals",
    "joint_log_density",
    "likeness",
    "linear_predictors",
    "log_density",
    "mean_interval",
    "natural",
    "notes",
    "pearson_residuals",
    "predict",
    "predict_linear",
    "predict_quantile",
    "predictive_cdf",
    "random_effects",
    "random_effects_frame",
    "response_interval",
    "sample",
    "simulate_responses",
    "summarize",
    "unweighted",
    "update",
    "variance_components",
    "vcov",
]
