"""Folds of cross-fitting, of which each row is encoded by one."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from skglmm.arrays import Ints
from skglmm.preprocessing.target import Target

__all__ = ["folds_of"]

N_FOLDS = 5


def folds_of(encoder: Any, X: Any, target: Target, groups: Any) -> list[tuple[Ints, Ints]]:
    """Return rows to learn from and rows to encode, of each fold.

    Parameters
    ----------
    encoder : GLMMEncoder
        With its parameters `cv`, `shuffle` and `random_state`.
    X : DataFrame or array-like
    target : Target
    groups : array-like or None
        Of rows that stay together.

    Raises
    ------
    ValueError
        When a row is not encoded by one fold.
    """
    has_classes, cv = target.classes is not None, encoder.cv
    if cv is None or isinstance(cv, Integral):
        state = encoder.random_state if encoder.shuffle else None
        splitter = StratifiedKFold if has_classes else KFold
        cv = splitter(N_FOLDS if cv is None else cv, shuffle=encoder.shuffle, random_state=state)
    else:
        cv = check_cv(cv, target.labels, classifier=has_classes)
    folds = list(cv.split(X, target.labels, groups))
    tested = np.zeros(len(target.labels), dtype=np.intp)
    for _, test in folds:
        tested[test] += 1
    if (tested != 1).any():
        msg = (
            f"cv tests {np.count_nonzero(tested != 1)} of {len(tested)} rows not once, the "
            f"first, row {int(np.argmax(tested != 1))}, {tested[tested != 1][0]} times; each "
            "row needs one fold that encodes it, as of KFold or GroupKFold"
        )
        raise ValueError(msg)
    return folds
