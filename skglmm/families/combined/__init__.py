"""Families made of a family: masses, extra zeros, truncation."""
