"""Predictive densities of new responses."""
