"""scikit-learn estimators of mixed models."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.estimators.bounded.beta import BetaGLMMRegressor
    from skglmm.estimators.bounded.extended_beta import ExtendedBetaGLMMRegressor
    from skglmm.estimators.bounded.one_inflated_beta import OneInflatedBetaGLMMRegressor
    from skglmm.estimators.bounded.ordered_beta import OrderedBetaGLMMRegressor
    from skglmm.estimators.bounded.zero_inflated_beta import ZeroInflatedBetaGLMMRegressor
    from skglmm.estimators.bounded.zero_one_inflated_beta import ZeroOneInflatedBetaGLMMRegressor
    from skglmm.estimators.classes.binomial_classifier import BinomialGLMMClassifier
    from skglmm.estimators.classes.multinomial import MultinomialGLMMClassifier
    from skglmm.estimators.classes.ordinal import OrdinalGLMMClassifier
    from skglmm.estimators.counts.conway_maxwell_poisson import ConwayMaxwellPoissonGLMMRegressor
    from skglmm.estimators.counts.generalized_poisson import GeneralizedPoissonGLMMRegressor
    from skglmm.estimators.counts.negative_binomial import NegativeBinomialGLMMRegressor
    from skglmm.estimators.counts.poisson import PoissonGLMMRegressor
    from skglmm.estimators.glmm import GLMMRegressor
    from skglmm.estimators.positive.gamma import GammaGLMMRegressor
    from skglmm.estimators.positive.inverse_gaussian import InverseGaussianGLMMRegressor
    from skglmm.estimators.positive.lognormal import LognormalGLMMRegressor
    from skglmm.estimators.positive.tweedie import TweedieGLMMRegressor
    from skglmm.estimators.real.lmm import LMMRegressor
    from skglmm.estimators.real.student import StudentTGLMMRegressor
    from skglmm.estimators.trials.beta_binomial import BetaBinomialGLMMRegressor
    from skglmm.estimators.trials.binomial import BinomialGLMMRegressor
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.estimators.bounded.beta": "BetaGLMMRegressor",
            "skglmm.estimators.bounded.extended_beta": "ExtendedBetaGLMMRegressor",
            "skglmm.estimators.bounded.one_inflated_beta": "OneInflatedBetaGLMMRegressor",
            "skglmm.estimators.bounded.ordered_beta": "OrderedBetaGLMMRegressor",
            "skglmm.estimators.bounded.zero_inflated_beta": "ZeroInflatedBetaGLMMRegressor",
            "skglmm.estimators.bounded.zero_one_inflated_beta": "ZeroOneInflatedBetaGLMMRegressor",
            "skglmm.estimators.classes.binomial_classifier": "BinomialGLMMClassifier",
            "skglmm.estimators.classes.multinomial": "MultinomialGLMMClassifier",
            "skglmm.estimators.classes.ordinal": "OrdinalGLMMClassifier",
            "skglmm.estimators.counts.conway_maxwell_poisson": "ConwayMaxwellPoissonGLMMRegressor",
            "skglmm.estimators.counts.generalized_poisson": "GeneralizedPoissonGLMMRegressor",
            "skglmm.estimators.counts.negative_binomial": "NegativeBinomialGLMMRegressor",
            "skglmm.estimators.counts.poisson": "PoissonGLMMRegressor",
            "skglmm.estimators.glmm": "GLMMRegressor",
            "skglmm.estimators.positive.gamma": "GammaGLMMRegressor",
            "skglmm.estimators.positive.inverse_gaussian": "InverseGaussianGLMMRegressor",
            "skglmm.estimators.positive.lognormal": "LognormalGLMMRegressor",
            "skglmm.estimators.positive.tweedie": "TweedieGLMMRegressor",
            "skglmm.estimators.real.lmm": "LMMRegressor",
            "skglmm.estimators.real.student": "StudentTGLMMRegressor",
            "skglmm.estimators.trials.beta_binomial": "BetaBinomialGLMMRegressor",
            "skglmm.estimators.trials.binomial": "BinomialGLMMRegressor",
        },
    )

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
    "InverseGaussianGLMMRegressor",
    "LMMRegressor",
    "LognormalGLMMRegressor",
    "MultinomialGLMMClassifier",
    "NegativeBinomialGLMMRegressor",
    "OneInflatedBetaGLMMRegressor",
    "OrderedBetaGLMMRegressor",
    "OrdinalGLMMClassifier",
    "PoissonGLMMRegressor",
    "StudentTGLMMRegressor",
    "TweedieGLMMRegressor",
    "ZeroInflatedBetaGLMMRegressor",
    "ZeroOneInflatedBetaGLMMRegressor",
]
