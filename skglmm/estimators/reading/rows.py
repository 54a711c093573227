"""The rows of a fit, and new rows as a design."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length

from skglmm import inference as infer
from skglmm.arrays import Floats, Ints
from skglmm.design import Design, DesignSpec, pick
from skglmm.estimators.reading.frames import fit_frame, predict_frame
from skglmm.estimators.reading.validation import (
    KINDS,
    NEW_GROUPS,
    check_choice,
    check_weights,
)
from skglmm.estimators.runtime.warnings import tell
from skglmm.exceptions import DesignError

__all__ = [
    "FitRows",
    "Kind",
    "build_rows",
    "columns_of_factor",
    "fit_rows",
    "known_frame",
    "known_rows",
    "name_of",
    "unseen_levels",
]

Kind = str | Collection[str]
SHOWN = 5  # unseen levels that a message lists


class FitRows(NamedTuple):
    """Rows of positive weight: X as a frame, y as it was given and its name, weights or None."""

    frame: pd.DataFrame
    y: Any
    weights: Floats | None
    name: str | None


def fit_rows(estimator: Any, X: Any, y: Any, sample_weight: Any) -> FitRows:
    """Vet what `fit` was given, and drop the rows of weight zero."""
    if y is None:
        estimator._column(y)  # first of all, whatever X is
    frame = fit_frame(estimator, X)
    response = estimator._column(y)
    check_consistent_length(frame, response)
    _tell_order(X, y)
    weights = check_weights(sample_weight, len(response))
    name = name_of(y)
    if weights is None or weights.all():
        return FitRows(frame, response, weights, name)
    return _of_weight(frame, response, weights, name)


def _tell_order(X: Any, y: Any) -> None:
    """Warn of responses that stand in another order than the rows, by their labels."""
    if not (isinstance(X, pd.DataFrame) and isinstance(y, (pd.Series, pd.DataFrame))):
        return
    if not X.index.equals(y.index) and X.index.is_unique and X.index.isin(y.index).all():
        tell(
            "the indexes of X and y have the same labels in different orders, and rows belong "
            "together by their places: if y is to follow X, pass y.loc[X.index]; if it does, "
            "y.to_numpy()"
        )


def known_rows(estimator: Any, X: Any, y: Any, sample_weight: Any) -> FitRows:
    """Vet rows for what is fitted, and drop the rows of weight zero as `fit` does."""
    response = estimator._column(y)
    check_consistent_length(X, response)
    weights = check_weights(sample_weight, len(response))
    frame = predict_frame(estimator, X)
    estimator._scale.refuse_rows(frame, response)
    if weights is None:
        return FitRows(frame, response, None, name_of(y))
    return _of_weight(frame, response, weights, name_of(y))


def known_frame(estimator: Any, X: Any, sample_weight: Any) -> pd.DataFrame:
    """Vet the X of such rows alone, and drop the rows of weight zero."""
    frame = predict_frame(estimator, X)
    weights = check_weights(sample_weight, len(frame))
    return frame if weights is None else frame.loc[weights > 0]


def _of_weight(frame: pd.DataFrame, y: Any, weights: Floats, name: str | None) -> FitRows:
    """Keep the rows of positive weight."""
    kept = weights > 0
    return FitRows(frame.loc[kept], y[kept], _not_all_one(weights[kept]), name)


def build_rows(
    spec: DesignSpec,
    frame: pd.DataFrame,
    kind: Kind,
    new_groups: str,
    context: Mapping[str, Callable[..., Any]] | None,
) -> tuple[Design, infer.Plan]:
    """Return the design of new rows for a kind of prediction, and what is known of their groups.

    Columns that this kind does not need may be missing.
    """
    check_choice("new_groups", new_groups, NEW_GROUPS)
    names = [factor.name for factor in spec.layout.factors]
    unseen = "nan" if new_groups == "error" else new_groups  # refused below
    plan = infer.Plan.of(spec.layout, _checked_kind(kind, names), unseen)
    coded = [names[f] for f in plan.conditioned]
    made = coded + [names[f] for f in plan.integrated]
    _refuse_ungrouped(spec, frame, plan)
    design = spec.build(frame, coded, effects=made, context=context)
    if new_groups == "error":
        for f in plan.conditioned:
            _refuse_unseen(frame, list(spec.level_variables[f]), design.codes[f] < 0)
    return design, plan


def _refuse_ungrouped(spec: DesignSpec, frame: pd.DataFrame, plan: infer.Plan) -> None:
    """Refuse rows without a grouping column, and say which kinds need none."""
    fixed = set(spec.fixed_parts.columns)
    for f in plan.conditioned:
        for name in spec.group_variables[f]:
            try:
                pick(frame, name)
            except DesignError as error:
                if name in fixed:  # which no kind can do without
                    raise
                msg = (
                    f"{error}. {name!r} is a grouping column; kind='fixed' and kind='marginal' "
                    "need none"
                )
                raise DesignError(msg) from None


def unseen_levels(spec: DesignSpec, frame: pd.DataFrame, design: Design) -> list[Ints]:
    """Number the levels without a mode, for each factor: (n,), -1 for known ones."""
    numbers = []
    for codes, columns in zip(design.codes, spec.level_variables, strict=True):
        unseen = np.full(len(codes), -1, dtype=np.intp)
        new = codes < 0
        if new.any():
            labels = frame.loc[new, list(columns)]
            unseen[new] = labels.groupby(list(columns), sort=False, observed=True).ngroup()
        numbers.append(unseen)
    return numbers


def name_of(y: Any) -> str | None:
    """Return the name of a series, or of the one column of a frame."""
    columns = getattr(y, "columns", None)
    name = getattr(y, "name", None) if columns is None else columns[0]
    return name if isinstance(name, str) and name else None


def _not_all_one(weights: Floats) -> Floats | None:
    return None if np.all(weights == 1.0) else weights


def _checked_kind(kind: Any, factors: Collection[str]) -> Kind:
    if isinstance(kind, str) and kind not in KINDS:
        hint = f"; write kind={{{kind!r}}}" if kind in factors else ""
        msg = (
            f"kind={kind!r} is unknown, expected one of {', '.join(map(repr, KINDS))}, or a set of "
            f"grouping factors{hint}"
        )
        raise ValueError(msg)
    if isinstance(kind, str):
        return kind
    if not isinstance(kind, Collection) or isinstance(kind, Mapping):
        msg = f"kind={kind!r} is of type {type(kind).__name__}, expected a text or a set of texts"
        raise TypeError(msg)
    known = {columns_of_factor(name): name for name in factors}
    unknown = [name for name in kind if columns_of_factor(name) not in known]
    if unknown:
        msg = f"kind names the grouping factor {unknown[0]!r}; the model has {list(factors)}"
        raise ValueError(msg)
    return frozenset(known[columns_of_factor(name)] for name in kind)


def columns_of_factor(name: Any) -> tuple[str, ...]:
    """Return the columns that a factor combines, in one order for g:c and c:g."""
    return tuple(sorted(str(name).split(":")))


def _refuse_unseen(frame: pd.DataFrame, columns: list[str], unseen: Any) -> None:
    if not unseen.any():
        return
    labels = frame.loc[unseen, columns].astype(str).agg(":".join, axis=1).unique()
    shown = ", ".join(map(repr, labels[:SHOWN]))
    msg = (
        f"{np.count_nonzero(unseen)} of {len(frame)} rows have levels of {':'.join(columns)!r} "
        f"that fit did not see, such as {shown}; new_groups='marginal' averages over groups, "
        "'fixed' takes a typical one"
    )
    raise ValueError(msg)
