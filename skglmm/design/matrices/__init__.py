"""Matrices that formulas ask for, by formulaic."""
