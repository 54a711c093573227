"""Pictures of estimates: means and their contrasts, coefficients."""
