"""Whether one fitted estimator is nested in another, by what their columns span."""

from typing import Any

from skglmm.estimators.base.inside import Inside, unwrap
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.rows import known_frame
from skglmm.fitting import Spaces, of_rows
from skglmm.inference import Comparison

__all__ = ["paired", "spaces_on", "why_not_nested"]


def why_not_nested(
    smaller: MixedModel,
    larger: MixedModel,
    spaces: tuple[Spaces, Spaces] | None = None,
) -> str | None:
    """Return why one estimator is not nested in the other, None if it is.

    Parameters
    ----------
    smaller, larger : MixedModel
        Fitted to the same data.
    spaces : tuple of Spaces, length 2, or None
        What their columns span on rows that are at hand.
    """
    return Comparison(smaller.fit_, larger.fit_, spaces).obstacle()


def spaces_on(model: Any, X: Any, sample_weight: Any = None) -> Spaces:
    """Return what the columns of a fitted model span on the rows of fit.

    Parameters
    ----------
    model : estimator or Pipeline
    X : DataFrame or array-like, shape (n_samples, n_features)
        The rows of `fit`, in the same order for all models.
    sample_weight : array-like, shape (n_samples,), default=None
        Rows of weight 0 are dropped.

    Raises
    ------
    ValueError
        When X has another number of rows.
    """
    inner = unwrap(model)
    frame = known_frame(inner, Inside.of(model).rows(X), sample_weight)
    if len(frame) != inner.fit_.n_samples:
        msg = (
            f"X has {len(frame)} rows and fit had {inner.fit_.n_samples}; pass the rows of fit, "
            "and sample_weight if some of them weigh nothing"
        )
        raise ValueError(msg)
    return of_rows(inner._spec.build(frame, context=inner.context))


def paired(one: Spaces | None, other: Spaces | None) -> tuple[Spaces, Spaces] | None:
    """Return the spaces of two models, None if rows are not at hand."""
    return None if one is None or other is None else (one, other)
