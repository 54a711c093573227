"""The ranked probability score, of probabilities of ordered classes, for cross-validation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skglmm.arrays import Floats
from skglmm.estimators.base.inside import Inside
from skglmm.estimators.reading.validation import check_weights
from skglmm.model_selection.scorer import Scorer

__all__ = ["RankedProbabilityScorer", "ranked_probability_scorer"]

SHOWN = 3  # labels that a message lists


class RankedProbabilityScorer(Scorer):
    """A callable ``scorer(estimator, X, y)`` as scikit-learn's tools take it.

    Parameters
    ----------
    categories : list, default=None
        As in `ranked_probability_scorer`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm import BinomialGLMMClassifier
    >>> from skglmm.model_selection import RankedProbabilityScorer
    >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
    >>> y = ["no", "no", "yes", "no", "yes", "yes"]
    >>> model = BinomialGLMMClassifier("x").fit(X, y)
    >>> print(f"{RankedProbabilityScorer()(model, X, y):.3f}")
    -0.147
    """

    def __init__(self, categories: Any = None) -> None:
        super().__init__()
        self.categories = categories

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return minus the mean ranked probability score of the rows.

        Parameters
        ----------
        estimator : object
            A fitted classifier with `predict_proba`, of skglmm or another package, or a pipeline
            or search that ends in one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            As for the `predict_proba` of `estimator`.
        y : array-like, shape (n_samples,)
            Labels.
        sample_weight : array-like, shape (n_samples,), default=None
            Weights of the rows in the mean.

        Returns
        -------
        float
            Between -1 and 0, higher is better; NaN where a row has no probabilities.

        Raises
        ------
        TypeError
            When `estimator` has no probabilities of classes.
        ValueError
            When a response is of a class that fit has not seen, when `categories` lack a
            class, and when they are needed, as more than two classes are texts.
        """
        if not (hasattr(estimator, "predict_proba") and hasattr(estimator, "classes_")):
            msg = (
                f"{type(estimator).__name__} has no probabilities of classes: expected a fitted "
                "classifier with predict_proba, or a pipeline or search that ends in one"
            )
            raise TypeError(msg)
        labels = column_or_1d(y)
        check_consistent_length(X, labels)
        weights = check_weights(sample_weight, len(labels))
        order = _ordered(estimator, self.categories)
        cumulative = np.cumsum(estimator.predict_proba(X)[:, order], axis=1)[:, :-1]
        scores = np.mean((cumulative - _reached(estimator.classes_[order], labels)) ** 2, axis=1)
        return -float(np.average(scores, weights=weights))

    def __repr__(self) -> str:
        given = "" if self.categories is None else f"categories={list(self.categories)}"
        return f"ranked_probability_scorer({given})"


def ranked_probability_scorer(categories: Any = None) -> RankedProbabilityScorer:
    r"""Make a scorer of the ranked probability score of ordered classes.

    The score of a row with the probabilities :math:`p_1, \dots, p_K` of K ordered classes and a
    response of class c is [1]_

    .. math:: \frac1{K - 1} \sum_{k=1}^{K-1} (p_1 + \dots + p_k - [c \le k])^2 .

    It is proper: in expectation the truth has the lowest. Unlike the log density it knows that a
    neighboring class is a smaller error than a distant one; of two classes it is the Brier score.

    Parameters
    ----------
    categories : list, default=None
        The labels in their order, the lowest first, of which a fold may lack some. None takes that
        of `categories_`, of ordinal models, otherwise the order of numbers; more than two classes
        of other models that are texts have none, and have to be given here.

    Returns
    -------
    RankedProbabilityScorer
        A callable ``scorer(estimator, X, y, sample_weight=None)`` for ``scoring=``, with the
        negative of the mean score, so that higher is better. It asks for weights under metadata
        routing after ``.set_score_request(sample_weight=True)``.

    References
    ----------
    .. [1] Epstein, E. S. (1969). A scoring system for probability forecasts of ranked categories.
       Journal of Applied Meteorology, 8(6), 985-987.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.model_selection import cross_val_score
    >>> from skglmm import BinomialGLMMClassifier
    >>> from skglmm.model_selection import ranked_probability_scorer
    >>> X = pd.DataFrame({"x": np.linspace(-2, 2, 60)})
    >>> y = (X["x"] + np.sin(7 * X["x"]) > 0).to_numpy()
    >>> scores = cross_val_score(
    ...     BinomialGLMMClassifier("x"), X, y, scoring=ranked_probability_scorer()
    ... )
    >>> len(scores)
    5
    """
    return RankedProbabilityScorer(categories)


def _ordered(estimator: Any, categories: Any) -> NDArray[np.intp]:
    """Return the places of the ordered classes among `classes_`."""
    classes = np.asarray(estimator.classes_).tolist()
    if categories is None:
        categories = getattr(Inside.of(estimator).model, "categories_", None)
    if categories is None:
        if len(classes) > 2 and any(isinstance(label, str) for label in classes):
            msg = (
                f"labels that are texts have no order of their own, and {type(estimator).__name__} "
                f"knows none; give it as categories=[...], of {', '.join(map(repr, classes))}"
            )
            raise ValueError(msg)
        return np.arange(len(classes))
    places = {label: place for place, label in enumerate(classes)}
    order = [places[label] for label in np.asarray(categories).tolist() if label in places]
    if sorted(order) != list(range(len(classes))):
        msg = f"categories={list(categories)} do not have each class of the model once: {classes}"
        raise ValueError(msg)
    return np.array(order, dtype=np.intp)


def _reached(ordered: NDArray[Any], labels: NDArray[Any]) -> Floats:
    """Return whether each response is of the first k classes, (n, K - 1)."""
    equal = np.stack([labels == label for label in ordered.tolist()], axis=1)
    unknown = ~equal.any(axis=1)
    if unknown.any():
        some = ", ".join(map(repr, np.unique(labels[unknown]).tolist()[:SHOWN]))
        msg = (
            f"{np.count_nonzero(unknown)} of {len(labels)} responses are of a class that fit has "
            f"not seen, such as {some}; the classes are {ordered.tolist()}"
        )
        raise ValueError(msg)
    return np.asarray(np.cumsum(equal, axis=1)[:, :-1], dtype=np.float64)
