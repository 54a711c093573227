"""The one estimator: everything but the family and the parameters that it adds."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

import skglmm
from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec, learn
from skglmm.estimators._frames import is_array, predict_frame
from skglmm.estimators._model import Model, read_model
from skglmm.estimators._nesting import tell_nesting
from skglmm.estimators._response import scale_response
from skglmm.estimators._rows import Kind, build_rows, fit_rows
from skglmm.estimators._threads import one_thread
from skglmm.estimators._validation import check_choice, check_parameters
from skglmm.estimators._warnings import tell_about, tell_dropped
from skglmm.families import LINKS, Family
from skglmm.fitting import Fit, Rules, fit

__all__ = ["BaseGLMMRegressor"]


class BaseGLMMRegressor(RegressorMixin, BaseEstimator):
    """A mixed model as a scikit-learn regressor; public classes name the family.

    A subclass has a `_family`, and an ``__init__`` with the parameters below and one formula
    for each predictor of the family after the mean, named like it.
    """

    _family: ClassVar[Family]
    _doc_link_module = "skglmm"
    _doc_link_template = "https://skglmm.readthedocs.io/en/latest/{estimator_name}.html"

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
    verbose: int
    fit_: Fit

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit by maximum (Laplace) likelihood.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Columns of the fixed effects, of the random effects and of the groups.
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
        rows = fit_rows(self, X, y, sample_weight)
        response = scale_response(rows.y, self.bounds, self.boundary)
        model = read_model(self, self._family.predictors[1:], rows.frame, rows.name)
        self._spec, design = self._learn(model, rows.frame)
        self._scale = response.scale
        self.fit_ = self._maximize(design, response.unit, rows.weights)
        self._publish(model)
        tell_dropped(model.formula.dropped)
        tell_about(self.fit_, design)
        tell_nesting(self.fit_, self._spec, design, rows.frame, response.unit)

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
            Means, on the scale of y.
        y_std : ndarray, shape (n_samples,)
            Standard deviations of the response about its mean, over what is averaged and the
            family's own spread; the uncertainty of the estimates is left out. Only if
            `return_std`.

        Raises
        ------
        ValueError
            When columns are missing, hold other types or missing values, when a fixed effect has
            levels that fit did not see, and for unseen groups if `new_groups` is "error".
        """
        check_is_fitted(self)
        frame, kind = predict_frame(self, X), self.predict_kind if kind is None else kind
        design, plan = build_rows(self._spec, frame, kind, self.new_groups, self.context)
        prediction = infer.predict(self.fit_, design, plan, spread=bool(return_std))
        low, width = self._scale.low, self._scale.width
        mean = low + width * prediction.mean
        return mean if prediction.std is None else (mean, width * prediction.std)

    def summary(self) -> infer.Summary:
        """Return a record that prints like R's summary, and shows as HTML in a notebook."""
        check_is_fitted(self)
        scale = self._scale
        return infer.summarize(
            self.fit_, self.formula_, scale=(scale.low, scale.high), remarks=scale.remarks
        )

    def variance_components(self) -> pd.DataFrame:
        """Return variances, standard deviations and correlations of the random effects.

        Returns
        -------
        DataFrame
            One row for each effect of each term: group, n_levels, term, effect, variance, sd,
            sd_std_error, corr (with the first effect of the term; corr_2 with the second, and
            so on), on the scale of the linear predictor. Standard errors are NaN on the
            boundary: a standard deviation of 0, a correlation of plus or minus 1.
        """
        check_is_fitted(self)
        return infer.component_frame(infer.variance_components(self.fit_))

    def random_effects(self) -> pd.DataFrame:
        """Return the conditional modes of the random effects.

        Returns
        -------
        DataFrame
            One row for each level and effect, on the scale of the linear predictor: group,
            level, effect, mode; std_dev, its standard deviation given the data and the estimates
            (as lme4's ``condVar``); std_error, with the uncertainty of the estimates (as
            glmmTMB's); NaN without inference.
        """
        check_is_fitted(self)
        return infer.random_effects_frame(infer.random_effects(self.fit_))

    def vcov(self, component: str = "fixed") -> pd.DataFrame:
        """Return the covariance matrix of the estimates.

        Parameters
        ----------
        component : {"fixed", "all"}, default="fixed"
            Fixed effects of all linear predictors; or also the standard deviations and
            correlations of the random effects, ``sd(x | g)`` and ``corr(Intercept, x | g)``.

        Returns
        -------
        DataFrame
            Square, named on both sides; NaN for what lies on the boundary.
        """
        self._check_inference()
        check_choice("component", component, ("fixed", "all"))
        return infer.covariance_frame(infer.vcov(self.fit_, component))

    def confint(self, level: float = 0.95, method: str = "wald") -> pd.DataFrame:
        """Return confidence intervals for all parameters, on their natural scales.

        Parameters
        ----------
        level : float, default=0.95
            Coverage, above 0 and below 1.
        method : {"wald"}, default="wald"
            Built on the log scale for standard deviations and the precision, on the atanh scale
            for correlations, and mapped back.

        Returns
        -------
        DataFrame
            One row for each parameter: estimate, conf_low, conf_high; NaN on the boundary.
        """
        self._check_inference()
        check_choice("method", method, ("wald",))
        if not 0 < level < 1:
            msg = f"level={level!r} must be above 0 and below 1, such as 0.95"
            raise ValueError(msg)
        return infer.interval_frame(infer.intervals(self.fit_, level))

    def _learn(self, model: Model, frame: pd.DataFrame) -> tuple[DesignSpec, Design]:
        return learn(
            frame,
            model.fixed,
            model.terms,
            offset=self.offset,
            context=self.context,
            float_groups=is_array(self, frame),  # whose columns share one type
        )

    def _maximize(self, design: Design, unit: Floats, weights: Floats | None) -> Fit:
        family = replace(self._family, links=(LINKS[self.link], *self._family.links[1:]))
        total = float(len(unit)) if weights is None else float(weights.sum())
        with one_thread():
            return fit(
                family,
                design,
                unit,
                weights,
                inference=bool(self.inference),
                log_jacobian=total * float(np.log(self._scale.width)),
                rules=Rules(self.tol, int(self.max_iter), _print_line if self.verbose else None),
            )

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
        self.random_terms_ = model.formula.bars

    def _check_inference(self) -> None:
        check_is_fitted(self)
        if self.fit_.covariance is None:
            msg = (
                "there is no covariance of the estimates: the model was fitted with "
                "inference=False, or the likelihood has no curvature at the estimates; fit with "
                "inference=True, or simplify the model"
            )
            raise ValueError(msg)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_skglmm_version": skglmm.__version__}


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
