"""Diagnosis of a fit: optimum, columns, groups, weights, residuals, influence."""
