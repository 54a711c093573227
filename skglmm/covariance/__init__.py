"""Covariances of the random effects of one level, as maps to a lower-triangular factor."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.covariance.autoregressive import Autoregressive
    from skglmm.covariance.base import Covariance
    from skglmm.covariance.block_diagonal import BlockDiagonal
    from skglmm.covariance.compound_symmetry import CompoundSymmetry
    from skglmm.covariance.derived.lowered import Lowered
    from skglmm.covariance.diagonal import Diagonal
    from skglmm.covariance.factor_analytic import FactorAnalytic
    from skglmm.covariance.fields.exponential import Exponential
    from skglmm.covariance.fields.extended import Extended
    from skglmm.covariance.fields.gaussian_kernel import GaussianKernel
    from skglmm.covariance.fields.matern import Matern
    from skglmm.covariance.fields.ornstein_uhlenbeck import OrnsteinUhlenbeck
    from skglmm.covariance.heterogeneous_autoregressive import HeterogeneousAutoregressive
    from skglmm.covariance.homogeneous_compound_symmetry import HomogeneousCompoundSymmetry
    from skglmm.covariance.homogeneous_diagonal import HomogeneousDiagonal
    from skglmm.covariance.homogeneous_toeplitz import HomogeneousToeplitz
    from skglmm.covariance.known import Known
    from skglmm.covariance.natural import Coordinate, Edge, EffectNames, NaturalParameter
    from skglmm.covariance.parameterless import Parameterless
    from skglmm.covariance.relationship import Relationship
    from skglmm.covariance.smooths.tensor_penalty import TensorPenalty
    from skglmm.covariance.toeplitz import Toeplitz
    from skglmm.covariance.unstructured import Unstructured
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.covariance.autoregressive": "Autoregressive",
            "skglmm.covariance.base": "Covariance",
            "skglmm.covariance.block_diagonal": "BlockDiagonal",
            "skglmm.covariance.compound_symmetry": "CompoundSymmetry",
            "skglmm.covariance.derived.lowered": "Lowered",
            "skglmm.covariance.diagonal": "Diagonal",
            "skglmm.covariance.factor_analytic": "FactorAnalytic",
            "skglmm.covariance.fields.exponential": "Exponential",
            "skglmm.covariance.fields.extended": "Extended",
            "skglmm.covariance.fields.gaussian_kernel": "GaussianKernel",
            "skglmm.covariance.fields.matern": "Matern",
            "skglmm.covariance.fields.ornstein_uhlenbeck": "OrnsteinUhlenbeck",
            "skglmm.covariance.heterogeneous_autoregressive": "HeterogeneousAutoregressive",
            "skglmm.covariance.homogeneous_compound_symmetry": "HomogeneousCompoundSymmetry",
            "skglmm.covariance.homogeneous_diagonal": "HomogeneousDiagonal",
            "skglmm.covariance.homogeneous_toeplitz": "HomogeneousToeplitz",
            "skglmm.covariance.known": "Known",
            "skglmm.covariance.natural": "Coordinate Edge EffectNames NaturalParameter",
            "skglmm.covariance.parameterless": "Parameterless",
            "skglmm.covariance.relationship": "Relationship",
            "skglmm.covariance.smooths.tensor_penalty": "TensorPenalty",
            "skglmm.covariance.toeplitz": "Toeplitz",
            "skglmm.covariance.unstructured": "Unstructured",
        },
    )

__all__ = [
    "Autoregressive",
    "BlockDiagonal",
    "CompoundSymmetry",
    "Coordinate",
    "Covariance",
    "Diagonal",
    "Edge",
    "EffectNames",
    "Exponential",
    "Extended",
    "FactorAnalytic",
    "GaussianKernel",
    "HeterogeneousAutoregressive",
    "HomogeneousCompoundSymmetry",
    "HomogeneousDiagonal",
    "HomogeneousToeplitz",
    "Known",
    "Lowered",
    "Matern",
    "NaturalParameter",
    "OrnsteinUhlenbeck",
    "Parameterless",
    "Relationship",
    "TensorPenalty",
    "Toeplitz",
    "Unstructured",
]
