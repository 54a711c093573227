"""Generalized linear mixed models as scikit-learn estimators."""

__version__ = "0.1.0.dev0"

from skglmm.estimators import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    ConwayMaxwellPoissonGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    GammaGLMMRegressor,
    GeneralizedPoissonGLMMRegressor,
    GLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    NegativeBinomialGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.exceptions import (
    DesignError,
    FormulaError,
    ImplicitNestingWarning,
    SingularFitWarning,
)

__all__ = [
    "BetaBinomialGLMMRegressor",
    "BetaGLMMRegressor",
    "BinomialGLMMClassifier",
    "BinomialGLMMRegressor",
    "ConwayMaxwellPoissonGLMMRegressor",
    "DesignError",
    "ExtendedBetaGLMMRegressor",
    "FormulaError",
    "GLMMRegressor",
    "GammaGLMMRegressor",
    "GeneralizedPoissonGLMMRegressor",
    "ImplicitNestingWarning",
    "LMMRegressor",
    "MultinomialGLMMClassifier",
    "NegativeBinomialGLMMRegressor",
    "OneInflatedBetaGLMMRegressor",
    "OrderedBetaGLMMRegressor",
    "OrdinalGLMMClassifier",
    "PoissonGLMMRegressor",
    "SingularFitWarning",
    "ZeroInflatedBetaGLMMRegressor",
    "ZeroOneInflatedBetaGLMMRegressor",
    "__version__",
]
