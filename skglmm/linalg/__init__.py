"""Linear algebra of random effects: sums by group, small batched and arrowhead systems."""

from skglmm.linalg._arrowhead import Arrowhead, Elimination, Inverse, Pattern, factorize
from skglmm.linalg._batched import cholesky, inverse, solve_lower, solve_upper
from skglmm.linalg._grouping import Grouping
from skglmm.linalg._posterior import Posterior

__all__ = [
    "Arrowhead",
    "Elimination",
    "Grouping",
    "Inverse",
    "Pattern",
    "Posterior",
    "cholesky",
    "factorize",
    "inverse",
    "solve_lower",
    "solve_upper",
]
