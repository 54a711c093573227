"""Linear algebra of random effects: sums by group, small batched and arrowhead systems."""

from skglmm.linalg._arrowhead import Arrowhead, Elimination, Inverse, Pattern, factorize
from skglmm.linalg._batched import cholesky, inverse, solve_lower, solve_upper
from skglmm.linalg._grouping import Grouping

__all__ = [
    "Arrowhead",
    "Elimination",
    "Grouping",
    "Inverse",
    "Pattern",
    "cholesky",
    "factorize",
    "inverse",
    "solve_lower",
    "solve_upper",
]
