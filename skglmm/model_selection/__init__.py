"""Comparison of fitted models, and scores to choose among them."""

from skglmm.model_selection.compare import compare
from skglmm.model_selection.likelihood_ratio import likelihood_ratio_test
from skglmm.model_selection.scorer import LogDensityScorer, log_density_scorer

__all__ = ["LogDensityScorer", "compare", "likelihood_ratio_test", "log_density_scorer"]
