"""Fits whose rows stay on the workers of a dask cluster."""
