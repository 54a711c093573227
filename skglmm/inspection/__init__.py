"""Looking at a fitted model: grids of rows to predict, and pictures."""

from skglmm.inspection.data.calibration import calibration
from skglmm.inspection.data.data_grid import data_grid
from skglmm.inspection.data.influence import influence
from skglmm.inspection.data.marginaleffects import to_marginaleffects
from skglmm.inspection.data.residuals import check_residuals, residuals
from skglmm.inspection.displays.diagnostics_display import DiagnosticsDisplay
from skglmm.inspection.displays.group_calibration_display import GroupCalibrationDisplay
from skglmm.inspection.displays.power_display import PowerDisplay
from skglmm.inspection.displays.prediction_display import PredictionDisplay
from skglmm.inspection.displays.profile_display import ProfileDisplay
from skglmm.inspection.displays.random_effects_display import RandomEffectsDisplay
from skglmm.inspection.displays.residual_display import ResidualDisplay
from skglmm.inspection.displays.rootogram_display import RootogramDisplay
from skglmm.inspection.displays.smooth_display import SmoothDisplay

__all__ = [
    "DiagnosticsDisplay",
    "GroupCalibrationDisplay",
    "PowerDisplay",
    "PredictionDisplay",
    "ProfileDisplay",
    "RandomEffectsDisplay",
    "ResidualDisplay",
    "RootogramDisplay",
    "SmoothDisplay",
    "calibration",
    "check_residuals",
    "data_grid",
    "influence",
    "residuals",
    "to_marginaleffects",
]
