"""Tests of hypotheses about a fitted estimator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import DesignSpec
from skglmm.estimators.reading.validation import check_choice, check_inference
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.fitting import Fit
from skglmm.formula import read_constraints

__all__ = ["Tests"]


OF_ONE_MODEL = (
    "anova() tests the terms of one model, and takes its type, 3, 2 or 1, but no data and no other "
    "model; likelihood_ratio_test(smaller, larger) and compare() of skglmm.model_selection compare "
    "models"
)


class Tests(SingleThreaded):
    """Tests of hypotheses about a fitted mixed model, as methods."""

    fit_: Fit
    _spec: DesignSpec

    def wald_test(self, hypothesis: Any, df: str = "auto") -> infer.WaldTest:
        """Test linear hypotheses about the fixed effects.

        Parameters
        ----------
        hypothesis : str, list of str, array-like or tuple (array-like, array-like)
            ``"x = 0"``, or several constraints joined by commas, ``"a = b, 2 * c = 1"``; without
            ``=`` the sum is 0. Names are those of `vcov()`: ``"C(g)[T.b] = 0"``,
            ``"Intercept = 1"``, ``"precision(x) = 0"``; a name, or a column in it, may stand in
            back quotes, and has to where it reads as a number, ``"2 * `2020` = x"``.
            A term with several coefficients, a category, an interaction or ``poly(x, 2)``, is
            tested as a whole by its name: ``"cat = 0"``, ``"x:cat = 0"``,
            ``"precision(cat) = 0"``; coefficients that were left out of fit do not count.
            An array, shape (p,) or (m, p), holds the weights of the coefficients in the order of
            `vcov()`; a pair of arrays these and the values, shape (m,), else 0.
        df : str, default="auto"
            Degrees of freedom, see `summary`; with them the statistic is F, else chi-square.

        Returns
        -------
        WaldTest
            A record with statistic, df, df_denominator, p_value and constraints; `to_frame()` has
            the estimate and the standard error of each.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When the hypothesis cannot be read (a FormulaError), names something else, a whole curve
            such as ``s(x)`` among it, or is not linear, when its constraints depend on each other
            or on what the data do not determine, or when the model was fitted with
            ``inference=False``; when `df` is unknown, or not for such a model.
        TypeError
            When the hypothesis is neither text nor numbers.

        See Also
        --------
        skglmm.model_selection.likelihood_ratio_test : Compares two fits; also for variances.

        Notes
        -----
        Chi-square in large samples: that the variances are estimated is left out of account, so
        with few groups p-values are somewhat too small. Degrees of freedom mend that.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> print(model.wald_test("EP = 0.01"))
        Wald = 2.821 on 1 df, p = 0.093 (EP = 0.01)
        >>> model = BetaGLMMRegressor("poly(EP, 2) + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.wald_test("poly(EP, 2) = 0").df
        2
        """
        check_is_fitted(self)
        check_inference(self.fit_)
        check_choice("df", df, infer.DF_METHODS)
        return infer.wald_test(self.fit_, *self._constraints(hypothesis), df)

    def _constraints(self, hypothesis: Any) -> tuple[Floats, Floats]:
        """Return a hypothesis as weights of the coefficients, (m, p), and values, (m,)."""
        names = infer.fixed_names(self.fit_)
        terms = _terms(self.fit_, self._spec)
        factors = {factor for found in self._spec.fixed_terms for key in found for factor in key}
        read = partial(read_constraints, names=names, terms=terms, factors=factors)
        matrix, values = _read(hypothesis, names, read)
        if isinstance(hypothesis, str) or _is_list_of_texts(hypothesis):
            _refuse_curves(self.fit_, matrix)
        return matrix, values

    def anova(self, type: int = 3, df: str = "auto") -> infer.Anova:  # noqa: A002 -- R's word
        """Test each term of the formulas: an analysis of variance table.

        Parameters
        ----------
        type : {3, 2, 1}, default=3
            3 tests a term averaged over the categories of terms that contain it, with equal
            weights, whatever the coding; 2 after all terms but those; 1 after the terms before it
            in the formula. Without interactions 2 and 3 are the same.
        df : str, default="auto"
            Denominator degrees of freedom, see `summary`. With them tests are F, as lmerTest's;
            without Wald's chi-square, as those of car.

        Returns
        -------
        Anova
            A record that prints as a table, with `tests` and `to_frame()`. Terms of the location
            come first, those of other predictors are called ``precision(x)``. Terms of unordered
            classes are tested in all classes at once.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When `type` or `df` is unknown, or not for such a model; when the model was fitted
            with ``inference=False``; for type 3 when it is not known how a category was coded.
        TypeError
            When `type` is a model or data.

        See Also
        --------
        skglmm.model_selection.likelihood_ratio_test : Compares two fits; also for variances.

        Notes
        -----
        Sums of squares are those of the statistic times the residual variance, as in lmerTest.
        Types 1 and 2 order the columns by their own cross-products, with the weights of the rows;
        where there is no single residual variance, by the information about the coefficients, as
        car does.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.anova().to_frame().round(1)
            df  statistic  p_value
        EP   1      481.2      0.0
        """
        check_is_fitted(self)
        check_inference(self.fit_)
        if not isinstance(type, str | Real):
            raise TypeError(OF_ONE_MODEL)
        check_choice("df", df, infer.DF_METHODS)
        if type not in infer.TYPES or isinstance(type, bool):
            msg = f"type={type!r} is unknown, expected 3, 2 or 1"
            raise ValueError(msg)
        fit, location = self.fit_, self.fit_.family.location
        every = [location, *(k for k in range(len(fit.beta)) if k != location)]
        tables = {k: self._spec.term_table(k, treatment=not fit.aliased[k]) for k in every}
        return infer.anova(fit, tables, int(type), df)


def _terms(fit: Fit, spec: DesignSpec) -> dict[str, list[int]]:
    """Return the places of the coefficients of each term, in the order of `vcov`, by its name.

    Those that were left out of fit are no part of a term, unless nothing else is.
    """
    found, start = {}, 0
    for k, terms in enumerate(spec.fixed_terms):
        for factors, columns in terms.items():
            name = ":".join(factors)
            kept = [j for j in columns if j not in fit.aliased[k]] or columns
            found[fit.layout.label(k, name)] = [start + j for j in kept]
        start += len(fit.beta[k])
    return found


def _refuse_curves(fit: Fit, matrix: Floats) -> None:
    """Refuse the name of a curve, which is that of its one unpenalized coefficient, too."""
    for curve in fit.layout.curves:
        labels, start = fit.layout.labels(curve.predictor), fit.shape.beta(curve.predictor).start
        used = [start + j for j in curve.trends if labels[j] == curve.name]
        if np.any(matrix[:, used] != 0.0):
            msg = (
                f"{curve.name!r} is a curve, and the coefficient of this name its trend alone; "
                "anova() and the summary test the whole curve. For the trend by itself pass "
                "weights of the coefficients, in the order of vcov()"
            )
            raise ValueError(msg)


def _read(
    hypothesis: Any, names: tuple[str, ...], read: Callable[[str], tuple[Floats, Floats]]
) -> tuple[Floats, Floats]:
    """Return weights of the coefficients, (m, p), and values, (m,)."""
    if isinstance(hypothesis, str):
        matrix, values = read(hypothesis)
    elif _is_list_of_texts(hypothesis):
        parts = [read(text) for text in hypothesis] or [read("")]
        matrix = np.concatenate([weights for weights, _ in parts])
        values = np.concatenate([value for _, value in parts])
    else:
        pair = isinstance(hypothesis, tuple) and len(hypothesis) == 2
        matrix, values = _arrays(*(hypothesis if pair else (hypothesis, 0.0)))
    if len(matrix) == 0 or matrix.shape[1] != len(names):
        msg = (
            f"the hypothesis {hypothesis!r} has weights of shape {matrix.shape}, expected "
            f"(m, {len(names)}): for each constraint one for each of {', '.join(names)}"
        )
        raise ValueError(msg)
    return matrix, values


def _is_list_of_texts(hypothesis: Any) -> bool:
    return isinstance(hypothesis, (list, tuple)) and all(isinstance(t, str) for t in hypothesis)


def _arrays(weights: Any, values: Any) -> tuple[Floats, Floats]:
    try:
        matrix = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = (
            f"a hypothesis is a text such as 'x = 0', a list of these, or an array of weights, "
            f"got {type(weights).__name__}: {error}"
        )
        raise TypeError(msg) from None
    if matrix.ndim != 2 or column.shape not in {(), (len(matrix),)}:
        msg = (
            f"expected weights of shape (m, p) and values of shape (m,), got {matrix.shape} and "
            f"{column.shape}"
        )
        raise ValueError(msg)
    if not (np.isfinite(matrix).all() and np.isfinite(column).all()):
        msg = "the weights and values of a hypothesis must be finite numbers"
        raise ValueError(msg)
    return matrix, np.broadcast_to(column, (len(matrix),))
