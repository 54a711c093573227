"""Marginal means, slopes and comparisons of a fitted model."""
