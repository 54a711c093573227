"""Checks of parameters, responses and weights, before anything is computed."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import DesignSpec
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Fit
from skglmm.formula import check_expressions, of_type
from skglmm.priors import read_priors

__all__ = [
    "KINDS",
    "NEW_GROUPS",
    "check_boundary",
    "check_bounds",
    "check_choice",
    "check_count",
    "check_flag",
    "check_inference",
    "check_kept",
    "check_labels",
    "check_level",
    "check_one_mean",
    "check_ordered_labels",
    "check_parameters",
    "check_ratios",
    "check_stored",
    "check_successes",
    "check_weights",
    "check_y",
]

_COLUMN_VECTOR = (  # scikit-learn's words
    "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
    "(n_samples,), for example using ravel()."
)
KINDS = ("conditional", "posterior", "fixed", "marginal")
NEW_GROUPS = ("marginal", "fixed", "nan", "error")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    if not (isinstance(value, str) and value in choices):
        close = get_close_matches(value, choices, n=1) if isinstance(value, str) else []
        hint = f"; did you mean {close[0]!r}?" if close else ""
        msg = f"{name}={value!r} is unknown, expected one of {', '.join(map(repr, choices))}{hint}"
        raise ValueError(msg)


def check_parameters(estimator: Any) -> None:
    """Refuse constructor parameters that no fit can use; formulas are read elsewhere."""
    check_choice("predict_kind", estimator.predict_kind, KINDS)
    check_choice("new_groups", estimator.new_groups, NEW_GROUPS)
    _check_optional("formula", estimator.formula, str, "a text such as 'x + (1 | g)'")
    _check_optional("offset", estimator.offset, str, "the name of a column")
    _check_context(estimator.context)
    _check_number("tol", estimator.tol, Real, low=0.0, strict=True)
    _check_number("max_iter", estimator.max_iter, Integral, low=1)
    _check_jobs(estimator.n_jobs)
    if not _is_flag(estimator.verbose):
        _check_number("verbose", estimator.verbose, Integral, low=0)
    check_flag("inference", estimator.inference)
    read_priors(estimator.priors)


def check_level(level: Any) -> None:
    """Refuse a coverage that is none."""
    if not _is_finite(level) or not 0 < level < 1:
        msg = f"level={level!r} must be above 0 and below 1, such as 0.95"
        raise ValueError(msg)


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither true nor false."""
    if not _is_flag(value):
        msg = f"{name}={value!r} must be True or False"
        raise TypeError(msg)


def check_count(name: str, value: Any) -> None:
    """Refuse what is no whole number of at least 1."""
    _check_number(name, value, Integral, low=1)


def check_inference(fit: Fit) -> None:
    """Refuse a fit without a covariance of its estimates."""
    if fit.uncertainty is None:
        msg = (
            "there is no covariance of the estimates: the model was fitted with "
            "inference=False, or the likelihood has no curvature at the estimates; fit with "
            "inference=True, or simplify the model"
        )
        raise ValueError(msg)


def check_kept(fit: Fit, kind: Any) -> None:
    """Refuse averages over the posterior of effects of a fit that kept nothing for them."""
    wanted = isinstance(kind, str) and kind == "posterior" and fit.layout.factors
    if wanted and fit.effect_posterior is None:
        msg = (
            "kind='posterior' averages over what the rows of fit say of each group, and this fit "
            "has kept nothing of that; set predict_kind='posterior', and fit again. If it was set, "
            "the search for a normal distribution of crossed effects has failed, and "
            "kind='conditional' has their modes"
        )
        raise ValueError(msg)


def check_one_mean(fit: Fit, what: str) -> None:
    """Refuse what is about means, or one linear predictor, of classes without an order."""
    if len(fit.family.locations) > 1:
        msg = (
            f"{what} needs the mean of y, or its one linear predictor, and "
            f"{len(fit.family.parts)} classes without an order have neither; predict_proba(X) has "
            "the probability of each, and inspection.calibration compares these with y"
        )
        raise ValueError(msg)


