"""Refits by maximum likelihood of what was fitted by REML, to compare other fixed effects."""

from copy import copy
from typing import Any

from skglmm.estimators.base.inside import Inside, unwrap
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.study import study_of
from skglmm.fitting import Options, unrestricted

__all__ = ["by_maximum_likelihood", "refuse_missing"]


def by_maximum_likelihood(model: Any, X: Any, y: Any, sample_weight: Any = None) -> MixedModel:
    """Return the estimator inside a model as maximum likelihood fits it to the same rows.

    Parameters
    ----------
    model : estimator or Pipeline
        Fitted; it stays as it is.
    X : DataFrame or array-like, shape (n_samples, n_features)
        The rows of `fit`, in any order.
    y : array-like, shape (n_samples,)
        Their responses.
    sample_weight : array-like, shape (n_samples,), default=None
        The weights of `fit`.

    Raises
    ------
    ValueError
        When these are not the rows of `fit`.
    """
    found = copy(unwrap(model))
    study = study_of(found, Inside.of(model).rows(X), y, sample_weight)
    found.fit_ = unrestricted(study, found.fit_, Options(found.tol, int(found.max_iter)))
    return found


def refuse_missing(asked: str, call: str, **given: Any) -> None:
    """Refuse to go on without what was not given, which a choice needs."""
    missing = [name for name, value in given.items() if value is None]
    if missing:
        msg = (
            f"{asked} needs the rows of fit, but {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing; call {call}"
        )
        raise ValueError(msg)
