"""Covariances of the random effects of one level, as maps to a lower-triangular factor."""

from skglmm.covariance.autoregressive import Autoregressive
from skglmm.covariance.base import Covariance
from skglmm.covariance.block_diagonal import BlockDiagonal
from skglmm.covariance.compound_symmetry import CompoundSymmetry
from skglmm.covariance.diagonal import Diagonal
from skglmm.covariance.known import Known
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, NaturalParameter
from skglmm.covariance.parameterless import Parameterless
from skglmm.covariance.unstructured import Unstructured

__all__ = [
    "Autoregressive",
    "BlockDiagonal",
    "CompoundSymmetry",
    "Coordinate",
    "Covariance",
    "Diagonal",
    "Edge",
    "EffectNames",
    "Known",
    "NaturalParameter",
    "Parameterless",
    "Unstructured",
]
