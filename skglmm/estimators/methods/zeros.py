"""Probabilities that responses are zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.estimators.methods.predictions import Predictions
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_inference

__all__ = ["Zeros"]

LEVEL = 0.95  # of limits that nobody asks for


class Zeros(Predictions):
    """Predictions of a fitted mixed model, with the probability of zero."""

    def predict_proba_zero(
        self, X: Any, kind: Kind | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predict the probability that a count is zero, of extra zeros and of the others.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        kind : str or set, default=None
            As in `predict`.
        return_std : bool, default=False
            Whether to return standard errors, too.

        Returns
        -------
        probability : ndarray, shape (n_samples,)
            Between 0 and 1; NaN where the row has no answer, as in `predict`.
        std : ndarray, shape (n_samples,)
            Standard errors. Only if `return_std`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; for standard errors without inference.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
        >>> model = PoissonGLMMRegressor("x").fit(X, [0, 1, 2, 5])
        >>> model.predict_proba_zero(X).round(2)
        array([0.78, 0.5 , 0.15, 0.01])
        """
        check_is_fitted(self)
        if return_std:
            check_inference(self.fit_)
        family, frame = self.fit_.family, predict_frame(self, X)

        def answer(design: Design, plan: infer.Plan) -> tuple[Floats, ...]:
            if not family.parts:  # of counts that are never zero
                return (np.zeros(design.n_samples),) * 2
            if not return_std:
                return (infer.part_probabilities(self.fit_, design, plan)[:, 0],)
            found = infer.part_intervals(self.fit_, design, plan, LEVEL)
            return found.value[0], found.se[0]

        found = self._answered(frame, kind, answer, family.part_predictors)
        return (found[0], found[1]) if return_std else found[0]
