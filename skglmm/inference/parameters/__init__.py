"""Estimates of parameters on the scales of their users, with standard errors."""
