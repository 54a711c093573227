"""Whether one fitted estimator is nested in another, by what their columns span."""

from typing import Any

from skglmm.estimators._base import BaseGLMMRegressor
from skglmm.estimators._frames import predict_frame
from skglmm.fitting import Spaces, of_rows
from skglmm.inference import Comparison
from skglmm.model_selection._unwrap import transformed, unwrap

__all__ = ["spaces_on", "why_not_nested"]


def why_not_nested(
    smaller: BaseGLMMRegressor,
    larger: BaseGLMMRegressor,
    spaces: tuple[Spaces, Spaces] | None = None,
) -> str | None:
    """Return why one estimator is not nested in the other, None if it is.

    Parameters
    ----------
    smaller, larger : BaseGLMMRegressor
        Fitted to the same data.
    spaces : tuple of Spaces, length 2, or None
        What their columns span on rows that are at hand.
    """
    found = Comparison(smaller.fit_, larger.fit_, spaces)
    reason = found.obstacle()
    if reason is not None:
        return reason
    offsets, within = (smaller.offset, larger.offset), found.offsets_are_within()
    if not (offsets[0] == offsets[1] if within is None else within):
        return f"their offsets differ, {offsets[0]!r} and {offsets[1]!r}"
    return None


def spaces_on(model: Any, X: Any) -> Spaces:
    """Return what the columns of a fitted model span on the rows of fit.

    Parameters
    ----------
    model : estimator or Pipeline
    X : DataFrame or array-like, shape (n_samples, n_features)
        The rows of `fit` that have a weight, in the same order for all models.

    Raises
    ------
    ValueError
        When X has another number of rows.
    """
    inner = unwrap(model)
    frame = predict_frame(inner, transformed(model, X))
    if len(frame) != inner.fit_.n_samples:
        msg = (
            f"X has {len(frame)} rows and fit had {inner.fit_.n_samples}; pass the rows of fit, "
            "without those of weight 0"
        )
        raise ValueError(msg)
    return of_rows(inner._spec.build(frame, context=inner.context))
