"""scikit-learn estimators of mixed models."""

from skglmm.estimators._beta import BetaGLMMRegressor
from skglmm.estimators._extended_beta import ExtendedBetaGLMMRegressor
from skglmm.estimators._one_inflated_beta import OneInflatedBetaGLMMRegressor
from skglmm.estimators._ordered_beta import OrderedBetaGLMMRegressor
from skglmm.estimators._zero_inflated_beta import ZeroInflatedBetaGLMMRegressor
from skglmm.estimators._zero_one_inflated_beta import ZeroOneInflatedBetaGLMMRegressor

__all__ = [
    "BetaGLMMRegressor",
    "ExtendedBetaGLMMRegressor",
    "OneInflatedBetaGLMMRegressor",
    "OrderedBetaGLMMRegressor",
    "ZeroInflatedBetaGLMMRegressor",
    "ZeroOneInflatedBetaGLMMRegressor",
]
