"""Covariances of the random effects of one level, as maps to a lower-triangular factor."""

from skglmm.covariance._base import Covariance
from skglmm.covariance._block_diagonal import BlockDiagonal
from skglmm.covariance._diagonal import Diagonal
from skglmm.covariance._unstructured import Unstructured

__all__ = ["BlockDiagonal", "Covariance", "Diagonal", "Unstructured"]
