"""The log predictive density as a score of cross-validation."""

from typing import Any

import numpy as np

from skglmm.estimators.base.inside import Inside
from skglmm.estimators.reading.estimable import refuse_nonestimable
from skglmm.model_selection.scorer import Scorer

__all__ = ["LogDensityScorer", "log_density_scorer"]


class LogDensityScorer(Scorer):
    """A callable ``scorer(estimator, X, y)`` as scikit-learn's tools take it.

    Parameters
    ----------
    joint : bool
        As in `log_density_scorer`.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import LogDensityScorer
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> print(f"{LogDensityScorer(joint=False)(model, X, y):.3f}")
    -2.057
    """

    def __init__(self, joint: bool = True) -> None:
        super().__init__()
        self.joint = joint

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean log density of the rows.

        Parameters
        ----------
        estimator : object
            A fitted estimator of skglmm; a pipeline that ends in one, whose other steps
            transform X; a fitted search over either; or these frozen.
        X : DataFrame or array-like, shape (n_samples, n_features)
            As for the `predict` of `estimator`.
        y : array-like, shape (n_samples,)
            Responses.
        sample_weight : array-like, shape (n_samples,), default=None
            Multiplies the log density of each row; the mean is over weights.

        Returns
        -------
        float
            In units of y, higher is better; NaN where the density of a row is.

        Raises
        ------
        TypeError
            When `estimator` has no log density.
        ValueError
            When the data of fit do not determine a linear predictor of a row: in cross-validation
            the score is `error_score` then, with this reason in a warning.
        """
        model, rows = _with_density(estimator, X)
        doing = "there is no log density of these rows"
        refuse_nonestimable(model, rows, doing, sample_weight=sample_weight)
        found = model.log_density(rows, y, joint=self.joint, sample_weight=sample_weight)
        mass = np.broadcast_to(1.0 if sample_weight is None else sample_weight, len(found))
        return float(np.sum(found) / np.sum(mass))

    def __repr__(self) -> str:
        return f"log_density_scorer(joint={self.joint})"


def log_density_scorer(joint: bool = True) -> LogDensityScorer:
    """Make a scorer of the mean log predictive density, for cross-validation and searches.

    The score is proper: in expectation the truth has the highest. Unlike R², which is about
    means, it sees how rows of one group hang together, and so tells random-effect structures
    apart. It is the density of rows that were held out, not a restricted one, so that fits by REML
    with other fixed effects are ranked, too.

    Parameters
    ----------
    joint : bool, default=True
        Whether held-out rows that share random effects are judged together, the effects of
        unseen groups integrated out; the choice when whole groups are held out, as by
        ``GroupKFold``. False judges row by row; the choice for further rows of known groups, as
        by ``KFold``.

    Returns
    -------
    LogDensityScorer
        A callable ``scorer(estimator, X, y, sample_weight=None)`` for ``scoring=``. It looks
        into pipelines and searches, and asks for weights under metadata routing after
        ``.set_score_request(sample_weight=True)``. Kind of prediction and treatment of unseen
        groups are those of the estimator, `predict_kind` and `new_groups`.

    Examples
    --------
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import log_density_scorer
    >>> X, y = load_petrol(return_X_y=True)
    >>> for formula in ("EP", "EP + (1 | batch)"):
    ...     scores = cross_val_score(
    ...         BetaGLMMRegressor(formula, bounds=(0, 100)), X, y, groups=X["batch"],
    ...         cv=GroupKFold(5), scoring=log_density_scorer(),
    ...     )
    ...     print(f"{scores.mean():.2f}")
    -3.53
    -2.98
    """
    return LogDensityScorer(joint)


def _with_density(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return what has the density, and X as it takes it."""
    inside = Inside.of(estimator)
    if not hasattr(inside.model, "log_density"):
        msg = (
            f"{type(estimator).__name__} has no log density: expected an estimator of skglmm or a "
            f"pipeline or fitted search that ends in one, found {type(inside.model).__name__}"
        )
        raise TypeError(msg)
    return inside.model, inside.rows(X)
