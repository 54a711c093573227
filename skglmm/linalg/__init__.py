"""Linear algebra of random effects: sums by group, small batched and arrowhead systems."""

from skglmm.linalg.batched import (
    block_diagonal,
    by_matrix,
    cholesky,
    congruence,
    full_matrices,
    inverse,
    is_large,
    left_product,
    solve_lower,
    solve_upper,
)
from skglmm.linalg.direct.arrowhead import Arrowhead, factorize
from skglmm.linalg.direct.dense import DenseSystem, without_chain
from skglmm.linalg.direct.elimination import Blocks, Chain, Elimination, Inverse, NestedEffects
from skglmm.linalg.direct.posterior import PaddedPosterior, Posterior
from skglmm.linalg.direct.root import ChainRoot, mirrored
from skglmm.linalg.grouping import Grouping
from skglmm.linalg.order import grouped
from skglmm.linalg.pattern import Pattern
from skglmm.linalg.system import IndefiniteError, LinearSystem

__all__ = [
    "Arrowhead",
    "Blocks",
    "Chain",
    "ChainRoot",
    "DenseSystem",
    "Elimination",
    "Grouping",
    "IndefiniteError",
    "Inverse",
    "LinearSystem",
    "NestedEffects",
    "PaddedPosterior",
    "Pattern",
    "Posterior",
    "block_diagonal",
    "by_matrix",
    "cholesky",
    "congruence",
    "factorize",
    "full_matrices",
    "grouped",
    "inverse",
    "is_large",
    "left_product",
    "mirrored",
    "solve_lower",
    "solve_upper",
    "without_chain",
]
