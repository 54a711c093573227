"""Generalized linear mixed models as scikit-learn estimators."""

__version__ = "0.1.0.dev0"

from skglmm.estimators import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
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
    "BetaGLMMRegressor",
    "DesignError",
    "ExtendedBetaGLMMRegressor",
    "FormulaError",
    "ImplicitNestingWarning",
    "OneInflatedBetaGLMMRegressor",
    "OrderedBetaGLMMRegressor",
    "SingularFitWarning",
    "ZeroInflatedBetaGLMMRegressor",
    "ZeroOneInflatedBetaGLMMRegressor",
    "__version__",
]
