"""Tests of each term of a fitted model, by fits without it."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from skglmm.estimators.base.inside import Inside, unwrap
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.model import UNSTRUCTURED, titled
from skglmm.estimators.reading.validation import check_flag
from skglmm.estimators.runtime.replicates import share_out
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.estimators.runtime.warnings import untold
from skglmm.formula import Formula, parse, without_one
from skglmm.inference import Dropped, DroppedTerms, LikelihoodRatio
from skglmm.model_selection.comparable import refuse_priors
from skglmm.model_selection.likelihood_ratio import likelihood_ratio_test
from skglmm.model_selection.unrestricted import by_maximum_likelihood

__all__ = ["drop1"]

NOT_SMALLER = "the model without it is the same one"


@single_threaded
def drop1(
    model: Any,
    X: Any,
    y: Any,
    *,
    random: bool = False,
    sample_weight: Any = None,
    n_jobs: int | None = None,
) -> DroppedTerms:
    """Test each term by a likelihood ratio, with a fit without it.

    Terms are those of the formulas of all linear predictors that may be left out by marginality:
    of ``a * b`` the product alone, as no model has it without ``a`` and ``b`` [1]_. Smooths are
    left out as a whole, and terms of unordered classes in all classes at once. Wald tests of the
    same terms are quicker, by `anova`; where estimates are near infinity, or groups few and effects
    large, the likelihood ratio is the one to trust.

    Parameters
    ----------
    model : estimator or Pipeline
        Fitted; it stays as it is.
    X : DataFrame or array-like, shape (n_samples, n_features)
        The rows of `fit`, in any order.
    y : array-like, shape (n_samples,)
        Their responses.
    random : bool, default=False
        Whether to leave out random effects, too: of several effects of a term one at a time, of
        ``(1 + x | g)`` the slope.
    sample_weight : array-like, shape (n_samples,), default=None
        The weights of `fit`.
    n_jobs : int, default=None
        Workers of joblib, for as many fits at a time.

    Returns
    -------
    DroppedTerms
        A record that prints as a table, with `terms`, `notes` and `to_frame()`.

    Raises
    ------
    TypeError
        When the model is not a skglmm estimator.
    NotFittedError
        When the model is not fitted.
    ValueError
        When X or y are others than in `fit`; when parameters have priors.

    See Also
    --------
    likelihood_ratio_test : Compares two fits.

    Notes
    -----
    What was fitted by REML is fitted by maximum likelihood, with all terms and without each:
    restricted likelihoods of different fixed effects do not compare. A note says so.

    References
    ----------
    .. [1] Venables, W. N. & Ripley, B. D. (2002). Modern Applied Statistics with S. Springer,
       chapter 6.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import drop1
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + SG + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> drop1(model, X, y, random=True)
    Single terms left out of 1 + EP + SG + (1 | batch)
                   df     AIC  log likelihood      LR        p
      <none>           176.69         -83.345
      EP            1  244.92        -118.459  70.228  5.3e-17
      SG            1  181.54         -86.772   6.854   0.0088
      (1 | batch)   1  202.80         -97.398  28.105  5.7e-08
    """
    check_flag("random", random)
    outer, rows = unwrap(model), Inside.of(model).rows(X)
    refuse_priors("the model", outer)
    whole = by_maximum_likelihood(model, X, y, sample_weight)  # which refuses other rows
    smaller = list(_smaller(whole, random=bool(random)))
    found = share_out(partial(_all_without, whole, rows, y, sample_weight), smaller, n_jobs)
    notes = tuple(_notes(found, refitted=whole.fit_ is not outer.fit_))
    return DroppedTerms(
        titled(whole), whole.fit_.aic, whole.fit_.log_likelihood, tuple(found), notes
    )


def _smaller(model: MixedModel, *, random: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each term, and the parameters of the estimator without it."""
    fit, allowed = model.fit_, tuple(model.context or ())
    first = fit.layout.predictors[fit.family.location]
    for k, name in enumerate(fit.layout.predictors):
        is_repeated = k in fit.family.locations and name != first  # in another class
        if is_repeated or k in fit.layout.numbers or k not in fit.family.estimated:
            continue
        formula = parse(model.formulas_[name], allowed)
        is_whole = name == first and fit.family.is_unordered
        for term, smaller in without_one(formula, random=random):
            label = term if is_whole else fit.layout.label(k, term)
            yield label, _parameters(model, name, smaller, is_location=name == first)


def _parameters(
    model: MixedModel, predictor: str, formula: Formula, *, is_location: bool
) -> dict[str, Any]:
    """Return the parameters of an estimator with another formula of a predictor."""
    given = model.get_params(deep=False)
    found: dict[str, Any] = {"formula": model.formula_}
    if is_location:
        found = {"formula": str(formula)}
    elif predictor in given:
        found[predictor] = str(formula)
    else:
        found["predictors"] = {**(given["predictors"] or {}), predictor: str(formula)}
    if "reml" in given:
        found["reml"] = False
    return {**found, "groups": None, "covariance": UNSTRUCTURED, "inference": False}


def _all_without(
    whole: MixedModel, X: Any, y: Any, weights: Any, smaller: Sequence[tuple[str, dict[str, Any]]]
) -> list[Dropped]:
    found = []
    for term, parameters in smaller:
        with untold():  # warnings would come from other processes, and twice
            model = clone(whole).set_params(**parameters).fit(X, y, weights)
        found.append(_compared(term, whole, model))
    return found


def _compared(term: str, whole: MixedModel, model: MixedModel) -> Dropped:
    fit, df = model.fit_, whole.fit_.n_params - model.fit_.n_params
    test: LikelihoodRatio | None = None
    note = NOT_SMALLER
    if df > 0:
        try:
            test, note = likelihood_ratio_test(model, whole, nested=True), ""
        except ValueError as error:  # the whole model did not reach its maximum
            note = str(error)
    numbers = (np.nan, np.nan, "") if test is None else (test.statistic, test.p_value, test.method)
    return Dropped(term, df, fit.aic, fit.log_likelihood, *numbers, fit.converged, note)


def _notes(terms: Sequence[Dropped], *, refitted: bool) -> Iterator[str]:
    if refitted:
        yield (
            "the model was fitted by REML; all numbers are those of fits by maximum likelihood, as "
            "restricted likelihoods of different fixed effects do not compare"
        )
    for each in terms:
        if not each.converged:
            yield f"the fit without {each.term} did not converge"
        if each.note:
            yield f"there is no test of {each.term}: {each.note}"
        if each.method == "conservative":
            yield (
                f"the p-value of {each.term} is conservative; likelihood_ratio_test(..., "
                "method='bootstrap') is better"
            )
