"""Covariances of the random effects of one level, as maps to a lower-triangular factor."""

from skglmm.covariance.base import Covariance
from skglmm.covariance.block_diagonal import BlockDiagonal
from skglmm.covariance.diagonal import Diagonal
from skglmm.covariance.unstructured import Unstructured

__all__ = ["BlockDiagonal", "Covariance", "Diagonal", "Unstructured"]
