"""Covariances that are made of others."""
