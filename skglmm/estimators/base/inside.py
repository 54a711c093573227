"""The estimator inside what users pass: itself, a pipeline, a search, something frozen."""

from dataclasses import dataclass
from typing import Any, Self

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skglmm.estimators.base.mixed_model import MixedModel

__all__ = ["Inside", "unwrap"]


@dataclass(frozen=True, eq=False)
class Inside:
    """The innermost estimator, and the steps of pipelines that rows pass on the way to it.

    Parameters
    ----------
    model : estimator
        The end of a pipeline, what a search found, what is frozen; neither of them itself.
    steps : tuple
        Fitted transformers.
    """

    model: Any
    steps: tuple[Any, ...] = ()

    @classmethod
    def of(cls, model: Any) -> Self:
        """Look inside until nothing is inside."""
        steps: list[Any] = []
        inner = model
        while inner is not None:
            model = inner
            if isinstance(model, Pipeline):
                steps += (step for _, step in model.steps[:-1])
            inner = _inner(model)
        return cls(model, tuple(step for step in steps if step not in (None, "passthrough")))

    def rows(self, X: Any) -> Any:
        """Return X as the model gets it."""
        for step in self.steps:
            X = step.transform(X)
        return X


def unwrap(model: Any, name: str = "the model") -> MixedModel:
    """Return the fitted mixed model inside of a model.

    Raises
    ------
    TypeError
        When the model is, or ends in, something else.
    NotFittedError
        When `fit` was not called.
    """
    found = Inside.of(model).model
    if not isinstance(found, MixedModel):
        msg = (
            f"{name} is, or ends in, a {type(found).__name__}, not a skglmm estimator: expected a "
            "fitted one such as BetaGLMMRegressor, or a pipeline or fitted search that ends in one"
        )
        raise TypeError(msg)
    if not hasattr(found, "fit_"):
        msg = f"{name}, a {type(found).__name__}, is not fitted yet; call fit(X, y) first"
        raise NotFittedError(msg)
    return found


def _inner(model: Any) -> Any:
    if isinstance(model, Pipeline):
        return model.steps[-1][1]
    if isinstance(model, FrozenEstimator):
        return model.estimator
    return getattr(model, "best_estimator_", None)
