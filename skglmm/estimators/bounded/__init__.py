"""Estimators of numbers between bounds."""
