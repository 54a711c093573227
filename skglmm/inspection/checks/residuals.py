"""Residuals of a fitted model, and tests of them."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.estimable import tell_nonestimable
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import build_rows, unseen_levels
from skglmm.estimators.reading.study_rows import numbered_groups, study_rows
from skglmm.estimators.reading.validation import (
    check_choice,
    check_count,
    check_flag,
    check_one_mean,
)
from skglmm.estimators.runtime.random import generator
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inspection.data.fitted import Fitted

__all__ = ["check_residuals", "residuals"]

KINDS = ("response", "pearson", "deviance", "quantile", "simulated")


@single_threaded
def residuals(
    model: Any,
    X: Any,
    y: Any,
    kind: str = "response",
    conditional: bool = True,
    random_state: Any = None,
    *,
    n_simulations: int = 250,
    by: Any = None,
) -> "Floats | pd.Series[float]":
    r"""Return residuals of rows, of the fit or new ones.

    Parameters
    ----------
    model : estimator
        A fitted mixed model, or a Pipeline that ends in one.
    X : DataFrame or array-like, shape (n_samples, n_features)
        With the grouping columns.
    y : array-like, shape (n_samples,)
        Responses.
    kind : {"response", "pearson", "deviance", "quantile", "simulated"}, default="response"
        * "response": y less its mean, on the scale of y.
        * "pearson": that in standard deviations of a response, for the beta family
          :math:`\sqrt{\mu (1 - \mu) / (1 + \phi)}` on the unit scale.
        * "deviance": signed roots of the unit deviances, twice the log density that a mean of
          the row's own, with the precision of the fit, would gain [1]_. Conditional only.
        * "quantile": the normal quantile of the probability of a response up to y, by the exact
          distribution function, in a true model standard normal [2]_; random only where a
          single value has a positive probability.
        * "simulated": the rank of y among simulated responses, scaled to (0, 1), in a true
          model uniform.
    conditional : bool, default=True
        Whether the random effects of known groups are those that fit has predicted, or are
        averaged over (simulated residuals: drawn anew). Unconditional residuals of rows of one
        group depend on each other. Conditional ones are a little too small where groups have few
        rows, as their effects have been fitted to these.
    random_state : int, RandomState, Generator or None, default=None
        Source of random numbers, for "simulated", and "quantile" where it is random.
    n_simulations : int, default=250
        How many responses are simulated for each row.
    by : str or list of str, default=None
        Of simulated residuals: columns of X. For each combination of their values the mean of y
        is ranked among the means of the simulated responses.

    Returns
    -------
    ndarray, shape (n_samples,), or Series
        Of unseen groups according to the model's `new_groups`; NaN, with a warning, of rows that
        the data of fit do not determine. With `by` a Series with the groups
        as index.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    ValueError
        As in `predict`; for an unknown `kind`, for unconditional residuals of kind "deviance",
        which do not exist, and for `by` with other kinds than "simulated".
    TypeError
        When `model` is not a mixed model, nor ends in one, or `conditional` is neither True nor
        False.

    References
    ----------
    .. [1] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates and
       proportions. Journal of Applied Statistics, 31(7), 799-815.
    .. [2] Dunn, P. K. & Smyth, G. K. (1996). Randomized quantile residuals. Journal of
       Computational and Graphical Statistics, 5(3), 236-244.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import residuals
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> residuals(model, X, y)[:3].round(2)
    array([2.03, 2.84, 0.67])
    >>> residuals(model, X, y, kind="quantile")[:3].round(2)
    array([1.15, 1.23, 0.26])
    """
    check_choice("kind", kind, KINDS)
    check_count("n_simulations", n_simulations)
    check_flag("conditional", conditional)
    _refuse_idle(kind, by, conditional=bool(conditional))
    fitted = Fitted.of(model)
    column, rows = fitted.model._column(y), fitted.rows(X)
    check_consistent_length(rows, column)
    frame = predict_frame(fitted.model, rows)
    fitted.model._scale.refuse_rows(frame, column)
    asked = _Rows(
        fitted.model,
        frame,
        column,
        bool(conditional),
        generator(random_state),
    )
    return asked.simulated(n_simulations, by) if kind == "simulated" else asked.residuals(kind)


def _refuse_idle(kind: str, by: Any, *, conditional: bool) -> None:
    if by is not None and kind != "simulated":
        msg = f"by={by!r} groups simulated residuals, but kind={kind!r}; take kind='simulated'"
        raise ValueError(msg)
    if kind == "deviance" and not conditional:
        msg = (
            "deviance residuals compare densities given the random effects and have no "
            "unconditional version; take conditional=True, or kind='quantile'"
        )
        raise ValueError(msg)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows, their responses on the scale of y, and what is asked of them."""

    model: MixedModel
    frame: pd.DataFrame
    y: Floats
    conditional: bool
    rng: np.random.Generator

    def residuals(self, kind: str) -> Floats:
        """Return residuals of rows, (n,), of all kinds but the simulated ones."""
        fit, scale = self.model.fit_, self.model._scale
        if kind != "quantile":
            check_one_mean(fit, f"kind={kind!r}")
        needed = fit.family.mean_predictors if kind == "response" else None
        design, plan = self._built("conditional" if self.conditional else "marginal", needed)
        raw = scale.unmoved(self.y)  # as predict and score take them
        if kind == "response":
            return scale.width * infer.response_residuals(fit, design, raw, plan)
        if kind == "pearson":
            return infer.pearson_residuals(fit, design, raw, plan)
        if kind == "deviance":
            return infer.deviance_residuals(fit, design, scale.read(self.y), plan)
        return infer.quantile_residuals(fit, design, scale.read(self.y), plan, self.rng)

    def simulated(self, n_simulations: int, by: Any) -> "Floats | pd.Series[float]":
        """Return simulated residuals of rows, or of groups."""
        design, plan = self._built("conditional")
        numbers, index = (None, None) if by is None else numbered_groups(self.frame, by)
        model, read = self.model, self.model._scale.read(self.y)
        draw = partial(
            infer.sample,
            model.fit_,
            design,
            plan,
            rng=self.rng,
            new_effects=not self.conditional,
            unseen=unseen_levels(model._spec, self.frame, design),
        )
        scaled = infer.simulated_residuals(read, draw, n_simulations, self.rng, numbers)
        return scaled if index is None else pd.Series(scaled, index=index, name="residual")

    def _built(self, kind: str, needed: Collection[int] | None = None) -> tuple[Design, infer.Plan]:
        model = self.model
        built = build_rows(model._spec, self.frame, kind, model.new_groups, model.context)
        tell_nonestimable(model, self.frame, built[0], needed)
        return built


