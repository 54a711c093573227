"""Mixed models of two classes."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skglmm.arrays import Floats
from skglmm.estimators.base.classifier import MixedClassifier
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.rows import Kind
from skglmm.families import Family
from skglmm.response import ClassScale

__all__ = ["BinaryClassifier"]

_HALF = 0.5  # the probability from which on the second class is the more probable one


@mixed_model
class BinaryClassifier(MixedClassifier):
    """A mixed model of two classes; public ones have a family."""

    def decision_function(self, X: Any, kind: Kind | None = None) -> Floats:
        """Return how far the linear predictor is beyond equal probabilities.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        kind : str or set, default=None
            As in `predict_proba`; effects that are averaged over count as 0.

        Returns
        -------
        ndarray, shape (n_samples,)
            The linear predictor of the second class less that of a probability of one half,
            which is 0 for the links logit, probit and cauchit.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict_proba`.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import BinomialGLMMClassifier
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
        >>> y = ["no", "no", "yes", "no", "yes", "yes"]
        >>> BinomialGLMMClassifier("x").fit(X, y).decision_function(X.head(2)).round(2)
        array([-3.04, -1.82])
        """
        check_is_fitted(self)
        family = self.fit_.family
        link, name = family.links[family.location], family.predictors[family.location]
        value: Floats = self.predict_linear(X, name, kind=kind)  # type: ignore[assignment]
        return value - float(link.link(np.array(_HALF)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _make_scale(self, family: Family) -> ClassScale:
        del family
        return ClassScale()
