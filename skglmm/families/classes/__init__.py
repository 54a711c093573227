"""Distributions of classes."""
