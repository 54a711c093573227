"""Mixed models of classes, as scikit-learn classifiers."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.estimable import refuse_nonestimable
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_labels, check_weights
from skglmm.estimators.runtime.warnings import tell
from skglmm.families import Family
from skglmm.response import LabelScale

__all__ = ["MixedClassifier"]


@mixed_model
class MixedClassifier(ClassifierMixin, MixedModel):
    """A mixed model of classes; public ones have a family, and say how labels are read."""

    _vet = staticmethod(check_labels)

    n_quadrature: int = 1
    link: str = "logit"

    def predict(self, X: Any, kind: Kind | None = None) -> NDArray[Any]:
        """Predict the most probable class.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            A frame needs only the columns that the model uses, in any order; for the kinds
            "fixed" and "marginal" no grouping columns.
        kind : {"conditional", "posterior", "fixed", "marginal"}, or set of factors, default=None
            As in `predict_proba`.

        Returns
        -------
        ndarray, shape (n_samples,)
            Labels, of `classes_`: the first one for rows without probabilities.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict_proba`.

        Warns
        -----
        UserWarning
            When a row has no probabilities, as its group is unknown and `new_groups` is "nan", or
            the data of fit do not determine them.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import BinomialGLMMClassifier
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
        >>> y = ["no", "no", "yes", "no", "yes", "yes"]
        >>> BinomialGLMMClassifier("x").fit(X, y).predict(X)
        array(['no', 'no', 'no', 'yes', 'yes', 'yes'], dtype='<U3')
        """
        probabilities = self.predict_proba(X, kind)
        missing = np.isnan(probabilities[:, 0])
        if missing.any():
            text = (
                f"{np.count_nonzero(missing)} of {len(missing)} rows have no most probable class, "
                f"the first is row {int(np.argmax(missing))}: their groups are unknown and "
                "new_groups='nan', or the data of fit do not determine them. predict_proba(X) is "
                "NaN there; as a label cannot be missing, they are given the first, "
                f"{self.classes_.tolist()[0]!r}"
            )
            tell(text)
        labels: NDArray[Any] = self.classes_[np.argmax(probabilities, axis=1)]
        return labels

    def predict_proba(self, X: Any, kind: Kind | None = None) -> Floats:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        kind : {"conditional", "posterior", "fixed", "marginal"}, or set of factors, default=None
            "conditional" uses the predicted effects of each row's groups, and `new_groups` for
            levels that fit has not seen; "posterior" averages over what the rows of these groups
            say of their effects, where `predict_kind` was "posterior" in `fit`: of small groups
            it is calibrated, and "conditional" too sure. "fixed" is a typical group, whose
            effects are 0; "marginal" is the average over groups. A set conditions on the factors
            that it names, with effects of 0 for the others. None is `predict_kind`.

        Returns
        -------
        ndarray, shape (n_samples, n_classes)
            In the order of `classes_`; NaN for unseen groups if `new_groups` is "nan", and for
            rows that the data of fit do not determine.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When columns are missing, hold other types or missing values, when a fixed effect has
            levels that fit did not see, for an unknown kind or grouping factor, and for unseen
            groups if `new_groups` is "error".
        TypeError
            When `kind` is neither a text nor a set of texts.

        Warns
        -----
        UserWarning
            When the data of fit do not determine the probabilities of some rows.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import BinomialGLMMClassifier
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
        >>> y = ["no", "no", "yes", "no", "yes", "yes"]
        >>> BinomialGLMMClassifier("x").fit(X, y).predict_proba(X.head(2)).round(2)
        array([[0.95, 0.05],
               [0.86, 0.14]])
        """
        check_is_fitted(self)

        def answer(design: Design, plan: infer.Plan) -> Floats:
            return infer.part_probabilities(self.fit_, design, plan).T

        needed, codes = self.fit_.family.part_predictors, cast(LabelScale, self._scale).codes
        return self._answered(predict_frame(self, X), kind, answer, needed)[codes].T

    def predict_log_proba(self, X: Any, kind: Kind | None = None) -> Floats:
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        kind : str or set, default=None
            As in `predict_proba`.

        Returns
        -------
        ndarray, shape (n_samples, n_classes)
            In the order of `classes_`.

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
        >>> BinomialGLMMClassifier("x").fit(X, y).predict_log_proba(X.head(1)).round(2)
        array([[-0.05, -3.08]])
        """
        return np.log(self.predict_proba(X, kind))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose class `predict` hits.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows to predict, by the probabilities of `predict_kind`.
        y : array-like, shape (n_samples,)
            Their labels.
        sample_weight : array-like, shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Between 0 and 1; rows of a class that fit has not seen are missed. `log_density` scores
            probabilities.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; when the data of fit do not determine a row, and when no label is one
            of `classes_`.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import BinomialGLMMClassifier
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
        >>> y = ["no", "no", "yes", "no", "yes", "yes"]
        >>> print(f"{BinomialGLMMClassifier('x').fit(X, y).score(X, y):.2f}")
        0.67
        """
        check_is_fitted(self)
        needed = self.fit_.family.part_predictors
        refuse_nonestimable(self, X, "there is no accuracy of these rows", needed)
        labels, known = self._column(y), pd.Index(self.classes_)
        check_consistent_length(X, labels)
        places = known.get_indexer(labels)
        if len(places) and (places < 0).all():
            msg = (
                f"no label of y is a class of fit: y has labels such as {labels.tolist()[0]!r}, "
                f"and the classes are {self.classes_.tolist()}"
            )
            raise ValueError(msg)
        hits = places == known.get_indexer(self.predict(X))
        return float(np.average(hits, weights=check_weights(sample_weight, len(labels))))

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        scale = cast(LabelScale, self._scale)
        self.classes_ = scale.draws(scale.codes.astype(np.float64))
