"""Estimators of positive numbers, perhaps beside zeros."""
