"""Estimators of successes in trials."""
