"""What a fitted estimator answers in tables for publication and for other tools."""

from collections.abc import Collection

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.estimators.reading.validation import check_choice, check_level, check_ratios
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.fitting import Fit

__all__ = ["TidyTables"]


class TidyTables(SingleThreaded):
    """Tables of a fitted mixed model in the words of R's broom, as methods."""

    fit_: Fit

    def tidy(
        self,
        effects: str | Collection[str] = ("fixed", "random", "modes"),
        level: float = 0.95,
        exponentiate: bool = False,
        df: str = "auto",
    ) -> pd.DataFrame:
        """Return all estimates in one long table, one row each.

        Parameters
        ----------
        effects : str or collection of {"fixed", "random", "modes"}, default=all of them
            Fixed effects of all linear predictors; standard deviations and correlations of the
            random effects; their conditional modes, level by level. The rows come in this order.
        level : float, default=0.95
            Coverage of the Wald intervals, above 0 and below 1.
        exponentiate : bool, default=False
            Whether to exponentiate the fixed effects and their limits: ratios of odds with the
            logit link, of means with log, of hazards, log(1 - mean), with cloglog; with loglog
            log(mean) is divided by them. Those of a precision, a scale, an exceedance or a gap
            are ratios of the parameter, those of zeros and ones ratios of odds; a cut point stays
            as it is. With identity, sqrt, probit and cauchit they mean nothing and are refused.
            Standard errors follow by the delta method;
            statistic and p-value remain those of no effect.
        df : str, default="auto"
            Degrees of freedom of the fixed effects, see `summary`.

        Returns
        -------
        DataFrame
            The columns of R's broom.mixed: effect ("fixed", "random" or "modes"), component (the
            linear predictor), group, level, term, estimate, std_error, statistic, p_value,
            conf_low, conf_high; where there are degrees of freedom, df before statistic, which is t
            then, and z otherwise. Columns are the same whatever `effects`; what a row does not have
            is missing. Fixed effects, also of the precision, and modes are on the scale of the
            linear predictor. The terms of random effects are ``sd(x)`` and ``corr(Intercept, x)``,
            with intervals as in `confint`; those of modes have the uncertainty of the estimates
            in their std_error. Standard errors are missing without inference and on the boundary.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When `effects`, `level` or `df` is none of the above; when effects of a link are no
            ratios and are to be exponentiated.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> table = model.tidy(("fixed", "random"))
        >>> table[["effect", "component", "term", "estimate", "std_error", "conf_low"]].round(3)
           effect  component           term  estimate  std_error  conf_low
        0   fixed       mean      Intercept    -5.182      0.240    -5.654
        1   fixed       mean             EP     0.011      0.000     0.010
        2   fixed  precision      Intercept     5.711      0.302     5.120
        3  random       mean  sd(Intercept)     0.515      0.120     0.327
        """
        check_is_fitted(self)
        check_level(level)
        check_choice("df", df, infer.DF_METHODS)
        chosen = (effects,) if isinstance(effects, str) else tuple(effects)
        for name in chosen:
            check_choice("effects", name, infer.EFFECTS)
        if exponentiate and "fixed" in chosen:
            check_ratios(self.fit_)
        found = infer.tidy(self.fit_, chosen, level, exponentiate=bool(exponentiate), df=df)
        with_df = infer.reference(self.fit_, df).has_df
        return infer.estimate_frame(found, with_df=with_df)

    def glance(self) -> pd.DataFrame:
        """Return criteria and state of the fit in one row.

        Returns
        -------
        DataFrame
            Columns n_obs, n_params, log_likelihood, aic, aicc (infinite without two more rows
            than parameters), bic, deviance (minus twice the log likelihood, so differences of
            nested models are likelihood-ratio statistics), converged, singular.

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
        >>> model.glance().round(2).iloc[:, :6]
           n_obs  n_params  log_likelihood     aic    aicc     bic
        0     32         4          -86.77  181.54  183.03  187.41
        """
        check_is_fitted(self)
        return infer.overview_frame(infer.overview(self.fit_))

    def group_coefficients(self) -> pd.DataFrame:
        """Return the coefficients of each group: fixed effects plus random effects.

        Returns
        -------
        DataFrame
            One row for each level of each grouping factor and each coefficient, on the scale of
            the linear predictor: group, level, term, estimate, std_error. As with R's ``coef``,
            each factor stands by itself: coefficients that vary over several of them have the
            effects of one at a time, those of the others being 0. Coefficients that do not vary
            repeat the fixed effect; effects without a fixed one are the random effect alone. The
            standard errors are those of the sum: fixed effects, modes and variances are uncertain
            together. They are missing without inference.

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
        >>> model.group_coefficients().head(4).round(3)
           group level       term  estimate  std_error
        0  batch     A  Intercept    -4.398      0.179
        1  batch     A         EP     0.011      0.000
        2  batch     B  Intercept    -4.805      0.174
        3  batch     B         EP     0.011      0.000
        """
        check_is_fitted(self)
        frame = infer.estimate_frame(infer.group_coefficients(self.fit_))
        return frame[["group", "level", "term", "estimate", "std_error"]]
