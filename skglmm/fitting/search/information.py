"""What is known of the Hessian of the objective without differences."""

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Objective, Problem
from skglmm.linalg import block_diagonal

__all__ = ["first_hessian", "positive"]

INFORMATION_MIN = 1e-6  # scaled eigenvalues of a first guess are at least this


def first_hessian(problem: Problem, here: Objective) -> Floats:
    """Information about fixed effects and about covariances, without what the two share."""
    return block_diagonal(*map(positive, problem.information(here.mode)))


def positive(matrix: Floats) -> Floats:
    """The symmetric matrix with the absolute values of its scaled eigenvalues."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-8))
    values, vectors = np.linalg.eigh(matrix / scale / scale[:, None])
    values = np.maximum(np.abs(values), INFORMATION_MIN)
    return np.asarray((vectors * values) @ vectors.T * scale * scale[:, None])
