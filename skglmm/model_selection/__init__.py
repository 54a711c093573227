"""Comparison of fitted models, and scores to choose among them."""

from skglmm.model_selection._scorer import LogDensityScorer, log_density_scorer

__all__ = ["LogDensityScorer", "log_density_scorer"]
