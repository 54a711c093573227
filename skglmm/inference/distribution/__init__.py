"""Distributions of new responses: probabilities and quantiles."""
