"""What an encoder's target is: real numbers, counts, two classes or more."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skglmm.arrays import Floats
from skglmm.design import kind_of
from skglmm.estimators.reading.validation import check_choice, check_labels, check_y
from skglmm.response import RealScale

__all__ = ["TYPES", "Target", "read_target"]

TYPES = ("auto", "continuous", "binary", "count", "multiclass")
MOST_CLASSES = 30  # of whole numbers that "auto" takes for labels
SHOWN = 3  # values that a message lists


@dataclass(frozen=True, eq=False)
class Target:
    """Responses of the models.

    Parameters
    ----------
    type : str
        One of `TYPES`, but for "auto".
    responses : ndarray, shape (n, m)
        A column for each model: of several classes one for each, of anything else a single one.
    labels : ndarray, shape (n,)
        As they were given, for splitters.
    classes : ndarray, or None
        Sorted labels; None of what is no class.
    """

    type: str
    responses: Floats
    labels: NDArray[Any]
    classes: NDArray[Any] | None

    @property
    def suffixes(self) -> list[str]:
        """What names of encoded columns end in, of each response."""
        if self.type != "multiclass" or self.classes is None:
            return [""]
        return [f"_{label}" for label in self.classes.tolist()]


def read_target(name: str, y: Any, target_type: Any) -> Target:
    """Read the target of an encoder of this name.

    Parameters
    ----------
    name : str
    y : array-like, shape (n,)
    target_type : str
        One of `TYPES`.

    Raises
    ------
    ValueError
        When y is no target of this type, or it is not clear of which.
    """
    check_choice("target_type", target_type, TYPES)
    found = _type_of(name, y) if target_type == "auto" else target_type
    if found in {"binary", "multiclass"}:
        return _read_classes(check_labels(name, y), found)
    column = check_y(name, y)
    if found == "count":
        _refuse_no_counts(column)
    else:
        RealScale().read(column)
    return Target(found, column[:, None], column, None)


def _type_of(name: str, y: Any) -> str:
    """Return what y looks like, as scikit-learn's `type_of_target` sees it."""
    if y is not None and kind_of(pd.Series(np.asarray(y).ravel())) == "number":
        numbers = check_y(name, y)
        if (numbers != np.floor(numbers)).any():
            return "continuous"
        n_values = len(np.unique(numbers))
        if n_values > MOST_CLASSES:
            msg = (
                f"y holds {n_values} different whole numbers, and target_type='auto' does not "
                "tell what they are; say target_type='count' of counts, 'continuous' of other "
                "numbers, 'multiclass' of labels"
            )
            raise ValueError(msg)
    return "binary" if len(np.unique(check_labels(name, y))) <= 2 else "multiclass"


def _read_classes(labels: NDArray[Any], kind: str) -> Target:
    classes, numbers = np.unique(labels, return_inverse=True)
    if kind == "multiclass":
        responses = np.equal.outer(numbers, np.arange(len(classes))).astype(np.float64)
        return Target(kind, responses, labels, classes)
    if len(classes) > 2:
        some = ", ".join(map(repr, classes.tolist()[:SHOWN]))
        msg = (
            f"y has {len(classes)} classes, {some}, ..., expected two (target_type='binary'); "
            "target_type='multiclass' makes a column for each class"
        )
        raise ValueError(msg)
    return Target(kind, numbers.astype(np.float64)[:, None], labels, classes)


def _refuse_no_counts(y: Floats) -> None:
    wrong = (y < 0) | (y != np.floor(y))
    if wrong.any():
        some = ", ".join(f"{value:.6g}" for value in y[wrong][:SHOWN])
        msg = (
            f"target_type='count' takes whole numbers from 0 on; {np.count_nonzero(wrong)} of "
            f"{len(y)} responses are none, such as {some}; 'continuous' takes any numbers"
        )
        raise ValueError(msg)
