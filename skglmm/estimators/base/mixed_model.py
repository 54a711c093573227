"""The one estimator: everything but the family and the parameters that it adds."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

import skglmm
from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec, learn
from skglmm.estimators.cluster.cluster import cluster_rows
from skglmm.estimators.methods.boundaries import Boundaries
from skglmm.estimators.methods.conditioning import Conditioning
from skglmm.estimators.methods.confint import ConfidenceIntervals
from skglmm.estimators.methods.diagnosis import Diagnosing
from skglmm.estimators.methods.statistics import Statistics
from skglmm.estimators.methods.tests import Tests
from skglmm.estimators.reading.caps import with_named_caps
from skglmm.estimators.reading.estimable import refuse_nonestimable, tell_stored
from skglmm.estimators.reading.frames import is_array
from skglmm.estimators.reading.model import Model, read_model
from skglmm.estimators.reading.nesting import tell_nesting
from skglmm.estimators.reading.rows import Kind, fit_rows
from skglmm.estimators.reading.stored import check_stored
from skglmm.estimators.reading.validation import check_parameters
from skglmm.estimators.runtime.warnings import (
    tell_about,
    tell_constant,
    tell_dropped,
    tell_missing,
    tell_other_scale,
)
from skglmm.families import LINKS, Family
from skglmm.fitting import Fit, Rules, fit, fit_bound, row_digest
from skglmm.parts.dask import is_dask
from skglmm.response.interval import scale_response

__all__ = ["BaseGLMMRegressor"]


class BaseGLMMRegressor(
    Statistics,
    Tests,
    ConfidenceIntervals,
    Boundaries,
    Conditioning,
    Diagnosing,
    RegressorMixin,
    BaseEstimator,
):
    """A mixed model as a scikit-learn regressor; public classes name the family.

    A subclass has a `_family`, and an ``__init__`` with the parameters below and a formula for
    each of the predictors that `_formula_parameters` names; other predictors are one number.
    """

    _family: ClassVar[Family]
    _formula_parameters: ClassVar[tuple[str, ...]] = ("precision",)
    _doc_link_module = "skglmm"
    _doc_link_template = (
        "https://skglmm.readthedocs.io/en/latest/api/generated/skglmm.{estimator_name}.html"
    )

    formula: str | None
    groups: Any
    link: str
    bounds: tuple[float, float]
    boundary: str | float
    predict_kind: str
    new_groups: str
    offset: str | None
    context: Mapping[str, Callable[..., Any]] | None
    inference: bool
    tol: float
    max_iter: int
    n_jobs: int | None
    verbose: int
    fit_: Fit

    def _keep(self, parameters: Mapping[str, Any]) -> None:
        """Keep what ``__init__`` was given, ``locals()``, under the names that clones ask for."""
        for name, value in parameters.items():
            if name not in {"self", "__class__"}:
                setattr(self, name, value)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit by maximum (Laplace) likelihood.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Columns of the fixed effects, of the random effects and of the groups. A dask DataFrame
            is fitted by the workers of the cluster in use; `y` and `sample_weight` are dask Series
            then, columns of the same frame.
        y : array-like, shape (n_samples,)
            Response, between the `bounds`.
        sample_weight : array-like, shape (n_samples,), default=None
            Multiplies the log density of each row, given the random effects; a weight of 2 is
            the row twice. Rows of weight 0 are dropped first.

        Returns
        -------
        object
            The fitted estimator itself.

        Raises
        ------
        ValueError
            When data or parameters cannot make a model; among them FormulaError and
            DesignError.
        TypeError
            When a parameter is of the wrong type.

        Notes
        -----
        A fit that raises leaves the estimator as it was.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> print(f"{model.log_likelihood_:.2f}")
        -86.77
        """
        before = dict(vars(self))
        try:
            self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        check_parameters(self)
        family = self._make_family()
        if is_dask(X):
            self._fit_on_cluster(X, y, sample_weight, family)
            return
        rows = fit_rows(self, X, y, sample_weight)
        response = scale_response(rows.y, self.bounds, self.boundary, family.masses)
        model = read_model(self, family.predictors[1:], rows.frame, rows.name)
        self._spec, design = self._learn(model, rows.frame)
        self._scale = response.scale
        self._row_digest = row_digest(self._spec.read(rows.frame), response.unit, rows.weights)
        found = self._maximize(family, design, response.unit, rows.weights)
        self.fit_ = with_named_caps(found, model, design, rows.frame, response.unit, response.scale)
        self._scale = response.scale.knowing(self.fit_.vanishing)
        self._publish(model)
        tell_other_scale(self._scale, rows.y)
        tell_missing(self._scale)
        tell_dropped(model.dropped)
        tell_constant(self._spec.constant)
        tell_about(self.fit_)
        tell_nesting(self.fit_, self._spec, design, rows.frame, response.unit)

    def _fit_on_cluster(self, X: Any, y: Any, sample_weight: Any, family: Family) -> None:
        rows = cluster_rows(self, X, y, sample_weight, family)
        self._spec, self._row_digest, self._scale = rows.spec, rows.digest, rows.scale
        self.fit_ = fit_bound(
            rows.bound, rows.constants, self._rules(), inference=bool(self.inference)
        )
        self._scale = rows.scale.knowing(self.fit_.vanishing)
        self._publish(rows.model)
        tell_missing(self._scale)
        tell_dropped(rows.model.dropped)
        tell_constant(self._spec.constant)
        tell_about(self.fit_)

    def predict(
        self, X: Any, kind: Kind | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predict the mean of the response.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            A frame needs only the columns that the model uses, in any order; for the kinds
            "fixed" and "marginal" no grouping columns.
        kind : {"conditional", "fixed", "marginal"}, or set of grouping factors, default=None
            "conditional" uses the predicted effects of each row's groups, and `new_groups` for
            levels that fit has not seen; "fixed" is a typical group, whose effects are 0;
            "marginal" is the average over groups. A set conditions on the factors that it
            names, with effects of 0 for the others. None is `predict_kind`.
        return_std : bool, default=False
            Whether to return standard deviations, too.

        Returns
        -------
        y_mean : ndarray, shape (n_samples,)
            Means, on the scale of y; NaN for unseen groups if `new_groups` is "nan", and for rows
            that the data of fit do not determine.
        y_std : ndarray, shape (n_samples,)
            Standard deviations of the response about its mean, over what is averaged and the
            family's own spread; the uncertainty of the estimates is left out. Only if
            `return_std`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When columns are missing, hold other types or missing values, when a fixed effect has
            levels that fit did not see, for an unknown kind or grouping factor, and for unseen
            groups if `new_groups` is "error".
        TypeError
            When `kind` is neither a text nor a set of texts.

        Warns
        -----
        UserWarning
            When the data of fit do not determine the mean of some rows: of an empty cell of two
            factors, or where a relation between columns does not hold that held in all rows of
            fit. It counts these rows and says why.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.predict(X.head(3)).round(1)
        array([10.2, 19.5, 34. ])
        >>> model.predict(X.head(3), kind="fixed").round(1)
        array([ 4.9,  9.9, 19.1])
        >>> mean, std = model.predict(X.head(3), kind="marginal", return_std=True)
        >>> std.round(1)
        array([3.1, 5.3, 8.4])
        """
        check_is_fitted(self)

        def answer(design: Design, plan: infer.Plan) -> list[Floats]:
            found = infer.predict(self.fit_, design, plan, spread=bool(return_std))
            return [found.mean] if found.std is None else [found.mean, found.std]

        needed = None if return_std else self.fit_.family.mean_predictors
        mean, *std = self._answered(X, kind, answer, needed)
        mean = self._scale.response(mean)
        return (mean, self._scale.width * std[0]) if std else mean

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the share of the variance of y that `predict` explains, as any regressor.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows to predict, by the means of `predict_kind`.
        y : array-like, shape (n_samples,)
            Their responses.
        sample_weight : array-like, shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            1 less the residual sum of squares over the total one; 1 is best, and constant means
            have 0 or less. `r2` has those of mixed models, `log_density` scores distributions.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; when the data of fit do not determine the mean of a row.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> print(f"{model.score(X, y):.3f}")
        0.975
        """
        check_is_fitted(self)
        needed = self.fit_.family.mean_predictors
        refuse_nonestimable(self, X, "there is no R² of these rows", needed)
        return float(super().score(X, y, sample_weight))

    def _learn(self, model: Model, frame: pd.DataFrame) -> tuple[DesignSpec, Design]:
        return learn(
            frame,
            model.fixed,
            model.terms,
            offset=self.offset,
            offsets=model.offsets,
            context=self.context,
            float_groups=is_array(self, frame),  # whose columns share one type
        )

    def _make_family(self) -> Family:
        return replace(self._family, links=(LINKS[self.link], *self._family.links[1:]))

    def _maximize(
        self, family: Family, design: Design, unit: Floats, weights: Floats | None
    ) -> Fit:
        mass = 1.0 if weights is None else weights
        return fit(
            family,
            design,
            unit,
            weights,
            inference=bool(self.inference),
            log_jacobian=float(np.sum(mass * self._scale.log_jacobian(unit))),
            rules=self._rules(),
        )

    def _rules(self) -> Rules:
        report = _print_line if self.verbose else None
        return Rules(self.tol, int(self.max_iter), report, effective_n_jobs(self.n_jobs))

    def _publish(self, model: Model) -> None:
        result = self.fit_
        first = int(model.formula.fixed.startswith("1"))  # the intercept, which comes first
        self.coef_ = result.beta[0][first:]
        self.coef_names_ = list(result.layout.coefficients[0][first:])
        self.intercept_ = float(result.beta[0][:first].sum())
        for predictor, beta in zip(result.layout.predictors[1:], result.beta[1:], strict=True):
            setattr(self, f"{predictor}_coef_", beta)
        self.log_likelihood_ = result.log_likelihood
        self.aic_, self.bic_, self.n_params_ = result.aic, result.bic, result.n_params
        self.n_obs_ = result.n_samples
        self.n_levels_ = {factor.name: factor.n_levels for factor in result.layout.factors}
        self.converged_, self.is_singular_ = result.converged, bool(result.singular)
        self.n_iter_ = max(1, result.n_iterations)
        self.n_boundary_ = self._scale.n_moved
        self.formula_ = str(model.formula)
        self.formulas_ = {name: str(each) for name, each in model.formulas.items()}
        self.random_terms_ = model.bars

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_spec" in state:
            check_stored(self._spec, tuple(self.context or ()))
            tell_stored(self.fit_)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_skglmm_version": skglmm.__version__}


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
