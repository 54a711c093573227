"""Bases of smooth terms: regression splines as mixed models."""

from skglmm.bases.basis import Basis
from skglmm.bases.learn import learn_basis

__all__ = ["Basis", "learn_basis"]