@single_threaded
def check_residuals(
    model: Any,
    X: Any,
    y: Any,
    by: Any = None,
    sample_weight: Any = None,
    random_state: Any = None,
) -> infer.ResidualChecks:
    """Test the residuals of a fit: their distribution, and what the model leaves out.

    The residuals are quantile residuals given random effects that are drawn once from their
    distribution given the data. In a true model they are independent standard normal numbers,
    also where groups have few rows and where residuals about the predicted effects would be too
    small; and they are as blind as these to effects that the model has.

    Parameters
    ----------
    model : estimator
        A fitted mixed model, or a Pipeline that ends in one.
    X : DataFrame or array-like, shape (n_samples, n_features)
        The rows of fit.
    y : array-like, shape (n_samples,)
        Their responses.
    by : str or list of str, default=None
        Columns of X that may be missing as grouping factors, each tested by itself. None are the
        columns of labels (texts, categories, whole numbers) that the model does not use.
    sample_weight : array-like, shape (n_samples,), default=None
        The weights of fit.
    random_state : int, RandomState, Generator or None, default=None
        Draws the random effects.

    Returns
    -------
    ResidualChecks
        Which prints as a table, has ``to_frame()``, and a ``ResidualTest`` for each test, with an
        effect size, a p-value and a sentence:

        * "uniformity": the largest distance between distribution functions (Kolmogorov and
          Smirnov; conservative, as the parameters are estimated);
        * "dispersion": the variance of the residuals, 1 in a true model; of counts Pearson's
          statistic over its mean, how much they vary about their means relative to the model;
        * "zeros": of counts the share of zeros less the expected one;
        * "skewness" and "tails", of responses without an upper bound that are no counts: the third
          and the fourth moment of the residuals, 0 in a true model;
        * "spread": how the variance changes along the linear predictor;
        * "outliers": residuals in tails of probability 0.001 each, relative to their number in a
          true model;
        * "farthest": the residual farthest from zero, however many others there are;
        * "inflation": the share of responses on a bound less the expected one, if there are any;
        * "link": how far the mean bends away from the link, on the scale of the link;
        * "missing slope": the standard deviation of the slope of a column between levels of a
          factor, for each factor and column that has none;
        * "missing effect": the standard deviation between levels of a column in `by`.

        The field `residual` has the residuals, in the order of the rows (without those of weight
        zero), and `eta` their linear predictor.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    ValueError
        When these are not the rows of the fit, or a column is unknown.
    TypeError
        When `model` is not a mixed model, nor ends in one.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import check_residuals
    >>> X, y = load_petrol(return_X_y=True)
    >>> plain = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y)
    >>> test = check_residuals(plain, X, y, by="batch", random_state=0)["missing effect"]
    >>> print(f"sd {test.effect:.1f}, p = {test.p_value:.3f}")
    sd 0.4, p = 0.001
    """
    fitted = Fitted.of(model)
    if by is not None:
        check_one_mean(fitted.model.fit_, f"by={by!r}")
    rows = study_rows(fitted.model, fitted.rows(X), y, sample_weight)
    return rows.residual_checks(by, generator(random_state))
