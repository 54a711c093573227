"""Comparison of fitted models, and scores to choose among them."""

from skglmm.model_selection.compare import compare
from skglmm.model_selection.drop1 import drop1
from skglmm.model_selection.likelihood_ratio import likelihood_ratio_test
from skglmm.model_selection.log_density import LogDensityScorer, log_density_scorer
from skglmm.model_selection.model_table import frame_table, model_table
from skglmm.model_selection.ranked_probability import (
    RankedProbabilityScorer,
    ranked_probability_scorer,
)

__all__ = [
    "LogDensityScorer",
    "RankedProbabilityScorer",
    "compare",
    "drop1",
    "frame_table",
    "likelihood_ratio_test",
    "log_density_scorer",
    "model_table",
    "ranked_probability_scorer",
]
