"""The rows of a fit, given again for what needs them: profiles, bootstrap, residuals."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skglmm.estimators.reading.rows import known_rows
from skglmm.fitting import Digest, Study, digest, row_digest

__all__ = ["study_of"]

_CHANGED = "columns that the model uses hold other values"
_MIXED = "its rows are the same, but they belong to other rows of y"


def study_of(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Study:
    """Return the rows of `fit`, given again, ready for further fits.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    ValueError
        When these are not the rows of the fit, in any order.
    """
    check_is_fitted(estimator)
    frame, column, weights, _ = known_rows(estimator, X, y, sample_weight)
    read = estimator._scale.read(column)
    log_jacobian = estimator._scale.total_log_jacobian(read, weights)
    _refuse_other_responses(estimator, digest(read, weights, log_jacobian), len(read))
    _refuse_other_rows(estimator, row_digest(estimator._spec.read(frame), read, weights))
    design = estimator._spec.build(frame, context=estimator.context)
    fit = estimator.fit_
    how = {"approximation": fit.approximation, "priors": fit.priors, "solver": fit.solver}
    study = Study.of(fit.family, design, read, weights, log_jacobian, **how)
    return study.planned(fit).holding(fit.caps)


def _refuse_other_responses(estimator: Any, found: Digest, n_rows: int) -> None:
    fit = estimator.fit_
    if str(found) != fit.data_digest:
        msg = (
            f"y or its weights are not those of fit ({n_rows} rows now, {fit.n_samples} "
            "then); pass the same X, y and sample_weight, in any order of the rows"
        )
        raise ValueError(msg)


def _refuse_other_rows(estimator: Any, found: Digest) -> None:
    known = estimator._row_digest
    if found != known:
        what = _MIXED if found.part == known.part else _CHANGED
        msg = f"X is not that of fit: {what}; pass the same X and y, row by row"
        raise ValueError(msg)
