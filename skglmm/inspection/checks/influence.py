"""How far the estimates of a fitted model rest on single groups."""

from typing import Any

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.estimators.methods.intervals import chosen_places
from skglmm.estimators.reading.study_rows import StudyRows, study_rows
from skglmm.estimators.reading.validation import check_choice, check_inference
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.fitting import Local, local
from skglmm.inspection.data.fitted import Fitted

__all__ = ["influence"]


@single_threaded
def influence(
    model: Any,
    X: Any,
    y: Any,
    group: str | None = None,
    *,
    parameters: Any = None,
    sample_weight: Any = None,
) -> pd.DataFrame:
    r"""Return Cook's distances of groups, and how estimates change without each of them.

    Each group is left out by a Newton step from the estimates [1]_, without a refit: where groups
    are many it is a refit to a few percent of the change, and tells where one is worth it.

    Parameters
    ----------
    model : estimator
        A fitted mixed model, or a Pipeline that ends in one.
    X : DataFrame or array-like, shape (n_samples, n_features)
        The rows of fit.
    y : array-like, shape (n_samples,)
        Their responses.
    group : str, default=None
        Name of a grouping factor; None is all of them.
    parameters : str or list of str, default=None
        Whose changes are wanted, named as in the index of `confint`; None is all parameters.
    sample_weight : array-like, shape (n_samples,), default=None
        The weights of fit.

    Returns
    -------
    DataFrame
        One row for each level, the largest distance first: group, level, n_rows, cooks_distance
        (of all parameters; 1 is far), and the change of each without the level, in standard errors:
        coefficients, and standard deviations and correlations on their natural scales. NaN where
        there is no standard error.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    ValueError
        When these are not the rows of the fit, `group` or `parameters` is none of the model, the
        model was fitted with ``inference=False``, or rows at a ceiling determine its estimates.
    TypeError
        When `model` is not a mixed model, nor ends in one.

    References
    ----------
    .. [1] Cook, R. D. (1986). Assessment of local influence. Journal of the Royal Statistical
       Society, Series B, 48(2), 133-169.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import influence
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> influence(model, X, y, parameters="EP").head(2).round(2)
       group level  n_rows  cooks_distance    EP
    0  batch     A       4            0.56  1.30
    1  batch     J       3            0.18  0.05
    """
    fitted = Fitted.of(model)
    fit = fitted.model.fit_
    check_inference(fit)
    names = tuple(factor.name for factor in fit.layout.factors)
    if group is not None:
        check_choice("group", group, names)
    places = chosen_places(fit, parameters)
    rows = study_rows(fitted.model, fitted.rows(X), y, sample_weight)
    return _table(rows, _around(rows), names if group is None else (group,), places)


def _around(rows: StudyRows) -> Local:
    """The likelihood around the estimates, from which the steps are taken."""
    fit = rows.model.fit_
    around = None if fit.caps else local(rows.study, fit, rows.here)
    if around is None:
        why = (
            "rows at a ceiling determine the estimates"
            if fit.caps
            else "the likelihood has no value near the estimates"
        )
        msg = f"the influence of groups cannot be told, as {why}; see diagnose(X, y)"
        raise ValueError(msg)
    return around


def _table(
    rows: StudyRows, around: Local, groups: tuple[str, ...], places: tuple[int, ...]
) -> pd.DataFrame:
    fit, study = rows.model.fit_, rows.study.like(rows.model.fit_)
    parameters = list(infer.natural(fit))
    values = np.array([each.value for each in parameters])
    errors = infer.std_errors(fit, parameters)
    pairs = zip(fit.layout.factors, study.design.codes, strict=True)
    counts = {
        (factor.name, str(label)): count
        for factor, codes in pairs
        for label, count in zip(
            factor.labels, np.bincount(codes, minlength=factor.n_levels), strict=True
        )
    }
    found = []
    for each in infer.influences(study, rows.here.mode, around, None):
        if each.group in groups:
            change = (infer.natural_without(fit, study, each) - values) / errors
            named = {parameters[place].name: change[place] for place in places}
            n_rows = int(counts[each.group, each.level])
            first = {"group": each.group, "level": each.level, "n_rows": n_rows}
            found.append({**first, "cooks_distance": each.distance, **named})
    columns = ["group", "level", "n_rows", "cooks_distance"]
    table = pd.DataFrame(found, columns=[*columns, *(parameters[j].name for j in places)])
    return table.sort_values("cooks_distance", ascending=False, kind="stable", ignore_index=True)
