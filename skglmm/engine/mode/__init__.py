"""The mode of the random effects."""
