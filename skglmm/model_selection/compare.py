"""A table of fitted models, the best one first."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skglmm.estimators.base.inside import Inside, unwrap
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.model import titled
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.reading.validation import check_flag
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Spaces
from skglmm.inference import Comparison, conditional_aic, likelihood_ratio, overview
from skglmm.model_selection.comparable import PENALIZED, refuse_different
from skglmm.model_selection.nesting import paired, spaces_on, why_not_nested
from skglmm.model_selection.unrestricted import by_maximum_likelihood, refuse_missing

__all__ = ["compare", "model_labels"]

_CRITERIA = ("n_params", "log_likelihood", "aic", "aicc", "bic", "converged", "singular")
CHANCE = 2.0  # standard errors of the difference of two criteria that tell nothing
_TESTS = ("lr_against", "lr_statistic", "lr_df", "lr_p_value", "lr_method", "lr_note")


@single_threaded
def compare(
    *models: Any,
    names: Sequence[str] | None = None,
    conditional: bool = False,
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    refit: bool = False,
) -> pd.DataFrame:
    """Compare fitted models by information criteria, and nested neighbors by a test.

    Parameters
    ----------
    *models : estimator or Pipeline
        Fitted to the same rows and responses, in any order.
    names : list of str, default=None
        Names of the rows; None takes the formulas.
    conditional : bool, default=False
        Whether to rank by the conditional criterion [1]_, which asks how well new rows of the
        *same* levels are predicted; the usual one asks it of new levels. Needs X and y.
    X : DataFrame or array-like, shape (n_samples, n_features), default=None
        The rows of `fit`, in any order. For `conditional`, and to tell nested models by what
        their columns span where the fits keep too little of them, as lr_note says.
    y : array-like, shape (n_samples,), default=None
        Their responses. Only for `conditional` and `refit`.
    sample_weight : array-like, shape (n_samples,), default=None
        The weights of `fit`.
    refit : bool, default=False
        Whether models that were fitted by REML are compared as maximum likelihood fits them to
        X and y, with all numbers of the table, so that their fixed effects may differ. The models
        themselves stay as they are.

    Returns
    -------
    DataFrame
        One row for each model, the lowest AIC first: n_params, log_likelihood, aic, delta_aic,
        weight (Akaike's), aicc, bic, converged, singular. Each model is tested against the
        largest of those nested in it (of equal ones the most likely): lr_against is its name,
        lr_statistic, lr_df, lr_p_value and lr_method are those of `likelihood_ratio_test`, with
        p-values of variances corrected for the boundary where theory allows it; where they are
        empty, lr_note says why. With `conditional`, caic, delta_caic,
        conditional_log_likelihood, effective_df and variance_df come first, and so does the
        lowest caic: ``-2 * conditional_log_likelihood + 2 * (effective_df + variance_df)``. The
        latter is what the estimation of variances adds: exact for a normal response [2]_, else
        their number. Where log likelihoods are estimated, as random effects are solved for by
        iterations, aic_std_error follows weight, and lr_note has that of the test.

    Raises
    ------
    TypeError
        When a model is not a skglmm estimator.
    NotFittedError
        When a model is not fitted.
    ValueError
        When two models were fitted to different rows, responses, weights or bounds, or moved
        responses on the bounds differently; when both are fitted by REML with other fixed
        effects, or one of them is, and `refit` is False; when names are too few or not unique;
        when one has priors, and `conditional` is True.

    Warns
    -----
    UserWarning
        When models have priors: their criteria mean little. When criteria of the best models
        differ by no more than the error of their estimated log likelihoods.

    References
    ----------
    .. [1] Vaida, F. & Blanchard, S. (2005). Conditional Akaike information for mixed-effects
       models. Biometrika, 92(2), 351-370.
    .. [2] Greven, S. & Kneib, T. (2010). On the behaviour of marginal and conditional AIC in
       linear mixed models. Biometrika, 97(4), 773-789.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import compare
    >>> X, y = load_petrol(return_X_y=True)
    >>> plain = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y)
    >>> mixed = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> table = compare(plain, mixed, names=["plain", "mixed"])
    >>> table[["n_params", "aic", "delta_aic", "lr_against", "lr_statistic"]].round(2)
           n_params     aic  delta_aic lr_against  lr_statistic
    mixed         4  181.54       0.00      plain         40.96
    plain         3  220.50      38.96        NaN           NaN
    """
    check_flag("refit", refit)
    labels = model_labels(models, names)
    fitted = [unwrap(model, label) for model, label in zip(models, labels, strict=True)]
    if refit:
        refuse_missing("refit=True", "compare(..., refit=True, X=X, y=y)", X=X, y=y)
        fitted = [by_maximum_likelihood(model, X, y, sample_weight) for model in models]
    if names is None:
        labels = _unique(_formulas(fitted))
    for (one, first), (other, second) in combinations(zip(labels, fitted, strict=True), 2):
        refuse_different((repr(one), repr(other)), first, second)
    if any(model.fit_.priors for model in fitted):
        tell(f"criteria of models with priors mean little: {PENALIZED}")
    spaces = [None if X is None else spaces_on(model, X, sample_weight) for model in models]
    criteria = _criteria(fitted, labels)
    _tell_close(criteria)
    table = criteria.join(_tests(fitted, labels, spaces))
    if conditional:
        call = "compare(..., conditional=True, X=X, y=y)"
        refuse_missing("conditional=True", call, X=X, y=y)
        frames = [Inside.of(model).rows(X) for model in models]
        table = _conditional(fitted, frames, y, sample_weight, labels).join(table)
    return table.sort_values("caic" if conditional else "aic", kind="stable")


def model_labels(models: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    """Names as given, or places: what to call models before their formulas are known."""
    if not models:
        msg = "there is nothing to compare; call compare(model_1, model_2, ...)"
        raise ValueError(msg)
    if names is None:
        return [f"model {place}" for place in range(1, len(models) + 1)]
    labels = list(map(str, names))
    if isinstance(names, str) or len(labels) != len(models) or len(set(labels)) < len(labels):
        msg = f"names={names!r} must be a list of {len(models)} different names, one for each model"
        raise ValueError(msg)
    return labels


def _formulas(models: Sequence[MixedModel]) -> list[str]:
    """Formulas, behind the names of the families where there are several."""
    kinds = [model.fit_.family.title for model in models]
    several = len(set(kinds)) > 1
    return [
        f"{kind}: {titled(model)}" if several else titled(model)
        for kind, model in zip(kinds, models, strict=True)
    ]


def _unique(names: Sequence[str]) -> list[str]:
    """Number the names that occur several times."""
    return [
        name if names.count(name) == 1 else f"{name} [{names[: place + 1].count(name)}]"
        for place, name in enumerate(names)
    ]


def _criteria(models: Sequence[MixedModel], labels: Sequence[str]) -> pd.DataFrame:
    rows = [overview(model.fit_) for model in models]
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in _CRITERIA}
    delta = columns["aic"] - columns["aic"].min()
    weight = np.exp(-delta / 2.0)
    columns["delta_aic"], columns["weight"] = delta, weight / weight.sum()
    errors = np.array([2.0 * model.fit_.log_likelihood_std_error for model in models])
    columns["aic_std_error"], known = errors, ["aic_std_error"] if errors.any() else []
    order = [*_CRITERIA[:3], "delta_aic", "weight", *known, *_CRITERIA[3:]]
    return pd.DataFrame(columns, index=pd.Index(labels))[order]


def _tell_close(criteria: pd.DataFrame) -> None:
    """Warn where chance decides which model is the best."""
    if "aic_std_error" not in criteria or len(criteria) < 2:
        return
    first = criteria.sort_values("aic", kind="stable").iloc[:2]
    best, second = map(repr, first.index)
    error, difference = float(np.hypot(*first["aic_std_error"])), float(first["delta_aic"].max())
    if difference <= CHANCE * error:
        tell(
            f"the AIC of {best} and {second} differ by {difference:.2g}, which is "
            f"within the error of their estimated log likelihoods (standard error {error:.1g}): "
            "the order of these models is a matter of chance"
        )


def _tests(
    models: Sequence[MixedModel], labels: Sequence[str], spaces: Sequence[Spaces | None]
) -> pd.DataFrame:
    """Test each model against the largest one before it that is nested in it."""
    sizes = [(model.fit_.n_params, model.fit_.log_likelihood) for model in models]
    order = sorted(range(len(models)), key=sizes.__getitem__)  # the better of equals comes later
    candidates = [
        _Candidate(label, model, space)
        for label, model, space in zip(labels, models, spaces, strict=True)
    ]
    found = {
        labels[place]: _test([candidates[before] for before in order[:at]], candidates[place])
        for at, place in enumerate(order)
    }
    rows = [found[label] for label in labels]
    return pd.DataFrame(rows, columns=list(_TESTS), index=pd.Index(labels))


class _Candidate(NamedTuple):
    """A model with its name, and what its columns span if rows are at hand."""

    label: str
    model: MixedModel
    spaces: Spaces | None


def _test(before: Sequence[_Candidate], larger: _Candidate) -> tuple[Any, ...]:
    """The cells of the test of a model against those with no more parameters."""
    notes = []
    for smaller in reversed(before):
        spaces = paired(smaller.spaces, larger.spaces)
        reason = why_not_nested(smaller.model, larger.model, spaces)
        if reason is None:
            return (smaller.label, *_tested(smaller, larger, spaces))
        if smaller.model.fit_.n_params < larger.model.fit_.n_params:
            notes.append(f"{smaller.label} is not nested in it: {reason}")
    return (*[np.nan] * 5, *(notes or ["no smaller model to test it against"])[:1])


def _tested(
    smaller: _Candidate, larger: _Candidate, spaces: tuple[Spaces, Spaces] | None
) -> tuple[Any, ...]:
    fits = smaller.model.fit_, larger.model.fit_
    added = Comparison(*fits, spaces).addition()
    try:
        test = likelihood_ratio(*fits, (smaller.label, larger.label), added)
    except ValueError as error:  # the larger model did not reach its maximum
        return (np.nan, np.nan, np.nan, "failed: lower log likelihood", str(error))
    note = test.notes[-1] if test.std_error else ""
    return (test.statistic, test.df, test.p_value, test.method, note)


def _conditional(
    models: Sequence[MixedModel],
    frames: Sequence[Any],
    y: Any,
    sample_weight: Any,
    labels: Sequence[str],
) -> pd.DataFrame:
    parts = [
        conditional_aic(study_of(model, frame, y, sample_weight), model.fit_)
        for model, frame in zip(models, frames, strict=True)
    ]
    caic = np.array([np.nan if part is None else part.aic for part in parts])
    columns = {
        "caic": caic,
        "delta_caic": caic - np.fmin.reduce(caic),
        "conditional_log_likelihood": [p.log_likelihood if p else np.nan for p in parts],
        "effective_df": [p.effective_df if p else np.nan for p in parts],
        "variance_df": [p.variance_df if p else np.nan for p in parts],
    }
    return pd.DataFrame(columns, index=pd.Index(labels))
