"""Looking at a fitted model: rows to predict, means and contrasts, residuals, pictures."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.inspection.checks.calibration import calibration
    from skglmm.inspection.checks.influence import influence
    from skglmm.inspection.checks.residuals import check_residuals, residuals
    from skglmm.inspection.data.data_grid import data_grid
    from skglmm.inspection.data.marginaleffects import to_marginaleffects
    from skglmm.inspection.displays.class_probability_display import ClassProbabilityDisplay
    from skglmm.inspection.displays.diagnostics_display import DiagnosticsDisplay
    from skglmm.inspection.displays.estimates.coefficient_display import CoefficientDisplay
    from skglmm.inspection.displays.estimates.marginal_means_display import MarginalMeansDisplay
    from skglmm.inspection.displays.group_calibration_display import GroupCalibrationDisplay
    from skglmm.inspection.displays.interaction_display import InteractionDisplay
    from skglmm.inspection.displays.power_display import PowerDisplay
    from skglmm.inspection.displays.prediction_display import PredictionDisplay
    from skglmm.inspection.displays.profile_display import ProfileDisplay
    from skglmm.inspection.displays.random_effects_display import RandomEffectsDisplay
    from skglmm.inspection.displays.residual_display import ResidualDisplay
    from skglmm.inspection.displays.rootogram_display import RootogramDisplay
    from skglmm.inspection.displays.smooth_display import SmoothDisplay
    from skglmm.inspection.means.comparisons import comparisons
    from skglmm.inspection.means.marginal_means import marginal_means
    from skglmm.inspection.means.poststratify import poststratify
    from skglmm.inspection.means.reference_grid import reference_grid
    from skglmm.inspection.means.slopes import slopes
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.inspection.checks.calibration": "calibration",
            "skglmm.inspection.checks.influence": "influence",
            "skglmm.inspection.checks.residuals": "check_residuals residuals",
            "skglmm.inspection.data.data_grid": "data_grid",
            "skglmm.inspection.data.marginaleffects": "to_marginaleffects",
            "skglmm.inspection.displays.class_probability_display": "ClassProbabilityDisplay",
            "skglmm.inspection.displays.diagnostics_display": "DiagnosticsDisplay",
            "skglmm.inspection.displays.estimates.coefficient_display": "CoefficientDisplay",
            "skglmm.inspection.displays.estimates.marginal_means_display": "MarginalMeansDisplay",
            "skglmm.inspection.displays.group_calibration_display": "GroupCalibrationDisplay",
            "skglmm.inspection.displays.interaction_display": "InteractionDisplay",
            "skglmm.inspection.displays.power_display": "PowerDisplay",
            "skglmm.inspection.displays.prediction_display": "PredictionDisplay",
            "skglmm.inspection.displays.profile_display": "ProfileDisplay",
            "skglmm.inspection.displays.random_effects_display": "RandomEffectsDisplay",
            "skglmm.inspection.displays.residual_display": "ResidualDisplay",
            "skglmm.inspection.displays.rootogram_display": "RootogramDisplay",
            "skglmm.inspection.displays.smooth_display": "SmoothDisplay",
            "skglmm.inspection.means.comparisons": "comparisons",
            "skglmm.inspection.means.marginal_means": "marginal_means",
            "skglmm.inspection.means.poststratify": "poststratify",
            "skglmm.inspection.means.reference_grid": "reference_grid",
            "skglmm.inspection.means.slopes": "slopes",
        },
    )

__all__ = [
    "ClassProbabilityDisplay",
    "CoefficientDisplay",
    "DiagnosticsDisplay",
    "GroupCalibrationDisplay",
    "InteractionDisplay",
    "MarginalMeansDisplay",
    "PowerDisplay",
    "PredictionDisplay",
    "ProfileDisplay",
    "RandomEffectsDisplay",
    "ResidualDisplay",
    "RootogramDisplay",
    "SmoothDisplay",
    "calibration",
    "check_residuals",
    "comparisons",
    "data_grid",
    "influence",
    "marginal_means",
    "poststratify",
    "reference_grid",
    "residuals",
    "slopes",
    "to_marginaleffects",
]
