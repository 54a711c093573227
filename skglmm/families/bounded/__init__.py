"""Families of responses between bounds."""
