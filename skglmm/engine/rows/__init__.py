"""Sums over rows, and vectors of effects and parameters."""
