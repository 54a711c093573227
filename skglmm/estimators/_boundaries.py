"""Probabilities that responses lie exactly on a bound."""

from typing import Any

import pandas as pd

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.estimators._predictions import Predictions
from skglmm.estimators._rows import Kind

__all__ = ["Boundaries"]

COLUMNS = ["lower", "interior", "upper"]


class Boundaries(Predictions):
    """Predictions of a fitted mixed model, with the probabilities of the bounds."""

    def predict_proba_boundary(self, X: Any, *, kind: Kind | None = None) -> pd.DataFrame:
        """Predict the probabilities that the response lies on a bound, or between the bounds.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        kind : str or set, default=None
            As in `predict`.

        Returns
        -------
        DataFrame, shape (n_samples, 3)
            Columns lower, interior and upper, of sum 1, with the index of X; NaN for unseen
            groups if `new_groups` is "nan".

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`.

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

        def answer(design: Design, plan: infer.Plan) -> tuple[Floats, ...]:
            return tuple(infer.boundary_probabilities(self.fit_, design, plan).T)

        values = self._answered(X, kind, answer)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(values.T, index=index, columns=COLUMNS)
