"""Systems of random effects that are too large for a dense matrix: solved by iterations."""
