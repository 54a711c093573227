"""Proportions of trials: how many of a known number succeeded."""