def check_ratios(fit: Fit) -> None:
    """Refuse to exponentiate effects that are no logarithms of ratios."""
    family = fit.family
    links = [link for link in family.parameters[family.location].links if link.ratio]
    other = "".join(
        f"fit with link={link.name!r} for ratios of {link.ratio}, " for link in links[:1]
    )
    for predictor, link in infer.without_ratios(fit).items():
        msg = (
            f"exponentiate=True makes ratios of differences of logarithms, but the effects on the "
            f"{predictor} are on the {link} scale, where exp(effect) means nothing; leave "
            f"exponentiate=False, {other}or compare means: predict_frame(X)"
        )
        raise ValueError(msg)


def check_y(name: str, y: Any) -> Floats:
    """Return the response of an estimator of this name as finite floats, shape (n,)."""
    _refuse_no_column(name, y)
    if _is_plain(y):
        plain = np.asarray(y)
        _refuse_not_finite(plain)
        return plain
    _refuse_masked(y)
    column = _column(y)
    if column.dtype.kind in "mM":
        msg = (
            f"Input y has values of type {column.dtype}, expected numbers; subtract a date and "
            "divide by a pd.Timedelta"
        )
        raise TypeError(msg)
    if np.asarray(y).ndim == 2:
        tell(_COLUMN_VECTOR, DataConversionWarning)
    options = {"ensure_all_finite": False, "input_name": "y"}
    try:
        checked = check_array(column, ensure_2d=False, dtype=np.float64, **options)
    except (TypeError, ValueError) as error:
        raise type(error)(_no_number(column, error)) from None
    _refuse_not_finite(checked)
    return np.asarray(checked, dtype=np.float64)


def check_successes(name: str, y: Any) -> Floats:
    """Return numbers of successes likewise; refuse failures beside them, as R takes both."""
    shape = getattr(y, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] == 2:
        msg = (
            "y should be a 1d array, got two columns: successes and failures, as cbind() in R? "
            "Pass the successes as y, and put their sums into a column of X for trials='column'"
        )
        raise ValueError(msg)
    return check_y(name, y)


def _refuse_no_column(name: str, y: Any) -> None:
    """Refuse a response that is left to the formula, or only named."""
    if y is None:  # scikit-learn's words come first
        msg = (
            f"{name} requires y to be passed, but the target y is None; call fit(X, y): a formula "
            "names the response, and its values are the second argument, as in "
            "fit(data, data['y'])"
        )
        raise ValueError(msg)
    if isinstance(y, str):
        msg = f"y is the text {y!r}, expected the responses themselves: fit(X, X[{y!r}])"
        raise ValueError(msg)


def _is_plain(y: Any) -> bool:
    """Return whether y is an array or a series of floats, as it will be taken."""
    if type(y) not in {np.ndarray, pd.Series} or not isinstance(y.dtype, np.dtype):
        return False
    return y.dtype == np.float64 and y.ndim == 1 and len(y) > 0


def _column(y: Any) -> NDArray[Any]:
    """Return the response as a column, (n,); scikit-learn's error shows all complex numbers."""
    try:
        return np.asarray(column_or_1d(y, warn=False))
    except ValueError as error:
        first = "Complex data not supported"
        if not str(error).startswith(first):
            raise
        msg = f"{first}: y has complex numbers; take y.real"
        raise ValueError(msg) from None


def _refuse_masked(y: Any) -> None:
    """Refuse responses of which some are masked: what is below the mask is no response."""
    mask = np.ma.getmaskarray(y) if isinstance(y, np.ma.MaskedArray) else np.zeros(0)
    if mask.any():
        msg = (
            f"Input y is a masked array: {np.count_nonzero(mask)} of {mask.size} responses are "
            "masked; drop these rows, of X as well: X[~y.mask], y.compressed()"
        )
        raise ValueError(msg)


