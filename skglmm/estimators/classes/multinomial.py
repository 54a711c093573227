"""Mixed regression of classes without an order: baseline-category logits."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skglmm.arrays import Floats
from skglmm.estimators.base.classifier import MixedClassifier
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.rows import Kind
from skglmm.families import Family, Multinomial
from skglmm.response import NominalScale, ResponseScale

__all__ = ["MultinomialGLMMClassifier"]


@mixed_model
class MultinomialGLMMClassifier(MixedClassifier):
    r"""Multinomial mixed regression of classes without an order: baseline-category logits.

    :math:`P(y = k) = e^{\eta_k} / \sum_j e^{\eta_j}`, where each class but one of reference has a
    linear predictor of fixed and normally distributed random effects, and that of the reference is
    0 [1]_ [2]_. All of them have the same formula. Random effects of different classes are
    independent, unless the term has a key, ``(1 |p| g)``, which lets them be correlated. The
    likelihood is maximized in its Laplace approximation, or by adaptive Gauss-Hermite quadrature.

    Coefficients are log odds of a class against the reference, and are called by the class:
    ``train(x)``. Where random effects of classes are independent, another reference is another
    model; where they are correlated, it is the same. Up to 20 classes: the cost of a row grows as
    their cube.

    Parameters
    ----------
    $formula_and_groups
    reference : label, default=None
        The class against which the others are; None for the first of the sorted labels.
    $quadrature
    link : {"logit"}, default="logit"
        Of a class against the reference.
    $reml
    $others

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted.
    reference_ : label
        The class of reference.
    predictors_ : list of str
        Names of the linear predictors: the other classes, sorted.
    coef_ : ndarray, shape (n_classes - 1, n_coef)
        Fixed effects without the intercepts, on the scale of the logit, in the order of
        `predictors_`.
    coef_names_ : list of str
        Names of its columns.
    intercept_ : ndarray, shape (n_classes - 1,)
        Intercepts; 0 if the formula has none.
    $results

    References
    ----------
    .. [1] Hartzel, J., Agresti, A. & Caffo, B. (2001). Multinomial logit random effects models.
       Statistical Modelling, 1(2), 81-102.
    .. [2] Hedeker, D. (2003). A mixed-effects multinomial logistic regression model. Statistics in
       Medicine, 22(9), 1433-1446.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import MultinomialGLMMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=600), "city": np.arange(600) // 20})
    >>> eta = np.outer(X["x"], [0, 1, -1]) + rng.normal(size=(30, 3))[X["city"]]
    >>> y = np.array(["bus", "car", "train"])[np.argmax(eta + rng.gumbel(size=(600, 3)), axis=1)]
    >>> model = MultinomialGLMMClassifier("x + (1 |p| city)").fit(X, y)
    >>> model.predictors_, model.coef_.ravel().round(1)
    (['car', 'train'], array([ 0.9, -1. ]))
    >>> model.predict_proba(X.head(2)).shape
    (2, 3)
    """

    _family = Multinomial()

    reference: Any = None

    def decision_function(self, X: Any, kind: Kind | None = None) -> Floats:
        """Return the linear predictors of the classes, of which the reference has 0.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        kind : str or set, default=None
            As in `predict_proba`; effects that are averaged over count as 0.

        Returns
        -------
        ndarray, shape (n_samples, n_classes)
            In the order of `classes_`. Of two classes, shape (n_samples,), that of the second less
            that of the first.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict_proba`.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import MultinomialGLMMClassifier
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
        >>> model = MultinomialGLMMClassifier("x").fit(X, ["a", "b", "c", "b", "a", "c"])
        >>> model.decision_function(X.head(2)).shape
        (2, 3)
        """
        check_is_fitted(self)
        values = [self.predict_linear(X, name, kind=kind) for name in self.predictors_]
        every = np.stack([np.zeros(len(values[0])), *values])
        by_class: Floats = every[cast(NominalScale, self._scale).codes].T
        return by_class[:, 1] - by_class[:, 0] if len(self.classes_) == 2 else by_class

    def _make_family(self) -> Family:
        if self.offset is not None:
            msg = (
                f"offset={self.offset!r} is added to one linear predictor, and each class but that "
                f"of reference has its own; offset({self.offset}) in the formula is added to all"
            )
            raise ValueError(msg)
        return super()._make_family()

    def _make_scale(self, family: Family) -> NominalScale:
        del family
        return NominalScale(reference=self.reference)

    def _settled(self, family: Family, scale: ResponseScale) -> Family:
        return replace(cast(Multinomial, family), labels=cast(NominalScale, scale).labels)

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        result, scale = self.fit_, cast(NominalScale, self._scale)
        self.reference_ = scale.by_code.tolist()[0]
        self.predictors_ = list(result.family.predictors)
        first = result.layout.coefficients[result.family.location][:1] == ("Intercept",)
        self.coef_ = np.stack([beta[int(first) :] for beta in result.beta])
        self.intercept_ = np.array([beta[: int(first)].sum() for beta in result.beta])
