"""Means, limits and draws of new rows."""
