"""Probabilities that responses lie exactly on a bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.estimators.methods.predictions import Predictions
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_inference, check_level

__all__ = ["Boundaries"]

PARTS = ("lower", "interior", "upper")
NUMBERS = ("", "_se", "_ci_lower", "_ci_upper")  # of each part, after its name


class Boundaries(Predictions):
    """Predictions of a fitted mixed model, with the probabilities of the bounds."""

    def predict_proba_boundary(
        self, X: Any, *, kind: Kind | None = None, return_std: bool = False
    ) -> pd.DataFrame | tuple[pd.DataFrame, pd.DataFrame]:
        """Predict the probabilities that the response lies on a bound, or between the bounds.

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
        probability : DataFrame, shape (n_samples, 3)
            Columns lower, interior and upper, of sum 1, with the index of X; NaN for unseen
            groups if `new_groups` is "nan".
        std : DataFrame, shape (n_samples, 3)
            Standard errors, as in `predict_boundary_frame`. Only if `return_std`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; for standard errors without inference.

        Examples
        --------
        >>> from skglmm import OrderedBetaGLMMRegressor
        >>> from skglmm.datasets import make_dragons
        >>> X, y = make_dragons(random_state=0, return_X_y=True)
        >>> model = OrderedBetaGLMMRegressor("bodyLength + (1 | mountainRange)", bounds=(0, 100))
        >>> model.fit(X, y).predict_proba_boundary(X.head(2)).round(3)
           lower  interior  upper
        0  0.002     0.965  0.033
        1  0.002     0.964  0.035
        """
        check_is_fitted(self)
        if return_std:
            table = self.predict_boundary_frame(X, kind=kind)
            errors = table[[f"{part}_se" for part in PARTS]]
            return table[list(PARTS)], errors.set_axis(list(PARTS), axis=1)

        def answer(design: Design, plan: infer.Plan) -> tuple[Floats, ...]:
            return tuple(infer.part_probabilities(self.fit_, design, plan).T)

        needed = self.fit_.family.part_predictors
        return _table(X, self._answered(predict_frame(self, X), kind, answer, needed), PARTS)

    def predict_boundary_frame(
        self, X: Any, level: float = 0.95, kind: Kind | None = None
    ) -> pd.DataFrame:
        """Predict the probabilities of the bounds with standard errors and limits, as a table.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        level : float, default=0.95
            Coverage of the limits.
        kind : str or set, default=None
            As in `predict_interval`. Under "conditional" a group that fit has not seen has
            probabilities of its own, whose random effects add their variance.

        Returns
        -------
        DataFrame
            With the index of X: lower, lower_se, lower_ci_lower, lower_ci_upper, then the same of
            interior and of upper. Coefficients, predicted effects and variances are uncertain
            together. Limits are built on the scale of the logit and lie between 0 and 1. They are
            missing where the data do not determine a probability: no response of the fit is on
            that bound.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; for a wrong `level`; without inference.

        Examples
        --------
        >>> from skglmm import OrderedBetaGLMMRegressor
        >>> from skglmm.datasets import make_dragons
        >>> X, y = make_dragons(random_state=0, return_X_y=True)
        >>> model = OrderedBetaGLMMRegressor("bodyLength + (1 | mountainRange)", bounds=(0, 100))
        >>> table = model.fit(X, y).predict_boundary_frame(X.head(2))
        >>> table[["upper", "upper_se", "upper_ci_lower", "upper_ci_upper"]].round(3)
           upper  upper_se  upper_ci_lower  upper_ci_upper
        0  0.033     0.015           0.014           0.078
        1  0.035     0.015           0.014           0.081
        """
        check_is_fitted(self)
        check_level(level)
        check_inference(self.fit_)

        def answer(design: Design, plan: infer.Plan) -> Floats:
            found = infer.part_intervals(self.fit_, design, plan, level)
            numbers = np.stack([found.value, found.se, found.lower, found.upper], axis=1)
            return numbers.reshape(-1, design.n_samples)

        names = [f"{part}{number}" for part in PARTS for number in NUMBERS]
        needed = self.fit_.family.part_predictors
        return _table(X, self._answered(predict_frame(self, X), kind, answer, needed), names)


def _table(X: Any, values: Floats, names: Sequence[str]) -> pd.DataFrame:
    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(values.T, index=index, columns=list(names))
