"""Averages of means over rows, contrasts of them, and what these are compared with."""