def _no_number(column: NDArray[Any], error: Exception) -> str:
    """Say which response is no number, and what there is for it."""
    wrong = [place for place, value in enumerate(column.tolist()) if not _is_readable(value)]
    if not wrong:
        return str(error)
    value = column.tolist()[wrong[0]]
    hint = "convert them first"
    if isinstance(value, str):
        hint = "classes are for classifiers, such as BinomialGLMMClassifier"
    elif hasattr(value, "year"):
        hint = "subtract a date and divide by a pd.Timedelta"
    return (
        f"{error}: {len(wrong)} of {len(column)} responses are no numbers, the first at position "
        f"{wrong[0]} counted from 0 is of type {type(value).__name__}; {hint}"
    )


def _is_readable(value: Any) -> bool:
    """Return whether there is a floating-point number for a value."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def check_labels(name: str, y: Any) -> NDArray[Any]:
    """Return the labels of classes that an estimator of this name is given, shape (n,)."""
    labels = check_ordered_labels(name, y)
    try:
        check_classification_targets(labels)
    except ValueError as error:
        msg = (
            f"{error} Shares have models of their own, BetaGLMMRegressor and, of successes in a "
            "known number of trials, BinomialGLMMRegressor"
        )
        raise ValueError(msg) from None
    return labels


def check_ordered_labels(name: str, y: Any) -> NDArray[Any]:
    """Return labels likewise, which may be any numbers, such as ratings by half stars."""
    _refuse_no_column(name, y)
    if isinstance(getattr(y, "dtype", None), pd.api.extensions.ExtensionDtype):
        y = y.astype(object)  # of pandas: nullable booleans would become floats
    column = column_or_1d(y, warn=True)
    missing = pd.isna(column)
    if missing.any():
        count, first = np.count_nonzero(missing), int(np.argmax(missing))
        msg = (
            f"Input y contains NaN: {count} of {len(column)} labels are missing, the first at "
            f"position {first} counted from 0; drop these rows, of X as well: y.notna()"
        )
        raise ValueError(msg)
    if column.dtype.kind == "f":
        _refuse_not_finite(column)
    if column.dtype.kind == "O":
        column = _of_one_type(column)
    return np.asarray(column)


def _of_one_type(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels, as booleans or numbers if they are, that have an order."""
    types = sorted({type(label).__name__ for label in labels})
    flags = [_is_flag(label) for label in labels]
    if all(flags):
        return labels.astype(np.bool_)
    if not any(flags) and all(isinstance(label, Real) for label in labels):
        return np.array(labels.tolist())
    try:
        np.unique(labels)
    except TypeError:
        msg = (
            f"Unknown label type: labels are of the types {', '.join(types)}, which have no "
            "common order; give them one type, such as with y.astype(str)"
        )
        raise ValueError(msg) from None
    return labels


def _refuse_not_finite(y: Floats) -> None:
    """Refuse responses that are missing or infinite; scikit-learn's words come first."""
    if np.isfinite(y).all():
        return
    for flags, what, advice in (
        (np.isnan(y), "NaN", "drop these rows, of X as well: y.notna()"),
        (np.isinf(y), "infinity", "look for divisions by zero and logarithms of it"),
    ):
        if flags.any():
            count, first = np.count_nonzero(flags), int(np.argmax(flags))
            msg = (
                f"Input y contains {what}: {count} of {len(y)} response{'s' * (len(y) != 1)}, the "
                f"first at position {first} counted from 0. A response has to be a finite number; "
                f"{advice}"
            )
            raise ValueError(msg)


