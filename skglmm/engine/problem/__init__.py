"""Rows bound to a family and to terms of random effects."""
