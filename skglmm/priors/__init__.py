"""Priors of parameters: densities of a number, and texts such as ``"normal(0, 2.5)"``."""

from skglmm.priors.densities import GammaDensity, LKJDensity, NormalDensity, PriorDensity
from skglmm.priors.read import NO_PRIORS, Priors, read_priors

__all__ = [
    "NO_PRIORS",
    "GammaDensity",
    "LKJDensity",
    "NormalDensity",
    "PriorDensity",
    "Priors",
    "read_priors",
]
