"""Checks of fitted models against the rows: residuals, calibration, counts, influence."""
