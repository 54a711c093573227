"""Likelihood-ratio tests of fitted estimators."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skglmm.estimators.base.inside import Inside, unwrap
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.model import titled
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.reading.validation import check_choice, check_count, check_flag
from skglmm.estimators.runtime.replicates import replicate, seeds
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Fit, Options, Spaces, Study
from skglmm.inference import (
    Addition,
    Comparison,
    LikelihoodRatio,
    NestedModels,
    asserted,
    likelihood_ratio,
    simulated_ratio,
    unweighted,
    with_replicates,
)
from skglmm.model_selection.comparable import refuse_different, refuse_penalized
from skglmm.model_selection.nesting import spaces_on, why_not_nested
from skglmm.model_selection.unrestricted import by_maximum_likelihood, refuse_missing

__all__ = ["likelihood_ratio_test"]

_METHODS = ("chi2", "bootstrap")


@single_threaded
def likelihood_ratio_test(
    smaller: Any,
    larger: Any,
    X: Any = None,
    y: Any = None,
    *,
    method: str = "chi2",
    nested: bool = False,
    n_replicates: int = 999,
    sample_weight: Any = None,
    n_jobs: int | None = None,
    random_state: Any = None,
    refit: bool = False,
) -> LikelihoodRatio:
    r"""Test a model against a larger one that it is nested in.

    The fixed effects of the smaller model, and the effects that vary over each of its grouping
    factors, are combinations of those of the larger one, ``x`` of ``poly(x, 2)`` or of ``C(x)``,
    and the larger one correlates at least as many of them. That is told by what the columns span,
    which fits keep enough of if responses are many and various; else by names, unless X is given.

    Parameters
    ----------
    smaller, larger : estimator or Pipeline
        Fitted to the same rows and responses, in any order.
    X : DataFrame or array-like, shape (n_samples, n_features), default=None
        The rows of `fit`, in any order. For "bootstrap", and to compare what columns span where
        the fits cannot tell.
    y : array-like, shape (n_samples,), default=None
        Their responses. Only for "bootstrap" and `refit`.
    method : {"chi2", "bootstrap"}, default="chi2"
        "chi2" is asymptotic theory. A variance of 0 lies on the boundary of its range, so when
        one effect is added whose covariances with q others are estimated, too, the null
        distribution is :math:`\tfrac12 \chi^2_q + \tfrac12 \chi^2_{q + 1}` [1]_, shifted by the
        number of fixed effects that are added at the same time. Without variances it is the
        plain chi-square. Where several variances are added at once, or the smaller fit is
        itself singular, the plain chi-square is reported as "conservative": the p-value is too
        large. "bootstrap" simulates responses from the smaller model, with new random effects,
        fits both models to each and counts how often their ratio is as large [2]_.
    nested : bool, default=False
        Whether to take the models for nested without a check, as it is known from elsewhere. If
        they differ in variances, too, "chi2" is conservative.
    n_replicates : int, default=999
        Simulated responses of "bootstrap"; the smallest p-value is 1 / (1 + n_replicates).
    sample_weight : array-like, shape (n_samples,), default=None
        The weights of `fit`; whole numbers for "bootstrap".
    n_jobs : int, default=None
        Workers of joblib for "bootstrap"; the result does not depend on it. If tqdm is
        installed, a bar shows the progress of long work.
    random_state : int, Generator, RandomState or None, default=None
        Seed of "bootstrap".
    refit : bool, default=False
        Whether models that were fitted by REML are tested as maximum likelihood fits them to X and
        y, so that their fixed effects may differ. The models themselves stay as they are.

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
        data; when both are fitted by REML with other fixed effects, or one of them is, and
        `refit` is False; when X or y is missing or others than in `fit`; when one has priors.

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
    check_flag("nested", nested)
    check_flag("refit", refit)
    check_count("n_replicates", n_replicates)
    models = unwrap(smaller, "the smaller model"), unwrap(larger, "the larger model")
    needs = {"refit=True": refit, "method='bootstrap'": method == "bootstrap"}
    for asked in (option for option, is_chosen in needs.items() if is_chosen):
        call = f"likelihood_ratio_test(smaller, larger, X, y, {asked})"
        refuse_missing(asked, call, X=X, y=y)
    if refit:
        again = partial(by_maximum_likelihood, X=X, y=y, sample_weight=sample_weight)
        models = again(smaller), again(larger)
    names = titled(models[0]), titled(models[1])
    refuse_penalized(("the smaller model", "the larger model"), *models)
    refuse_different(("the smaller model", "the larger model"), *models)
    on_rows = partial(spaces_on, X=X, sample_weight=sample_weight)
    spaces = None if X is None else (on_rows(smaller), on_rows(larger))
    added = _addition(*models, spaces, nested=bool(nested))
    test = likelihood_ratio(models[0].fit_, models[1].fit_, names, added)
    if method == "chi2":
        return test
    studies = [
        unweighted(study_of(inner, Inside.of(outer).rows(X), y, sample_weight))
        for inner, outer in zip(models, (smaller, larger), strict=True)
    ]
    nested_models = _nested_models(models, (studies[0], studies[1]))
    once = partial(simulated_ratio, nested_models)
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


def _addition(
    smaller: MixedModel,
    larger: MixedModel,
    spaces: tuple[Spaces, Spaces] | None,
    *,
    nested: bool,
) -> Addition:
    """Return what the larger model adds; refuse models that are not nested."""
    reason = why_not_nested(smaller, larger, spaces)
    if reason is None:
        return Comparison(smaller.fit_, larger.fit_, spaces).addition()
    if nested and larger.fit_.n_params > smaller.fit_.n_params:
        return asserted(smaller.fit_, larger.fit_)
    raise ValueError(_refusal(smaller, larger, spaces, reason))


def _refusal(
    smaller: MixedModel,
    larger: MixedModel,
    spaces: tuple[Spaces, Spaces] | None,
    reason: str,
) -> str:
    texts = [titled(model) for model in (smaller, larger)]
    names = f"{texts[0]!r} and {texts[1]!r}"
    if why_not_nested(larger, smaller, None if spaces is None else spaces[::-1]) is None:
        return (
            f"the models stand in the wrong order: {texts[1]!r} is nested in {texts[0]!r}; pass "
            "the smaller one first"
        )
    may_be_nested = larger.fit_.n_params > smaller.fit_.n_params
    hint = "If the first is a special case of the second in another way, nested=True tests it; "
    return (
        f"{names} cannot be tested as nested models: {reason}. {hint if may_be_nested else ''}"
        f"{'m' if may_be_nested else 'M'}odels that are not nested are ranked by their AIC, see "
        "compare()"
    )


def _nested_models(
    models: tuple[MixedModel, MixedModel], studies: tuple[Study, Study]
) -> NestedModels:
    options = [Options(model.tol, int(model.max_iter)) for model in models]
    fits: tuple[Fit, Fit] = (models[0].fit_, models[1].fit_)
    condensed = studies[0].condensed(), studies[1].condensed()
    return NestedModels(condensed, fits, (options[0], options[1]))
