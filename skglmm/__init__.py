"""Generalized linear mixed models as scikit-learn estimators."""

__version__ = "0.1.0.dev0"

from skglmm.estimators import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    GammaGLMMRegressor,
    GLMMRegressor,
    InverseGaussianGLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    NegativeBinomialGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
    StudentTGLMMRegressor,
    TweedieGLMMRegressor,
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
    "DesignError",
    "ExtendedBetaGLMMRegressor",
    "FormulaError",
    "GLMMRegressor",
    "GammaGLMMRegressor",
    "ImplicitNestingWarning",
    "InverseGaussianGLMMRegressor",
    "LMMRegressor",
    "MultinomialGLMMClassifier",
    "NegativeBinomialGLMMRegressor",
    "OneInflatedBetaGLMMRegressor",
    "OrderedBetaGLMMRegressor",
    "OrdinalGLMMClassifier",
    "PoissonGLMMRegressor",
    "SingularFitWarning",
    "StudentTGLMMRegressor",
    "TweedieGLMMRegressor",
    "ZeroInflatedBetaGLMMRegressor",
    "ZeroOneInflatedBetaGLMMRegressor",
    "__version__",
]
