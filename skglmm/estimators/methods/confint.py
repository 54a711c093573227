"""Confidence intervals of a fitted estimator."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.estimators.methods.intervals import (
    METHODS,
    IntervalRequest,
    bootstrapped,
    chosen_places,
    tell_notes,
)
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.reading.validation import check_choice, check_count, check_level
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Fit

__all__ = ["ConfidenceIntervals"]


class ConfidenceIntervals(SingleThreaded):
    """Confidence intervals of a fitted mixed model, as methods."""

    fit_: Fit

    def confint(
        self,
        X: Any = None,
        y: Any = None,
        *,
        level: float = 0.95,
        method: str = "wald",
        parameters: Any = None,
        sample_weight: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        n_replicates: int = 999,
        kind: str = "percentile",
        cluster: str | None = None,
        df: str = "auto",
    ) -> pd.DataFrame:
        """Return confidence intervals for the parameters, on their natural scales.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features), default=None
            The rows of `fit`, in any order. Not used by "wald", which needs no data.
        y : array-like, shape (n_samples,), default=None
            Their responses.
        level : float, default=0.95
            Coverage, above 0 and below 1.
        method : {"wald", "profile", "bootstrap", "sandwich"}, default="wald"
            "wald" is built on the log scale for standard deviations, the scale and the precision,
            on the atanh scale for correlations, and mapped back; its ends are NaN on the boundary.
            "profile" holds the values that a likelihood-ratio test would not reject, all other
            parameters fitted again: ends are 0 for a standard deviation and plus or minus 1
            for a correlation where even these are not rejected, and plus or minus infinity
            where the data do not bound a parameter. Of a restricted fit (REML) the variances
            have profiles of the restricted likelihood; fixed effects, which it integrates out,
            have those of maximum likelihood, as all parameters in lme4.
            "bootstrap" is parametric, see `bootstrap`.
            "sandwich" is "wald" with a covariance that holds where the model of a cluster is
            wrong, as long as clusters are independent: ``V G V C / (C - 1)``, with the
            covariance V of "wald" and the sum G, over C clusters, of the outer products of the
            gradients of their log likelihoods.
        parameters : str or list of str, default=None
            Names, as in the index of the result; None is all parameters.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of `fit`. Not used by "wald".
        n_jobs : int, default=None
            Workers of the refits of "bootstrap", as joblib counts them.
        random_state : int, Generator, RandomState or None, default=None
            Source of random numbers of "bootstrap"; an int gives the same intervals each time,
            for any `n_jobs`.
        n_replicates : int, default=999
            Refits of "bootstrap". If tqdm is installed, a bar shows the progress of long work.
        kind : {"percentile", "basic"}, default="percentile"
            Intervals of "bootstrap": quantiles of the refits, which may be 0 for a standard
            deviation and plus or minus 1 for a correlation; or these mirrored at the estimate,
            on the scales of "wald".
        cluster : str, default=None
            Column of X with the clusters of "sandwich", within which the groups of the random
            effects must lie. None are the levels of the uppermost grouping factor, or single
            rows for a model without random effects.
        df : str, default="auto"
            Degrees of freedom of the t quantiles of "wald" for fixed effects, see `summary`.

        Returns
        -------
        DataFrame
            One row for each parameter, named by the index: estimate, conf_low, conf_high.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When `level`, `method`, `df` or `parameters` is none of the above, when X or y is
            missing for a method that needs them, or others than in `fit`, when the model was
            fitted with ``inference=False`` and the method is "wald" or "sandwich", when there are
            no independent clusters for "sandwich", or when "profile" finds that the fit is not
            the maximum.
        TypeError
            When `parameters` is neither a name nor a list, or X is a number or a text.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.confint(level=0.9).round(3)
                               estimate  conf_low  conf_high
        Intercept                -5.182    -5.578     -4.787
        EP                        0.011     0.010      0.012
        precision               302.232   183.946    496.581
        sd(Intercept | batch)     0.515     0.352      0.755
        >>> model.confint(X, y, method="profile", parameters="sd(Intercept | batch)").round(3)
                               estimate  conf_low  conf_high
        sd(Intercept | batch)     0.515     0.344      0.871
        """
        check_is_fitted(self)
        check_choice("method", method, tuple(METHODS))
        check_level(level)
        check_choice("df", df, infer.DF_METHODS)
        request = IntervalRequest(
            estimator=self,
            method=method,
            X=X,
            y=y,
            sample_weight=sample_weight,
            level=level,
            places=chosen_places(self.fit_, parameters),
            n_jobs=n_jobs,
            random_state=random_state,
            n_replicates=n_replicates,
            kind=kind,
            cluster=cluster,
            df=df,
        )
        found = METHODS[method](request)
        for sentence in infer.held_sentences(self.fit_, found.names):
            tell(sentence)
        return infer.interval_frame(found)

    def bootstrap(
        self,
        X: Any,
        y: Any,
        n_replicates: int = 999,
        *,
        sample_weight: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> infer.Bootstrap:
        """Refit the model to responses simulated from it: the parametric bootstrap.

        Each replicate draws new random effects and responses for the rows of `fit`, and fits
        them from the estimates. It has a seed of its own, so that the numbers depend neither on
        `n_jobs` nor on joblib's backend. If tqdm is installed, a bar shows the progress of
        what takes more than two seconds.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            The rows of `fit`, in any order.
        y : array-like, shape (n_samples,)
            Their responses.
        n_replicates : int, default=999
            How many responses to simulate.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of `fit`, which must be whole numbers: a row of weight w is simulated as
            w rows. Other weights belong to no distribution of responses.
        n_jobs : int, default=None
            Workers, as joblib counts them.
        random_state : int, Generator, RandomState or None, default=None
            Source of random numbers; an int gives the same replicates each time.

        Returns
        -------
        Bootstrap
            A record that prints as a table, with `replicates` on natural scales, shape
            (n_replicates, n_parameters), `interval(level, kind)` and `to_frame()`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When X and y are not those of `fit`, or weights are no whole numbers.

        Warns
        -----
        ConvergenceWarning
            When refits fail or do not converge: they are counted, and left out of intervals.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> found = model.bootstrap(X, y, n_replicates=20, random_state=0)
        >>> found.replicates.shape
        (20, 4)
        """
        check_is_fitted(self)
        check_count("n_replicates", n_replicates)
        study = study_of(self, X, y, sample_weight)
        record = bootstrapped(self, study, n_replicates, n_jobs, random_state)
        tell_notes(*record.notes)
        return record
