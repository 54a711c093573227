"""What a fitted estimator says of itself: the summary, its variances and covariances."""

from __future__ import annotations

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.design import DesignSpec
from skglmm.estimators.methods.explained import ExplainedVariance
from skglmm.estimators.methods.tables import TidyTables
from skglmm.estimators.reading.model import titled
from skglmm.estimators.reading.validation import (
    check_choice,
    check_count,
    check_flag,
    check_inference,
)
from skglmm.fitting import Fit
from skglmm.response import BoundedScale, ResponseScale

__all__ = ["Statistics"]


class Statistics(TidyTables, ExplainedVariance):
    """Statistics of a fitted mixed model, as methods."""

    fit_: Fit
    formulas_: dict[str, str]
    _scale: ResponseScale
    _spec: DesignSpec

    def summary(self, df: str = "auto") -> infer.Summary:
        """Return a record that prints like R's summary, and shows as HTML in a notebook.

        Parameters
        ----------
        df : str, default="auto"
            What fixed effects of the location are compared with. "satterthwaite": t with the
            degrees of freedom of lmerTest, for linear mixed models with one residual variance.
            "kenward-roger": those of pbkrtest, with standard errors that know that variances are
            estimated, for such models by REML. "between-within": numbers of groups, or of rows
            within groups, less coefficients, for any family. "residual": rows less coefficients.
            "normal": none. "auto" is Satterthwaite's where it exists, else normal.

        Returns
        -------
        Summary
            Formula, sizes, log likelihood, variances, coefficients, convergence and findings.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When `df` is unknown, or not for such a model.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).summary()
        Beta mixed regression of a response on (0, 100)
        Formula: 1 + EP + (1 | batch)
        Rows: 32; levels: batch 10
        Log likelihood: -86.7723 (4 parameters); AIC: 181.5446; BIC: 187.4076
        ...
        Converged in ... iterations
        """
        check_is_fitted(self)
        check_choice("df", df, infer.DF_METHODS)
        scale = self._scale
        remarks = [*scale.remarks, *scale.missing, *self._remarks()]
        formula = titled(self)
        return infer.summarize(self.fit_, formula, response=scale.described, remarks=remarks, df=df)

    def equation(self, estimates: bool = False, digits: int = 3) -> infer.Equation:
        r"""Return the model as formulas in LaTeX: distribution, predictors, random effects.

        Parameters
        ----------
        estimates : bool, default=False
            Whether coefficients are numbers; otherwise they are letters.
        digits : int, default=3
            Significant digits of the numbers.

        Returns
        -------
        Equation
            A record that notebooks show as formulas, with `to_latex`, `to_markdown` and `to_html`.
            Levels of categories are indicators, ``[f_i = b]``.

        Raises
        ------
        NotFittedError
            When `fit` was not called.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> for line in model.equation(estimates=True).lines:
        ...     print(line)
        y_i^* &= y_i / 100
        y_i^* \mid b &\sim \text{Beta}(\text{mean} = \mu_{i}, \, \text{precision} = \phi)
        \operatorname{Var}(y_i^* \mid b) &= \frac{\mu_{i} \, (1 - \mu_{i})}{1 + \phi}
        \operatorname{logit}(\mu_{i}) &= -5.18 + 0.0108 \, \text{EP}_i + b_{0,\text{batch}[i]}
        b_{0j} &\sim N(0, \, \sigma_{b_0}^2),\quad j = 1, \ldots, 10 \text{ of } \text{batch}
        \phi &= 302
        \sigma_{b_0} &= 0.515
        """
        check_is_fitted(self)
        check_flag("estimates", estimates)
        check_count("digits", digits)
        plain = {name for terms in self._spec.fixed_terms for key in terms for name in key}
        scale = self._scale
        bounds = (scale.low, scale.high) if isinstance(scale, BoundedScale) else None
        bounds = None if bounds == (0.0, 1.0) else bounds
        return infer.equation(
            self.fit_, plain, estimates=bool(estimates), digits=int(digits), bounds=bounds
        )

    def _remarks(self) -> list[str]:
        """Return what the formulas do not say of the model, in sentences."""
        column = self._spec.offset
        return [] if column is None else [f"the column {column!r} is an offset of the mean"]

    def variance_components(self) -> pd.DataFrame:
        """Return variances, standard deviations and correlations of the random effects.

        Returns
        -------
        DataFrame
            One row for each effect of each term, on the scale of the linear predictor. Columns
            group, effect, sd, sd_std_error, variance, corr (with the first effect of the term;
            corr_2 with the second, and so on), n_levels. Where a grouping factor has several
            terms, the column block follows group: effects of one block, counted from 1, are
            correlated, those of different blocks independent. Standard errors are NaN without
            inference and on the boundary: a standard deviation of 0, a correlation of plus or
            minus 1.

        Raises
        ------
        NotFittedError
            When `fit` was not called.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.variance_components().round(3)
           group     effect     sd  sd_std_error  variance  corr  n_levels
        0  batch  Intercept  0.515          0.12     0.266   NaN        10
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

        Raises
        ------
        NotFittedError
            When `fit` was not called.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.random_effects().head(3).round(3)
           group level     effect   mode  std_dev  std_error
        0  batch     A  Intercept  0.784    0.069      0.177
        1  batch     B  Intercept  0.377    0.091      0.186
        2  batch     C  Intercept  0.620    0.086      0.185
        """
        check_is_fitted(self)
        return infer.random_effects_frame(infer.random_effects(self.fit_))

    def vcov(self, component: str = "fixed") -> pd.DataFrame:
        """Return the covariance matrix of the estimates.

        Parameters
        ----------
        component : {"fixed", "all"}, default="fixed"
            Fixed effects of all linear predictors, each on its own scale; or also the standard
            deviations and correlations of the random effects, ``sd(x | g)`` and
            ``corr(Intercept, x | g)``.

        Returns
        -------
        DataFrame
            Square, named on both sides; NaN for what lies on the boundary or was dropped.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When `component` is unknown, or the model was fitted with ``inference=False``.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> print(f"{model.vcov().loc['EP', 'EP'] ** 0.5:.6f}")
        0.000494
        """
        check_is_fitted(self)
        check_inference(self.fit_)
        check_choice("component", component, ("fixed", "all"))
        return infer.covariance_frame(infer.vcov(self.fit_, component))
