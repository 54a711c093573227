"""The Laplace approximation, with its gradient."""
