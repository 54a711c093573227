"""Models that another program has fitted, and how far the estimates are from each other."""
