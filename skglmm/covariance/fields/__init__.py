"""Random fields: effects of times and places, whose correlations depend on distances."""
