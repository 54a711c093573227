"""The fitted estimator inside what users pass: itself, or the last step of a pipeline."""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skglmm.estimators._base import BaseGLMMRegressor

__all__ = ["unwrap"]


def unwrap(model: Any, name: str = "the model") -> BaseGLMMRegressor:
    """Return the fitted estimator of a model, which may be a pipeline that ends in one.

    Raises
    ------
    TypeError
        When the model is, or ends in, something else.
    NotFittedError
        When `fit` was not called.
    """
    estimator = model
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    if not isinstance(estimator, BaseGLMMRegressor):
        msg = (
            f"{name} is of type {type(estimator).__name__}, not a skglmm estimator: expected a "
            "fitted estimator such as BetaGLMMRegressor, or a Pipeline that ends in one"
        )
        raise TypeError(msg)
    check_is_fitted(estimator)
    return estimator
