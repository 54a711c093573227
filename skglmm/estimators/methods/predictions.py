"""What a fitted estimator says about new rows beside their mean: uncertainty and draws."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.estimators.reading.estimable import Nonestimable
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import Kind, build_rows, unseen_levels
from skglmm.estimators.reading.slices import Answer, answer_rows, rows_at_a_time
from skglmm.estimators.reading.validation import (
    check_choice,
    check_count,
    check_inference,
    check_kept,
    check_level,
    check_one_mean,
)
from skglmm.estimators.runtime.random import generator
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.fitting import Fit
from skglmm.response import ResponseScale

__all__ = ["Predictions"]

COLUMNS = ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper", "obs_ci_lower", "obs_ci_upper"]


class Predictions(SingleThreaded):
    """Predictions of a fitted mixed model with their uncertainty, as methods."""

    fit_: Fit
    predict_kind: str
    new_groups: str
    context: Mapping[str, Callable[..., Any]] | None
    _scale: ResponseScale
    _spec: DesignSpec

    def predict_linear(
        self,
        X: Any,
        predictor: str | None = None,
        return_std: bool = False,
        *,
        kind: Kind | None = None,
    ) -> Floats | tuple[Floats, Floats]:
        """Predict a linear predictor.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        predictor : str, default=None
            Name of a linear predictor, such as "mean" (on the scale of its link) or "precision"
            (the log precision); None for that of the location, the mean.
        return_std : bool, default=False
            Whether to return standard errors, too.
        kind : str or set, default=None
            As in `predict`; random effects that are averaged over are 0 in the value and count
            with their variance in the standard error.

        Returns
        -------
        value : ndarray, shape (n_samples,)
            On the scale of the link.
        std : ndarray, shape (n_samples,)
            Standard errors, of coefficients, conditional modes and variances together. Only if
            `return_std`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; for an unknown predictor; for standard errors without inference.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> value, std = model.predict_linear(X.head(2), return_std=True)
        >>> value.round(2), std.round(2)
        (array([-2.18, -1.42]), array([0.09, 0.08]))
        """
        check_is_fitted(self)
        place = self.fit_.family.location
        if predictor is None:
            self._refuse_several()
        else:
            predictors = self.fit_.layout.predictors
            estimated = tuple(predictors[k] for k in self.fit_.family.estimated)
            check_choice("predictor", predictor, estimated)
            place = self.fit_.layout.predictors.index(predictor)
        if return_std:
            self._refuse_posterior(kind, "standard errors")
            check_inference(self.fit_)

        def answer(design: Design, plan: infer.Plan) -> tuple[Floats, ...]:
            if not return_std:
                return (infer.linear_value(self.fit_, design, plan, place),)
            found = infer.predict_linear(self.fit_, design, plan, place)
            return found.value, found.std

        value, *std = self._answered(predict_frame(self, X), kind, answer, [place])
        return (value, *std) if return_std else value

    def predict_interval(
        self,
        X: Any,
        target: str = "mean",
        level: float = 0.95,
        kind: Kind | None = None,
        df: str = "auto",
    ) -> Floats:
        """Predict limits for the mean, or for a new response.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        target : {"mean", "response"}, default="mean"
            The mean: of the row's own group, of a typical one, or the average over groups, by
            `kind`, built on the scale of the link. Or a new response: quantiles of its
            predictive distribution, with the random effects of unseen groups and the
            uncertainty of the linear predictor.
        level : float, default=0.95
            Coverage, above 0 and below 1.
        kind : str or set, default=None
            As in `predict`. Under "conditional" a group that fit has not seen has a mean of its
            own, whose random effect adds its variance. Its limits have equal tails; at levels so
            low that these miss the prediction, which averages over groups, that is one of the ends.
        df : str, default="auto"
            Degrees of freedom, see `summary`, of the t quantiles of means of fixed effects alone:
            of kind "fixed" or "marginal", or without random effects; each row has its own. Means
            of a row's own group have normal quantiles, as lme4's and glmmTMB's have: their error
            is mostly that of the group's effect.

        Returns
        -------
        ndarray, shape (n_samples, 2)
            Lower and upper limits, on the scale of y, within its bounds if it has any.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; for a wrong `target`, `level` or `df`; without inference; for
            responses that are classes, which have no quantiles.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.predict_interval(X.head(2)).round(1)
        array([[ 8.6, 12. ],
               [17.3, 21.9]])
        """
        check_is_fitted(self)
        check_choice("target", target, ("mean", "response"))
        check_level(level)
        if target == "response":
            self._refuse_unordered("target='response'")
        check_one_mean(self.fit_, "predict_interval")
        self._refuse_posterior(kind, "limits")
        check_inference(self.fit_)
        against = self._reference(df)

        def answer(design: Design, plan: infer.Plan) -> tuple[Floats, ...]:
            if target == "response":
                return infer.response_interval(self.fit_, design, plan, level)
            found = infer.mean_interval(self.fit_, design, plan, level, against)
            return found.lower, found.upper

        return self._scale.write(self._answered(predict_frame(self, X), kind, answer).T)

    def predict_quantile(self, X: Any, q: ArrayLike, kind: Kind | None = None) -> Floats:
        """Predict quantiles of a new response.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        q : array-like, shape (n_quantiles,)
            Probabilities above 0 and below 1.
        kind : str or set, default=None
            As in `predict_interval`.

        Returns
        -------
        ndarray, shape (n_samples, n_quantiles)
            On the scale of y, within its bounds if it has any.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; for probabilities that are none; for responses that are classes.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.predict_quantile(X.head(2), [0.1, 0.5, 0.9]).shape
        (2, 3)
        """
        check_is_fitted(self)
        self._refuse_unordered("predict_quantile")
        self._refuse_posterior(kind, "quantiles")
        probabilities = np.atleast_1d(np.asarray(q, dtype=np.float64))
        inside = np.all((probabilities > 0) & (probabilities < 1))
        if probabilities.ndim != 1 or not probabilities.size or not inside:
            msg = f"q={q!r} must be one or several probabilities above 0 and below 1"
            raise ValueError(msg)

        def answer(design: Design, plan: infer.Plan) -> Floats:
            return infer.predict_quantile(self.fit_, design, plan, probabilities).T

        return self._scale.write(self._answered(predict_frame(self, X), kind, answer).T)

    def predict_frame(
        self, X: Any, level: float = 0.95, kind: Kind | None = None, df: str = "auto"
    ) -> pd.DataFrame:
        """Predict means with standard errors and limits, as a table.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        level : float, default=0.95
            Coverage of the limits.
        kind : str or set, default=None
            As in `predict_interval`.
        df : str, default="auto"
            As in `predict_interval`.

        Returns
        -------
        DataFrame
            With the index of X: mean, mean_se, mean_ci_lower, mean_ci_upper, obs_ci_lower,
            obs_ci_upper (limits of a new response), all on the scale of y. Classes have no
            limits of a new response, and their mean is the probability of the second.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict_interval`.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.predict_frame(X.head(2)).round(1).iloc[:, :4]
           mean  mean_se  mean_ci_lower  mean_ci_upper
        0  10.2      0.9            8.6           12.0
        1  19.5      1.2           17.3           21.9
        """
        check_is_fitted(self)
        check_one_mean(self.fit_, "predict_frame")
        check_level(level)
        self._refuse_posterior(kind, "limits")
        check_inference(self.fit_)
        against = self._reference(df)

        def answer(design: Design, plan: infer.Plan) -> tuple[Floats, ...]:
            found = infer.mean_interval(self.fit_, design, plan, level, against)
            ends = [found.mean, found.lower, found.upper]
            if self._scale.is_ordered:
                ends += infer.response_interval(self.fit_, design, plan, level)
            mean, *limits = map(self._scale.write, ends)
            return mean, self._scale.width * found.se, *limits

        values = self._answered(predict_frame(self, X), kind, answer)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(values.T, index=index, columns=COLUMNS[: len(values)], copy=False)

    def sample_y(
        self,
        X: Any,
        n_samples: int = 1,
        random_state: Any = None,
        random_effects: str = "conditional",
    ) -> Any:
        """Simulate responses; the estimates count as known.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_rows, n_features)
            With the grouping columns.
        n_samples : int, default=1
            How many responses to draw for each row.
        random_state : int, RandomState, Generator or None, default=None
            Source of random numbers; an int gives the same draws each time.
        random_effects : {"conditional", "new"}, default="conditional"
            "conditional" keeps the modes of known groups and draws the effects of unseen ones as
            `new_groups` says; "new" draws new effects for all groups. Rows of one group share
            its effects within a sample.

        Returns
        -------
        ndarray, shape (n_rows, n_samples)
            On the scale of y, inside its bounds if any; NaN where the row has no answer, as in
            `predict`, None in place of a label.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; for a wrong `n_samples` or `random_effects`.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.sample_y(X, n_samples=3, random_state=0).shape
        (32, 3)
        """
        check_choice("random_effects", random_effects, ("conditional", "new"))
        check_count("n_samples", n_samples)
        check_is_fitted(self)
        frame = predict_frame(self, X)
        refused = "marginal" if random_effects == "new" else self.new_groups
        design, plan = build_rows(self._spec, frame, "conditional", refused, self.context)
        draws = infer.sample(
            self.fit_,
            design,
            plan,
            n_samples,
            generator(random_state),
            new_effects=random_effects == "new",
            unseen=unseen_levels(self._spec, frame, design),
        )
        rows = Nonestimable(self.fit_)
        rows.answered(design, plan, draws.T)
        rows.tell(self._spec, frame)
        return self._scale.draws(draws)

    def _means(
        self, frame: pd.DataFrame, kind: Kind | None = None, *, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Return means on the scale of y, and standard deviations if asked for."""
        check_one_mean(self.fit_, "a prediction of means")

        def answer(design: Design, plan: infer.Plan) -> list[Floats]:
            found = infer.predict(self.fit_, design, plan, spread=bool(return_std))
            return [found.mean] if found.std is None else [found.mean, found.std]

        needed = None if return_std else self.fit_.family.mean_predictors
        mean, *std = self._answered(frame, kind, answer, needed)
        mean = self._scale.write(mean)
        return (mean, self._scale.width * std[0]) if std else mean

    def _reference(self, df: str) -> infer.Reference:
        """Return what means are compared with."""
        check_choice("df", df, infer.DF_METHODS)
        return infer.reference(self.fit_, df)

    def _refuse_posterior(self, kind: Kind | None, what: str) -> None:
        """Refuse what is not known of averages over the posterior of effects."""
        if (self.predict_kind if kind is None else kind) == "posterior":
            msg = (
                f"there are no {what} for kind='posterior', only predictions; those of "
                "kind='conditional' are about the same group, at the modes of its effects"
            )
            raise ValueError(msg)

    def _refuse_several(self) -> None:
        """Refuse to choose one of the linear predictors of several classes."""
        family = self.fit_.family
        if len(family.locations) > 1:
            names = ", ".join(repr(family.predictors[k]) for k in family.locations)
            msg = (
                "each class but that of reference has a linear predictor; name one, as in "
                f"predict_linear(X, {family.predictors[family.location]!r}): there are {names}"
            )
            raise ValueError(msg)

    def _refuse_unordered(self, name: str) -> None:
        if not self._scale.is_ordered:
            msg = (
                f"{name} is about quantiles of y, which classes do not have; predict_proba(X) has "
                "their probabilities, and of two predict_interval(X) has the limits of that of "
                "the second"
            )
            raise ValueError(msg)

    def _answered(
        self,
        frame: pd.DataFrame,
        kind: Kind | None,
        answer: Answer,
        needed: Collection[int] | None = None,
    ) -> Floats:
        """Return what is asked of each row and what is known of its groups, (k, n).

        It depends on the linear predictors that are `needed`, or on all.
        """
        kind = self.predict_kind if kind is None else kind
        check_kept(self.fit_, kind)
        step = len(frame) if self.context else rows_at_a_time(self._spec.layout)
        build = partial(
            build_rows, self._spec, kind=kind, new_groups=self.new_groups, context=self.context
        )
        rows = Nonestimable(self.fit_, needed)

        def seen(design: Design, plan: infer.Plan) -> Floats:
            return rows.answered(design, plan, np.stack(list(answer(design, plan))))

        found = answer_rows(frame, build, seen, step)
        rows.tell(self._spec, frame)
        return found
