"""Correlations of the effects of one level, beside their variances."""
