"""Linear algebra of random effects: sums by group, small batched and arrowhead systems."""

from skglmm.linalg._arrowhead import Arrowhead, Inverse, factorize
from skglmm.linalg._batched import cholesky, inverse, solve_lower, solve_upper
from skglmm.linalg._elimination import Blocks, Chain, Elimination, Own
from skglmm.linalg._grouping import Grouping
from skglmm.linalg._pattern import Pattern
from skglmm.linalg._posterior import Posterior

__all__ = [
    "Arrowhead",
    "Blocks",
    "Chain",
    "Elimination",
    "Grouping",
    "Inverse",
    "Own",
    "Pattern",
    "Posterior",
    "cholesky",
    "factorize",
    "inverse",
    "solve_lower",
    "solve_upper",
]
