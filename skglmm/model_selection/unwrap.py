"""The estimator inside what users pass: itself, a pipeline, a search, something frozen."""

from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skglmm.estimators.base.mixed_model import MixedModel

__all__ = ["inside", "transformed", "unwrap"]


def inside(model: Any) -> Any:
    """Return the last step of a pipeline, what was found by a search, what is frozen, or None."""
    if isinstance(model, Pipeline):
        return model[-1]
    if isinstance(model, FrozenEstimator):
        return model.estimator
    return getattr(model, "best_estimator_", None)


def unwrap(model: Any, name: str = "the model") -> MixedModel:
    """Return the fitted estimator of a model: of a pipeline the last step, of a search the best.

    Raises
    ------
    TypeError
        When the model is, or ends in, something else.
    NotFittedError
        When `fit` was not called.
    """
    estimator = model
    while not isinstance(estimator, MixedModel):
        inner = inside(estimator)
        if inner is None:
            msg = (
                f"{name} is of type {type(estimator).__name__}, not a skglmm estimator: expected "
                "a fitted one such as BetaGLMMRegressor, or a pipeline or fitted search that "
                "ends in one"
            )
            raise TypeError(msg)
        estimator = inner
    if not hasattr(estimator, "fit_"):
        msg = f"{name}, a {type(estimator).__name__}, is not fitted yet; call fit(X, y) first"
        raise NotFittedError(msg)
    return estimator


def transformed(model: Any, X: Any) -> Any:
    """Return X as the estimator inside a fitted model gets it."""
    while not isinstance(model, MixedModel):
        if isinstance(model, Pipeline) and len(model) > 1:
            X = model[:-1].transform(X)
        model = inside(model)
    return X
