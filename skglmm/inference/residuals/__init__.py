"""Residuals, and tests of their distribution."""
