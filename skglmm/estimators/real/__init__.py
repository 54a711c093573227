"""Estimators of real numbers."""
