"""The rows of a fit, given again for what needs them: profiles, bootstrap, residuals."""

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skglmm.estimators._frames import predict_frame
from skglmm.estimators._validation import check_weights, check_y
from skglmm.fitting import Study
from skglmm.laplace import laplace

__all__ = ["study_of"]

SAME = 1e-6  # relative difference of log likelihoods that rounding may make


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
    column = check_y(estimator, y)
    check_consistent_length(X, column)
    weights = check_weights(sample_weight, column)
    frame = predict_frame(estimator, X)
    if weights is not None:
        kept = weights > 0
        frame, column, weights = frame.loc[kept], column[kept], weights[kept]
        weights = None if np.all(weights == 1.0) else weights
    design = estimator._spec.build(frame, context=estimator.context)
    unit = estimator._scale.unit(column)
    mass = 1.0 if weights is None else weights
    log_jacobian = float(np.sum(mass * estimator._scale.log_jacobian(unit)))
    study = Study.of(estimator.fit_.family, design, unit, weights, log_jacobian)
    _refuse_others(estimator, study)
    return study


def _refuse_others(estimator: Any, study: Study) -> None:
    fit = estimator.fit_
    if study.data_digest != fit.data_digest:
        msg = (
            f"y or its weights are not those of fit ({len(study.y)} rows now, {fit.n_samples} "
            "then); pass the same X, y and sample_weight, in any order of the rows"
        )
        raise ValueError(msg)
    here = laplace(study.problem, study.vector(fit))
    value = np.nan if here is None else -here.value - study.log_jacobian
    if not abs(value - fit.log_likelihood) <= SAME * max(1.0, abs(fit.log_likelihood)):
        msg = (
            f"X is not that of fit: the log likelihood of these rows is {value:.6f}, that of the "
            f"fit {fit.log_likelihood:.6f}; pass the same X and y, row by row"
        )
        raise ValueError(msg)
