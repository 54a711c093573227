"""scikit-learn estimators of mixed models."""

from skglmm.estimators.beta import BetaGLMMRegressor
from skglmm.estimators.beta_binomial import BetaBinomialGLMMRegressor
from skglmm.estimators.binomial import BinomialGLMMRegressor
from skglmm.estimators.binomial_classifier import BinomialGLMMClassifier
from skglmm.estimators.conway_maxwell_poisson import ConwayMaxwellPoissonGLMMRegressor
from skglmm.estimators.extended_beta import ExtendedBetaGLMMRegressor
from skglmm.estimators.gamma import GammaGLMMRegressor
from skglmm.estimators.generalized_poisson import GeneralizedPoissonGLMMRegressor
from skglmm.estimators.glmm import GLMMRegressor
from skglmm.estimators.lmm import LMMRegressor
from skglmm.estimators.multinomial import MultinomialGLMMClassifier
from skglmm.estimators.negative_binomial import NegativeBinomialGLMMRegressor
from skglmm.estimators.one_inflated_beta import OneInflatedBetaGLMMRegressor
from skglmm.estimators.ordered_beta import OrderedBetaGLMMRegressor
from skglmm.estimators.ordinal import OrdinalGLMMClassifier
from skglmm.estimators.poisson import PoissonGLMMRegressor
from skglmm.estimators.zero_inflated_beta import ZeroInflatedBetaGLMMRegressor
from skglmm.estimators.zero_one_inflated_beta import ZeroOneInflatedBetaGLMMRegressor

__all__ = [
    "BetaBinomialGLMMRegressor",
    "BetaGLMMRegressor",
    "BinomialGLMMClassifier",
    "BinomialGLMMRegressor",
    "ConwayMaxwellPoissonGLMMRegressor",
    "ExtendedBetaGLMMRegressor",
    "GLMMRegressor",
    "GammaGLMMRegressor",
    "GeneralizedPoissonGLMMRegressor",
    "LMMRegressor",
    "MultinomialGLMMClassifier",
    "NegativeBinomialGLMMRegressor",
    "OneInflatedBetaGLMMRegressor",
    "OrderedBetaGLMMRegressor",
    "OrdinalGLMMClassifier",
    "PoissonGLMMRegressor",
    "ZeroInflatedBetaGLMMRegressor",
    "ZeroOneInflatedBetaGLMMRegressor",
]
