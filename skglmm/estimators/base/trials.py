"""Mixed models of successes in trials."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.methods.zeros import Zeros
from skglmm.estimators.reading.frames import new_frame
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_successes
from skglmm.families import Family, ZeroInflated
from skglmm.fitting import Fit
from skglmm.response import TrialScale

__all__ = ["TrialsRegressor"]


@mixed_model
class TrialsRegressor(Zeros, MixedRegressor):
    """A mixed model of successes in known numbers of trials, perhaps with more zeros."""

    _vet = staticmethod(check_successes)

    trials: int | str = 1
    zero: str | None = None
    n_quadrature: int = 1
    link: str = "logit"

    def predict_rate(
        self, X: Any, kind: Kind | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predict the probability of a success: the mean share of the trials.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`, but the column of the trials may be missing.
        kind : str or set, default=None
            As in `predict`.
        return_std : bool, default=False
            As in `predict`, of a single trial.

        Returns
        -------
        y_mean : ndarray, shape (n_samples,)
            Between 0 and 1; the means of `predict` over the number of trials.
        y_std : ndarray, shape (n_samples,)
            Standard deviations. Only if `return_std`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import BinomialGLMMRegressor
        >>> X = pd.DataFrame({"n": [10, 20, 40, 10]})
        >>> model = BinomialGLMMRegressor("1", trials="n").fit(X, [4, 6, 13, 1])
        >>> model.predict(X), model.predict_rate(X)
        (array([ 3.,  6., 12.,  3.]), array([0.3, 0.3, 0.3, 0.3]))
        """
        check_is_fitted(self)
        frame, trials = new_frame(self, X), self._trials
        if isinstance(trials, str) and trials not in self._elsewhere:
            frame = frame.assign(**{trials: 1.0})

        def answer(design: Design, plan: infer.Plan) -> list[Floats]:
            found = infer.predict(self.fit_, _single(self.fit_, design), plan, spread=return_std)
            return [found.mean] if found.std is None else [found.mean, found.std]

        needed = None if return_std else self.fit_.family.mean_predictors
        mean, *std = self._answered(frame, kind, answer, needed)
        return (mean, std[0]) if std else mean

    def _make_family(self) -> Family:
        _check_trials(self.trials)
        family = super()._make_family()
        return family if self.zero is None else ZeroInflated(family)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _make_scale(self, family: Family) -> TrialScale:
        del family
        return TrialScale(self.trials if isinstance(self.trials, str) else int(self.trials))

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        self._trials = self.trials  # answers are about the fit, whatever is set after it
        known = [self.fit_.family.predictors[k] for k in self.fit_.family.known]
        formulas = {name: each for name, each in model.formulas.items() if name not in known}
        self._elsewhere = replace(model, formulas=formulas).columns

    def _remarks(self) -> list[str]:
        trials = self._trials
        text = (
            f"the column {trials!r} is the number of trials"
            if isinstance(trials, str)
            else f"each response is of {trials} trial{'s' * (trials != 1)}"
        )
        return [*super()._remarks(), text]


def _single(fit: Fit, design: Design) -> Design:
    """Return the design of rows of a single trial each."""
    offsets = list(design.offsets)
    for k in fit.family.known:
        offsets[k] = np.ones(design.n_samples)
    return replace(design, offsets=tuple(offsets))


def _check_trials(trials: Any) -> None:
    """Refuse what is neither a whole number of at least 1 nor the name of a column."""
    if isinstance(trials, str):
        return
    is_number = isinstance(trials, Real) and not isinstance(trials, (bool, np.bool_))
    if is_number and trials >= 1 and (isinstance(trials, Integral) or float(trials).is_integer()):
        return
    what = "a whole number of at least 1, or the name of a column"
    if not is_number:
        msg = f"trials is of type {type(trials).__name__}, expected {what}"
        raise TypeError(msg)
    msg = f"trials={trials!r} must be {what}"
    raise ValueError(msg)
