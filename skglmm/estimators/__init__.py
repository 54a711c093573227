"""scikit-learn estimators of mixed models."""

from skglmm.estimators._regressors import BetaGLMMRegressor

__all__ = ["BetaGLMMRegressor"]