def check_weights(weights: Any, n_rows: int) -> Floats | None:
    """Return the weights of the rows, shape (n,); None where all of them are one."""
    if weights is None:
        return None
    if isinstance(weights, Real):
        weights = np.full(n_rows, weights)
    checked = check_array(
        weights, ensure_2d=False, dtype=np.float64, input_name="sample_weight", allow_nd=True
    )
    if checked.ndim != 1:
        msg = f"Sample weights must be 1D array or scalar, got an array of shape {checked.shape}"
        raise ValueError(msg)
    if len(checked) != n_rows:
        msg = (
            "Found input variables with inconsistent numbers of samples: sample_weight has "
            f"{len(checked)} values for {n_rows} rows"
        )
        raise ValueError(msg)
    if (checked < 0).any():
        first = int(np.argmax(checked < 0))
        msg = (
            f"Negative values in data passed to `sample_weight`: {np.count_nonzero(checked < 0)} "
            f"of {n_rows}, the first is sample_weight[{first}]={checked[first]:g}"
        )
        raise ValueError(msg)
    if not checked.any():
        msg = "Sample weights must contain at least one non-zero number; all of them are zero"
        raise ValueError(msg)
    return None if np.all(checked == 1.0) else np.asarray(checked, dtype=np.float64)


def _is_flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _is_finite(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, Real) and not _is_flag(value) and isfinite(float(value))


def _check_number(name: str, value: Any, kind: type, *, low: float, strict: bool = False) -> None:
    fine = _is_finite(value) and isinstance(value, kind)
    if not fine or value < low or (strict and value == low):
        what = "whole number" if kind is Integral else "number"
        msg = f"{name}={value!r} must be a {what} {'above' if strict else 'of at least'} {low:g}"
        raise ValueError(msg)


def _check_jobs(value: Any) -> None:
    if value is not None and (not isinstance(value, Integral) or _is_flag(value) or value == 0):
        msg = f"n_jobs={value!r} must be None, or a whole number such as 2; -1 takes all cores"
        raise ValueError(msg)


def _check_optional(name: str, value: Any, kind: type, expected: str) -> None:
    if value is not None and not isinstance(value, kind):
        msg = f"{of_type(name, value)}, expected None or {expected}"
        raise TypeError(msg)


def check_bounds(bounds: Any) -> None:
    """Refuse what are no two numbers in order."""
    pair = list(bounds) if isinstance(bounds, (tuple, list, np.ndarray)) else []
    numbers = len(pair) == 2 and all(_is_finite(bound) for bound in pair)
    if not numbers or not pair[0] < pair[1]:
        msg = (
            f"bounds={bounds!r} must be two finite numbers (low, high) with low < high, such as "
            "(0, 100) for percentages"
        )
        raise ValueError(msg)


def check_boundary(boundary: Any) -> None:
    """Refuse what is no treatment of responses on a bound."""
    if boundary in ("error", "squeeze"):
        return
    if not _is_finite(boundary) or not 0 < boundary < 0.5:
        msg = (
            f"boundary={boundary!r} must be 'error', 'squeeze', or a fraction of the width of the "
            "bounds above 0 and below 0.5, such as 1e-4"
        )
        raise ValueError(msg)


def check_stored(spec: DesignSpec, allowed: Collection[str]) -> None:
    """Refuse a spec that comes from a file with an expression that `fit` would have refused.

    Parameters
    ----------
    spec : DesignSpec
    allowed : collection of str
        Names of the functions of the estimator's `context`.

    Raises
    ------
    FormulaError
        When an expression is outside the allow-list.
    """
    for text in sorted({each.text for each in spec.specs.values()}):
        check_expressions(text, allowed)


def _check_context(context: Any) -> None:
    if context is None:
        return
    if not isinstance(context, Mapping):
        msg = (
            f"context={context!r} is of type {type(context).__name__}, expected None or a dict of "
            "names and functions"
        )
        raise TypeError(msg)
    for name, function in context.items():
        if not (isinstance(name, str) and name.isidentifier() and callable(function)):
            msg = f"context has {name!r}: {function!r}, expected a name and a function"
            raise TypeError(msg)
