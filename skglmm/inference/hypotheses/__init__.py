"""Tests of hypotheses, and criteria to choose a model by."""
