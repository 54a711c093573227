"""scikit-learn estimators of mixed models."""

from skglmm.estimators.beta import BetaGLMMRegressor
from skglmm.estimators.extended_beta import ExtendedBetaGLMMRegressor
from skglmm.estimators.one_inflated_beta import OneInflatedBetaGLMMRegressor
from skglmm.estimators.ordered_beta import OrderedBetaGLMMRegressor
from skglmm.estimators.zero_inflated_beta import ZeroInflatedBetaGLMMRegressor
from skglmm.estimators.zero_one_inflated_beta import ZeroOneInflatedBetaGLMMRegressor

__all__ = [
    "BetaGLMMRegressor",
    "ExtendedBetaGLMMRegressor",
    "OneInflatedBetaGLMMRegressor",
    "OrderedBetaGLMMRegressor",
    "ZeroInflatedBetaGLMMRegressor",
    "ZeroOneInflatedBetaGLMMRegressor",
]
