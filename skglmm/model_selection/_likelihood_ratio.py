"""Likelihood-ratio tests of fitted estimators."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skglmm.estimators._base import BaseGLMMRegressor
from skglmm.estimators._model import titled
from skglmm.estimators._replicates import replicate, seeds
from skglmm.estimators._study import study_of
from skglmm.estimators._validation import check_choice, check_count
from skglmm.estimators._warnings import tell
from skglmm.fitting import Fit, Rules, Study
from skglmm.inference import (
    Contest,
    LikelihoodRatio,
    likelihood_ratio,
    obstacle,
    simulated_ratio,
    unweighted,
    with_replicates,
)
from skglmm.model_selection._comparable import refuse_different
from skglmm.model_selection._unwrap import transformed, unwrap

__all__ = ["likelihood_ratio_test", "why_not_nested"]

_METHODS = ("chi2", "bootstrap")


def likelihood_ratio_test(
    smaller: Any,
    larger: Any,
    X: Any = None,
    y: Any = None,
    *,
    method: str = "chi2",
    n_replicates: int = 999,
    sample_weight: Any = None,
    n_jobs: int | None = None,
    random_state: Any = None,
) -> LikelihoodRatio:
    r"""Test a model against a larger one that it is nested in.

    Models are nested by the names of their coefficients, grouping factors and effects: the
    larger one has all of the smaller one's, and correlates at least as many of the effects.

    Parameters
    ----------
    smaller, larger : estimator or Pipeline
        Fitted to the same rows and responses, in any order.
    X : DataFrame or array-like, shape (n_samples, n_features), default=None
        The rows of `fit`, in any order. Only for "bootstrap".
    y : array-like, shape (n_samples,), default=None
        Their responses. Only for "bootstrap".
    method : {"chi2", "bootstrap"}, default="chi2"
        "chi2" is asymptotic theory. A variance of 0 lies on the boundary of its range, so when
        one effect is added whose covariances with q others are estimated, too, the null
        distribution is :math:`\tfrac12 \chi^2_q + \tfrac12 \chi^2_{q + 1}` [1]_, shifted by the
        number of fixed effects that are added at the same time. Without variances it is the
        plain chi-square. Where several variances are added at once, or the smaller fit is
        itself singular, the plain chi-square is reported as "conservative": the p-value is too
        large. "bootstrap" simulates responses from the smaller model, with new random effects,
        fits both models to each and counts how often their ratio is as large [2]_.
    n_replicates : int, default=999
        Simulated responses of "bootstrap"; the smallest p-value is 1 / (1 + n_replicates).
    sample_weight : array-like, shape (n_samples,), default=None
        The weights of `fit`, whole numbers. Only for "bootstrap".
    n_jobs : int, default=None
        Workers of joblib for "bootstrap"; the result does not depend on it. If tqdm is
        installed, a bar shows the progress of long work.
    random_state : int, Generator, RandomState or None, default=None
        Seed of "bootstrap".

    Returns
    -------
    LikelihoodRatio
        A record with statistic, df, p_value, method, mixture and notes, and `to_frame()`.

    Raises
    ------
    TypeError
        When a model is not a skglmm estimator.
    NotFittedError
        When a model is not fitted.
    ValueError
        When the models are not nested, stand in the wrong order or were fitted to different
        data; when X or y is missing or others than in `fit`.

    Warns
    -----
    ConvergenceWarning
        When fits to simulated responses fail: they are counted, and left out.

    References
    ----------
    .. [1] Stram, D. O. & Lee, J. W. (1994). Variance components testing in the longitudinal
       mixed effects model. Biometrics, 50(4), 1171-1177.
    .. [2] Davison, A. C. & Hinkley, D. V. (1997). Bootstrap Methods and their Application.
       Cambridge University Press, chapter 4.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import likelihood_ratio_test
    >>> X, y = load_petrol(return_X_y=True)
    >>> smaller = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y)
    >>> larger = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> print(likelihood_ratio_test(smaller, larger))
    LR = 40.960 on 1 df, p = 7.8e-11 (boundary-corrected)
    """
    check_choice("method", method, _METHODS)
    check_count("n_replicates", n_replicates)
    models = unwrap(smaller, "the smaller model"), unwrap(larger, "the larger model")
    names = titled(models[0].formulas_), titled(models[1].formulas_)
    refuse_different(("the smaller model", "the larger model"), *models)
    _refuse_others(*models)
    test = likelihood_ratio(models[0].fit_, models[1].fit_, names)
    if method == "chi2":
        return test
    _refuse_missing(X, y)
    studies = [
        unweighted(study_of(inner, transformed(outer, X), y, sample_weight))
        for inner, outer in zip(models, (smaller, larger), strict=True)
    ]
    contest = _contest(models, (studies[0], studies[1]))
    once = partial(simulated_ratio, contest)
    found = replicate(once, seeds(random_state, n_replicates), n_jobs)
    _tell_failures(found)
    return with_replicates(test, found)


def _tell_failures(statistics: Sequence[float]) -> None:
    n_failed = int(np.isnan(statistics).sum())
    if 0 < n_failed < len(statistics):
        text = (
            f"{n_failed} of {len(statistics)} simulated responses could not be fitted by both "
            "models; the p-value leaves them out"
        )
        tell(text, ConvergenceWarning)


def why_not_nested(smaller: BaseGLMMRegressor, larger: BaseGLMMRegressor) -> str | None:
    """Return why one estimator is not nested in the other, None if it is."""
    offsets = [
        dict(zip(model.fit_.layout.predictors, model.fit_.layout.offsets, strict=True))
        for model in (smaller, larger)
    ]
    for name, theirs in offsets[0].items():
        texts = [" + ".join(found) or None for found in (theirs, offsets[1].get(name, ()))]
        if texts[0] != texts[1]:
            return f"their offsets differ, {texts[0]!r} and {texts[1]!r}"
    return obstacle(smaller.fit_, larger.fit_)


def _refuse_others(smaller: BaseGLMMRegressor, larger: BaseGLMMRegressor) -> None:
    reason = why_not_nested(smaller, larger)
    if reason is None:
        return
    texts = [titled(model.formulas_) for model in (smaller, larger)]
    names = f"{texts[0]!r} and {texts[1]!r}"
    if why_not_nested(larger, smaller) is None:
        msg = (
            f"the models stand in the wrong order: {texts[1]!r} is nested in {texts[0]!r}; pass "
            "the smaller one first"
        )
    else:
        msg = (
            f"{names} cannot be tested as nested models: {reason}. Effects are told apart by their "
            "names; models that are not nested are ranked by their AIC, see compare()"
        )
    raise ValueError(msg)


def _refuse_missing(X: Any, y: Any) -> None:
    missing = [name for name, value in (("X", X), ("y", y)) if value is None]
    if missing:
        msg = (
            f"method='bootstrap' needs the rows of fit, but {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing; call "
            "likelihood_ratio_test(smaller, larger, X, y, method='bootstrap')"
        )
        raise ValueError(msg)


def _contest(
    models: tuple[BaseGLMMRegressor, BaseGLMMRegressor], studies: tuple[Study, Study]
) -> Contest:
    rules = [Rules(model.tol, int(model.max_iter)) for model in models]
    fits: tuple[Fit, Fit] = (models[0].fit_, models[1].fit_)
    return Contest(studies, fits, (rules[0], rules[1]))
