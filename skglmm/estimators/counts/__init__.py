"""Estimators of counts."""
