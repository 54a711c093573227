"""Mixed regression of ordered classes: cumulative link mixed models."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.estimators.base.classifier import MixedClassifier
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_choice, check_ordered_labels
from skglmm.families import Cumulative, Family
from skglmm.response import OrderedScale, ResponseScale

__all__ = ["OrdinalGLMMClassifier"]


@mixed_model
class OrdinalGLMMClassifier(MixedClassifier):
    r"""Mixed regression of ordered classes, such as ratings: a cumulative link mixed model.

    :math:`P(y \le k) = F((\tau_k - \eta) / e^s)` with thresholds :math:`\tau_k` that increase, a
    location :math:`\eta` of fixed and normally distributed random effects, and, if asked for, a
    logarithm s of the scale [1]_ [2]_. Larger locations make higher classes more probable. The
    likelihood is maximized in its Laplace approximation, or by adaptive Gauss-Hermite quadrature;
    answers are those of R's package ordinal.

    Neither the location nor the scale has an intercept, for the thresholds take its place;
    categorical columns are coded as beside one. There is no `decision_function`: one number does
    not tell which of several classes is the most probable; ``predict_linear(X)`` is the location.

    Parameters
    ----------
    $formula_and_groups
    categories : "auto", "sorted" or list, default="auto"
        The labels in their order, the lowest first. "auto" is the order of numbers, or that of
        an ordered Categorical, and refuses texts without one; "sorted" takes the sorted labels.
    thresholds : {"flexible", "symmetric", "equidistant"}, default="flexible"
        Any thresholds; some that lie symmetrically about their center; or all at one distance.
    scale : str, default=None
        One-sided formula of the log scale, which may have random effects; None for a scale of 1.
    $quadrature
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}, default="logit"
        Link of the cumulative probabilities, the inverse of F.
    $reml
    $others

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted, as scorers need them.
    categories_ : ndarray, shape (n_classes,)
        The labels in their order.
    thresholds_ : ndarray, shape (n_classes - 1,)
        Between neighbors of `categories_`.
    threshold_names_ : list of str
        Their names: "1|2", "2|3".
    coef_ : ndarray, shape (n_coef,)
        Fixed effects of the location, on the link's scale.
    coef_names_ : list of str
        Their names.
    scale_coef_ : ndarray, shape (n_scale_coef,)
        Fixed effects of the log scale; only with a formula of `scale`.
    $results

    References
    ----------
    .. [1] McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal
       Statistical Society B, 42(2), 109-142.
    .. [2] Christensen, R. H. B. (2022). ordinal: Regression models for ordinal data. R package.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import OrdinalGLMMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=400), "judge": np.arange(400) // 10})
    >>> eta = X["x"] + rng.normal(size=40)[X["judge"]] + rng.logistic(size=400)
    >>> y = np.array(["bad", "fair", "good"])[np.digitize(eta, [-1, 1])]
    >>> order = ["bad", "fair", "good"]
    >>> model = OrdinalGLMMClassifier("x + (1 | judge)", categories=order).fit(X, y)
    >>> model.threshold_names_, model.thresholds_.round(1)
    (['bad|fair', 'fair|good'], array([-1.1,  1. ]))
    >>> model.predict_cumulative(X.head(2)).shape
    (2, 3)
    """

    _family = Cumulative()
    _vet = staticmethod(check_ordered_labels)

    categories: Any = "auto"
    thresholds: str = "flexible"
    scale: str | None = None

    def predict_cumulative(self, X: Any, kind: Kind | None = None) -> Floats:
        """Predict the probabilities of each class or a lower one.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`.
        kind : str or set, default=None
            As in `predict_proba`.

        Returns
        -------
        ndarray, shape (n_samples, n_classes)
            In the order of `categories_`: the last is 1.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict_proba`.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import OrdinalGLMMClassifier
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
        >>> model = OrdinalGLMMClassifier("x").fit(X, [1, 1, 2, 1, 3, 2])
        >>> model.predict_cumulative(X.head(1)).round(2)
        array([[0.92, 0.99, 1.  ]])
        """
        probabilities = self.predict_proba(X, kind)
        by_code = np.argsort(cast(OrderedScale, self._scale).codes)
        found = np.cumsum(probabilities[:, by_code], axis=1)
        found[:, -1] = np.where(np.isnan(found[:, -1]), np.nan, 1.0)
        return np.minimum(found, 1.0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # in checks, whose classes have no order
        return tags

    def _make_family(self) -> Family:
        check_choice("thresholds", self.thresholds, Cumulative.structures)
        family = cast(Cumulative, super()._make_family())
        return replace(family, thresholds=self.thresholds, has_scale=self.scale is not None)

    def _make_scale(self, family: Family) -> OrderedScale:
        del family
        return OrderedScale(order=_order(self.categories))

    def _settled(self, family: Family, scale: ResponseScale) -> Family:
        return replace(cast(Cumulative, family), labels=cast(OrderedScale, scale).labels)

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        del self.intercept_
        self.categories_ = cast(OrderedScale, self._scale).categories
        family = cast(Cumulative, self.fit_.family)
        values = [
            beta for beta, own in zip(self.fit_.beta, family.parameters, strict=True) if own.block
        ]
        self.thresholds_ = family.cut_points.cuts(values)[:, 0]
        self.threshold_names_ = list(family.cut_points.names)


def _order(categories: Any) -> Any:
    """Return the order that was asked for: labels, "sorted", or None."""
    if isinstance(categories, str):
        check_choice("categories", categories, ("auto", "sorted"))
        return None if categories == "auto" else categories
    if isinstance(categories, (np.ndarray, pd.Index, pd.Series)):
        categories = categories.tolist()
    fine = isinstance(categories, Sequence) and all(isinstance(c, Hashable) for c in categories)
    if not fine or len(categories) < 2 or len(set(categories)) < len(categories):
        msg = (
            f"categories={categories!r} must be 'auto', 'sorted', or a list of two or more labels, "
            "each of them once, the lowest first"
        )
        raise ValueError(msg)
    return tuple(categories)
