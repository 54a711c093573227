"""What an estimator says of rows that the data of its fit do not determine."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Bools, Floats, Ints
from skglmm.design import Design, DesignSpec, pick
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Fit, NullSpace

__all__ = [
    "Nonestimable",
    "refuse_nonestimable",
    "tell_nonestimable",
    "tell_stored",
]

SHOWN = 3  # rows and reasons that a message lists
WIDE = 5  # columns of a row that it shows
SHORT = 3  # columns of a combination that is written out
WHAT_TO_DO = (
    "Fit to rows that tell, take terms out of the formula (a + b in place of a * b), or leave "
    "these rows out"
)
_INTERCEPT = "Intercept"


class Nonestimable:
    """The rows of new data of which something is not estimable, seen in one go or in slices.

    Parameters
    ----------
    fit : Fit
    needed : collection of int, default=None
        The linear predictors that matter; None are all.
    """

    def __init__(self, fit: Fit, needed: Collection[int] | None = None) -> None:
        self._fit = fit
        self._needed = range(len(fit.beta)) if needed is None else needed
        self._seen: list[list[Bools]] = []  # the directions that rows miss, for each predictor

    def see(self, design: Design, rows: Bools | None = None) -> None:
        """Look at further rows; `rows`, shape (n,), are those that matter."""
        if not infer.has_null_space(self._fit):
            return
        chosen = np.ones(design.n_samples, np.bool_) if rows is None else rows
        missed = (infer.missed_directions(self._fit, design, k) for k in self._needed)
        self._seen.append([each & chosen[:, None] for each in missed])

    def answered(self, design: Design, plan: infer.Plan, found: Floats) -> Floats:
        """Look at rows with answers, (k, n), and return these: what is NaN matters.

        Unless it is for a level that is new.
        """
        if infer.has_null_space(self._fit):
            self.see(design, np.isnan(found).any(axis=0) & ~plan.unknown(self._fit, design, ()))
        return found

    def tell(self, spec: DesignSpec, frame: pd.DataFrame) -> None:
        """Warn of the rows that were seen, those of `frame`, if there are any."""
        text = self._text(spec, frame)
        if text is not None:
            tell(f"{text}; what depends on it is NaN. {WHAT_TO_DO}")

    def refuse(self, spec: DesignSpec, frame: pd.DataFrame, doing: str) -> None:
        """Raise if there are any such rows; `doing` says what cannot be done with them."""
        text = self._text(spec, frame)
        if text is not None:
            msg = f"{doing}: {text}. {WHAT_TO_DO}"
            raise ValueError(msg)

    def _text(self, spec: DesignSpec, frame: pd.DataFrame) -> str | None:
        if not self._seen:
            return None
        missed = [np.concatenate(parts) for parts in zip(*self._seen, strict=True)]
        parts = [
            _part(self._fit, k, each, spec, frame)
            for k, each in zip(self._needed, missed, strict=True)
            if each.any()
        ]
        return f"the data do not determine {', or '.join(parts)}" if parts else None


def refuse_nonestimable(
    estimator: Any,
    X: Any,
    doing: str,
    needed: Collection[int] | None = None,
    sample_weight: Any = None,
) -> None:
    """Refuse rows of which a linear predictor is not estimable.

    Parameters
    ----------
    estimator : estimator
    X : DataFrame or array-like, shape (n_samples, n_features)
    doing : str
        What cannot be done with such rows.
    needed : collection of int, default=None
        The linear predictors that matter; None are all.
    sample_weight : array-like, shape (n_samples,), or None
        Rows of weight 0 do not matter.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    ValueError
        When there are any.
    """
    check_is_fitted(estimator)
    fit, spec, rows = estimator.fit_, estimator._spec, Nonestimable(estimator.fit_, needed)
    if infer.has_null_space(fit):
        frame = predict_frame(estimator, X)
        design = spec.build(frame, (), context=estimator.context)
        weighs = True if sample_weight is None else np.asarray(sample_weight) > 0
        rows.see(design, infer.nonestimable(fit, design, needed) & weighs)
        rows.refuse(spec, frame, doing)


def tell_nonestimable(
    estimator: Any, frame: pd.DataFrame, design: Design, needed: Collection[int] | None = None
) -> None:
    """Warn of rows of which a linear predictor is not estimable.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    frame : DataFrame, n rows
    design : Design
        Of these.
    needed : collection of int, default=None
        The linear predictors that matter; None are all.
    """
    rows = Nonestimable(estimator.fit_, needed)
    rows.see(design, infer.nonestimable(estimator.fit_, design, needed))
    rows.tell(estimator._spec, frame)


def tell_stored(fit: Fit) -> None:
    """Warn of a fit of an earlier version, which cannot tell what it does not determine."""
    if fit.null_spaces is None and any(fit.aliased):
        text = (
            "the estimator was stored by an earlier version of skglmm, without what tells which "
            "rows its data do not determine; as columns were dropped, predictions for "
            "combinations that fit did not see may be arbitrary. Fit it again"
        )
        tell(text)


def _part(fit: Fit, k: int, missed: Bools, spec: DesignSpec, frame: pd.DataFrame) -> str:
    """Say how many rows of a predictor are open, where and why."""
    assert fit.null_spaces is not None
    space, rows = fit.null_spaces[k], np.flatnonzero(missed.any(axis=1))
    directions = np.flatnonzero(missed.any(axis=0))
    names = fit.layout.coefficients[k]
    involved = np.flatnonzero(np.any(space.basis[:, directions] != 0.0, axis=1))
    places = _places(frame, spec.variables_of(k, involved.tolist()), rows)
    reasons = "; ".join(_reasons(space, directions, names))
    return (
        f"the {fit.layout.predictors[k]} in {len(rows)} of {len(missed)} rows"
        f"{', where ' if places else ''}{places} (in all rows of fit {reasons})"
    )


def _places(frame: pd.DataFrame, names: list[str], rows: Ints) -> str:
    """Name the values of some columns in some rows."""
    values = pd.DataFrame({name: pick(frame, name).iloc[rows].to_numpy() for name in names})
    distinct = values.drop_duplicates()
    shown = [_place(row) for row in distinct.head(SHOWN).astype(object).to_dict("records")]
    more = len(distinct) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _place(values: dict[Any, Any]) -> str:
    texts = [f"{name}={_written(value)}" for name, value in values.items()]
    return ", ".join([*texts[:WIDE], "…"] if len(texts) > WIDE else texts)


def _written(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _reasons(space: NullSpace, directions: Ints, names: tuple[str, ...]) -> Iterator[str]:
    """Say what holds in all rows of the fit, direction by direction."""
    for d in directions[:SHOWN]:
        yield f"{names[space.columns[d]]!r} is {_combination(space, int(d), names)}"
    if len(directions) > SHOWN:
        yield f"and {len(directions) - SHOWN} more such columns"


def _combination(space: NullSpace, d: int, names: tuple[str, ...]) -> str:
    """Return the kept columns that a dropped one is made of, as text."""
    weights = -space.basis[:, d]
    weights[space.columns[d]] = 0.0
    used = np.flatnonzero(weights)
    if len(used) > SHORT:
        return "a combination of other columns"
    terms = [_term(weights[j], names[j]) for j in used]
    return " + ".join(terms).replace("+ -", "- ") or "0"


def _term(weight: float, name: str) -> str:
    if name == _INTERCEPT:
        return f"{weight:.4g}"
    size = "" if np.isclose(abs(weight), 1.0) else f"{abs(weight):.4g} * "
    return f"{'-' if weight < 0 else ''}{size}{name}"
