"""Generalized linear mixed models as scikit-learn estimators."""

__version__ = "0.2.0"

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

# What is public but not imported here; `import skglmm` is enough to use it.
ROOMS = (
    "covariance",
    "datasets",
    "estimators",
    "exceptions",
    "families",
    "inspection",
    "links",
    "model_selection",
    "multioutput",
    "planning",
    "preprocessing",
    "priors",
    "response",
    "special",
)

if TYPE_CHECKING:
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
        InverseGaussianGLMMRegressor,
        LMMRegressor,
        LognormalGLMMRegressor,
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
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.estimators": (
                "BetaBinomialGLMMRegressor BetaGLMMRegressor BinomialGLMMClassifier "
                "BinomialGLMMRegressor ConwayMaxwellPoissonGLMMRegressor "
                "ExtendedBetaGLMMRegressor GammaGLMMRegressor GeneralizedPoissonGLMMRegressor "
                "GLMMRegressor InverseGaussianGLMMRegressor LMMRegressor LognormalGLMMRegressor "
                "MultinomialGLMMClassifier NegativeBinomialGLMMRegressor "
                "OneInflatedBetaGLMMRegressor OrderedBetaGLMMRegressor OrdinalGLMMClassifier "
                "PoissonGLMMRegressor StudentTGLMMRegressor TweedieGLMMRegressor "
                "ZeroInflatedBetaGLMMRegressor ZeroOneInflatedBetaGLMMRegressor"
            ),
            "skglmm.exceptions": (
                "DesignError FormulaError ImplicitNestingWarning SingularFitWarning"
            ),
        },
        rooms=ROOMS,
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
    "InverseGaussianGLMMRegressor",
    "LMMRegressor",
    "LognormalGLMMRegressor",
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
