"""The rows of a fit with everything that looks at them: the frame, the study, the mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.arrays import Floats, Ints
from skglmm.design import pick
from skglmm.engine import Objective
from skglmm.estimators.reading.rows import known_rows
from skglmm.estimators.reading.study import study_of
from skglmm.exceptions import DesignError
from skglmm.fitting import Study

__all__ = ["StudyRows", "numbered_groups", "study_rows"]

LABELS = {"string", "categorical", "integer", "boolean", "mixed-integer", "mixed"}
ROWS_PER_LEVEL = 2.0  # on average, of what may be a grouping factor


@dataclass(frozen=True, eq=False)
class StudyRows:
    """The rows of a fit.

    Parameters
    ----------
    model : estimator
    frame : DataFrame, shape (n, n_features)
        X, without rows of weight zero.
    y : ndarray, shape (n,)
        Their responses, as they were given.
    study : Study
    here : Objective
        The objective at the estimates.
    """

    model: Any
    frame: pd.DataFrame
    y: Floats
    study: Study
    here: Objective

    def residual_checks(self, by: Any, rng: np.random.Generator) -> infer.ResidualChecks:
        """Test the residuals; `by` None takes every column that may be a missing factor."""
        return infer.residual_checks(
            self.study,
            self.here.mode,
            rng,
            candidates=self.candidates(by),
            bounds=self.model._scale.moved_ends,
        )

    def labels(self) -> dict[str, tuple[Ints, list[str]]]:
        """Codes, and their texts, of the columns of labels that fixed effects use."""
        found = {}
        for name, column in self.model._spec.columns.items():
            if column.labels is not None:
                codes = column.labels.codes(self.frame[name], "the label")
                found[str(name)] = codes, [str(value) for value in column.labels.values]
        return found

    def candidates(self, by: Any) -> dict[str, Ints]:
        """Levels of columns that may be missing factors: those of `by`, or all unused labels.

        Of unused columns that label the same groups only the first.
        """
        if by is not None:
            names = [_column(self.frame, name) for name in _listed(by)]
            return {str(name): numbered_groups(self.frame, name)[0] for name in names}
        found: dict[str, Ints] = {}
        for name in self._unused_labels():
            codes = pd.factorize(self.frame[name])[0].astype(np.intp)
            if not any(np.array_equal(codes, other) for other in found.values()):
                found[str(name)] = codes
        return found

    def _unused_labels(self) -> list[Any]:
        spec = self.model._spec
        of_factors = (*spec.group_variables, *spec.effect_variables)
        used = {*spec.columns, *spec.variables, *(name for names in of_factors for name in names)}
        return [
            name
            for name in self.frame.columns
            if name not in used and self._may_group(self.frame[name]) and not self._is_y(name)
        ]

    def _is_y(self, name: Any) -> bool:
        """Return whether a column holds the responses, which tell themselves apart perfectly."""
        codes = pd.factorize(np.asarray(self.frame[name]))[0]
        return np.array_equal(codes, pd.factorize(np.asarray(self.y))[0])

    def _may_group(self, column: pd.Series[Any]) -> bool:
        if pd.api.types.infer_dtype(column, skipna=True) not in LABELS or column.isna().any():
            return False
        n_levels = column.nunique()
        return bool(n_levels > 1 and len(column) >= ROWS_PER_LEVEL * n_levels)


def study_rows(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> StudyRows:
    """Return the rows of `fit`, given again.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    ValueError
        When these are not the rows of the fit, or the likelihood is not finite at its estimates.
    """
    study = study_of(estimator, X, y, sample_weight)
    frame, response, _, _ = known_rows(estimator, X, y, sample_weight)
    here = study.at(estimator.fit_)
    if here is None:
        msg = (
            "the likelihood is not finite at the estimates of this fit, which lie on the edge of "
            f"what a link can reach ({estimator.fit_.message}); simplify the model, and fit again"
        )
        raise ValueError(msg)
    return StudyRows(estimator, frame, response, study, here)


def numbered_groups(frame: pd.DataFrame, by: Any) -> tuple[Ints, pd.Index[Any]]:
    """Number the combinations of the values of some columns: of each row, and their names.

    Raises
    ------
    DesignError
        When a column is unknown or misses values.
    """
    names = [_column(frame, name) for name in _listed(by)]
    for name in names:
        if frame[name].isna().any():
            msg = f"the column {name!r} misses values; groups need a label in each row"
            raise DesignError(msg)
    groups = frame.groupby(names if len(names) > 1 else names[0], observed=True, sort=True)
    return groups.ngroup().to_numpy().astype(np.intp), groups.size().index


def _column(frame: pd.DataFrame, name: Any) -> Any:
    """Return the name by which the frame knows a column; numbers are positions in an array."""
    if name in frame.columns:
        return name
    numbered = list(frame.columns) == [f"x{j}" for j in range(frame.shape[1])]
    if numbered and isinstance(name, Integral) and 0 <= int(name) < frame.shape[1]:
        return f"x{name}"
    return pick(frame, str(name)).name


def _listed(by: Any) -> list[Any]:
    several = isinstance(by, Sequence) and not isinstance(by, str)
    return list(by) if several else [by]
