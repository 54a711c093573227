"""Looking at a fitted model: grids of rows to predict, and pictures."""

from skglmm.inspection._data_grid import data_grid
from skglmm.inspection._diagnostics_display import DiagnosticsDisplay
from skglmm.inspection._marginaleffects import to_marginaleffects
from skglmm.inspection._prediction_display import PredictionDisplay
from skglmm.inspection._profile_display import ProfileDisplay
from skglmm.inspection._random_effects_display import RandomEffectsDisplay
from skglmm.inspection._residual_display import ResidualDisplay
from skglmm.inspection._residuals import check_residuals, residuals

__all__ = [
    "DiagnosticsDisplay",
    "PredictionDisplay",
    "ProfileDisplay",
    "RandomEffectsDisplay",
    "ResidualDisplay",
    "check_residuals",
    "data_grid",
    "residuals",
    "to_marginaleffects",
]
