"""Whether means that were predicted are those that are observed, in groups of rows."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length

from skglmm.arrays import Floats, Ints
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_count, check_weights
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.exceptions import DesignError
from skglmm.inspection.data.fitted import Fitted

__all__ = ["NUMBERS", "calibration"]

NUMBERS = ["n", "observed", "predicted", "std_error", "z"]  # columns behind those that name groups


@single_threaded
def calibration(
    model: Any,
    X: Any,
    y: Any,
    by: Any = None,
    *,
    kind: Kind | None = None,
    n_bins: int = 10,
    sample_weight: Any = None,
) -> pd.DataFrame:
    r"""Compare observed means or shares of classes with predicted ones, group by group.

    In a model that holds, the observed mean of a group of new rows is their mean prediction, but
    for chance. Of rows of the fit only groups by columns, and predictions of kind "marginal", are
    so: random effects have been fitted to these rows, so that where "conditional" predictions are
    high the responses are higher still, and ``by=None`` would find that.

    Parameters
    ----------
    model : estimator
        A fitted mixed model, or a Pipeline or search that ends in one.
    X : DataFrame or array-like, shape (n_samples, n_features)
        Rows of the fit, or new ones.
    y : array-like, shape (n_samples,)
        Their responses.
    by : str or list of str, default=None
        Columns of X whose combinations of values are the groups. None groups rows with predictions
        that are next to each other, for each class anew: the calibration curve.
    kind : {"conditional", "posterior", "fixed", "marginal"}, or set of factors, default=None
        Of the predictions, as in `predict`; None is the `predict_kind` of the model.
    n_bins : int, default=10
        How many groups there are without `by`, of equally many rows.
    sample_weight : array-like, shape (n_samples,), default=None
        A weight of 2 is the row twice.

    Returns
    -------
    DataFrame
        One row for each group, of more than two classes for each group and class: the columns of
        `by` or ``bin``, ``class`` if there are classes, the event alone if they are two, ``n``
        (sum of the weights), ``observed`` and ``predicted`` means, ``std_error`` of the observed
        mean if the predictions hold and rows are independent given them, and their difference
        in standard errors, ``z``.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    ValueError
        As in `predict`, when X lacks a column of `by`, or predictions are missing.
    TypeError
        When `model` is not a mixed model, nor ends in one.

    Notes
    -----
    With kind "marginal" rows of one group share effects that are averaged over, and depend on each
    other: standard errors are too small for groups made of few such groups.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import BinomialGLMMClassifier
    >>> from skglmm.inspection import calibration
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"sex": ["f", "m"] * 200, "ward": np.arange(400) // 10})
    >>> eta = (X["sex"] == "m") + rng.normal(size=40)[X["ward"]]
    >>> y = np.where(rng.random(400) < 1 / (1 + np.exp(-eta)), "sick", "healthy")
    >>> model = BinomialGLMMClassifier("1 + (1 | ward)").fit(X, y)
    >>> calibration(model, X, y, by="sex").round(2)
      sex class      n  observed  predicted  std_error     z
    0   f  sick  200.0      0.46       0.54       0.03 -2.66
    1   m  sick  200.0      0.63       0.54       0.03  2.60
    """
    check_count("n_bins", n_bins)
    fitted = Fitted.of(model)
    check_consistent_length(X, y)
    observed, predicted, variance, classes = _compared(fitted, X, y, kind)
    weights = check_weights(sample_weight, len(predicted))
    weights = np.ones(len(predicted)) if weights is None else weights
    parts = []
    for k, label in enumerate(classes):
        columns = (observed[:, k], predicted[:, k], variance[:, k])
        codes, keys = _groups(X, by) if by is not None else _bins(predicted[:, k], int(n_bins))
        parts.append(_table(codes, keys, columns, weights, label))
    found = pd.concat(parts, ignore_index=True)
    names = [name for name in found.columns if name not in NUMBERS and name != "class"]
    if len(classes) > 1:
        found = found.sort_values(names, kind="stable", ignore_index=True)
    kept = [*names, *(["class"] if is_classifier(fitted.model) else []), *NUMBERS]
    return found[kept]


def _compared(
    fitted: Fitted, X: Any, y: Any, kind: Kind | None
) -> tuple[Floats, Floats, Floats, NDArray[Any]]:
    """Observed and predicted numbers and variances of the former, (n, K), and what they are of."""
    rows, model = fitted.rows(X), fitted.model
    if is_classifier(model):
        first = int(len(model.classes_) == 2)  # the event says all of two classes
        classes = model.classes_[first:]
        predicted = model.predict_proba(rows, kind)[:, first:]
        known = model._scale.read(model._column(y))
        labels = np.asarray(model._scale.draws(known))
        observed = np.stack([labels == label for label in classes.tolist()], axis=1)
        variance = predicted * (1.0 - predicted)
    else:
        mean, std = model._means(predict_frame(model, rows), kind, return_std=True)
        classes, predicted, variance = np.array([""]), mean[:, None], std[:, None] ** 2
        observed = fitted.numbers(y)[:, None]
    missing = np.isnan(predicted).any(axis=1)
    if missing.any():
        msg = (
            f"{np.count_nonzero(missing)} of {len(missing)} rows have no prediction: their groups "
            "are unknown and new_groups='nan', or the data of fit do not determine them; leave "
            "these rows out"
        )
        raise ValueError(msg)
    return observed.astype(np.float64), predicted, variance, classes


def _groups(X: Any, by: Any) -> tuple[Ints, pd.DataFrame]:
    """Return the group of each row, and the values of each group as a frame."""
    names = [by] if isinstance(by, str) else list(by)
    taken = [name for name in names if name in {*NUMBERS, "class", "bin"}]
    if taken:
        msg = f"by={taken[0]!r} is the name of a column of the answer, too; rename it in X"
        raise ValueError(msg)
    frame = X if isinstance(X, pd.DataFrame) else None
    if frame is None and hasattr(X, "columns"):
        frame = pd.DataFrame({name: list(X[name]) for name in names if name in X.columns})
    missing = names if frame is None else [name for name in names if name not in frame.columns]
    if missing or frame is None:
        msg = f"X has no column {missing[0]!r} to group rows by; by= takes names of its columns"
        raise DesignError(msg)
    grouped = frame.groupby(names, observed=True, dropna=False, sort=True)
    codes = np.asarray(grouped.ngroup(), dtype=np.intp)
    first = np.unique(codes, return_index=True)[1]
    return codes, frame[names].iloc[first].reset_index(drop=True)


def _bins(predicted: Floats, n_bins: int) -> tuple[Ints, pd.DataFrame]:
    """Return the bin of each row; equal predictions are in one."""
    _, where = np.unique(predicted, return_inverse=True)
    ranks = np.cumsum(np.bincount(where)) - 1
    bins = np.minimum(ranks * n_bins // len(predicted), n_bins - 1)[where]
    kept, codes = np.unique(bins, return_inverse=True)
    return codes, pd.DataFrame({"bin": np.arange(1, len(kept) + 1)})


def _table(
    codes: Ints,
    keys: pd.DataFrame,
    columns: tuple[Floats, Floats, Floats],
    weights: Floats,
    label: Any,
) -> pd.DataFrame:
    total = np.bincount(codes, weights, len(keys))
    observed, predicted, variance = (
        np.bincount(codes, weights * column, len(keys)) / total for column in columns
    )
    error = np.sqrt(variance / total)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(observed == predicted, 0.0, (observed - predicted) / error)
    numbers = zip(NUMBERS, (total, observed, predicted, error, z), strict=True)
    return keys.assign(**{"class": label}, **dict(numbers))
