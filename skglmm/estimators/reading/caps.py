"""Rows that are held at the ceiling of a predictor, in the words of the data."""

from dataclasses import replace

import numpy as np
import pandas as pd

from skglmm.arrays import Bools, Floats
from skglmm.design import Design, is_label
from skglmm.estimators.reading.model import Model
from skglmm.fitting import Fit
from skglmm.formula import variables
from skglmm.response import ResponseScale

__all__ = ["with_named_caps"]

TOUCHES = 1e-6  # on the scale of a link, or of a column: rounding


def with_named_caps(
    fit: Fit, model: Model, design: Design, frame: pd.DataFrame, read: Floats, scale: ResponseScale
) -> Fit:
    """Return the fit with the names and numbers of the rows that are held.

    Parameters
    ----------
    fit : Fit
    model : Model
    design : Design
        Its rows.
    frame : DataFrame, shape (n, n_features)
        The same.
    read : ndarray, shape (n,)
        Their responses, on the family's scale.
    scale : ResponseScale
        Back to the user's.
    """
    named = []
    for cap in fit.caps:
        k = cap.predictor
        names = variables(model.fixed[fit.layout.predictors[k]])
        used = frame[[name for name in frame.columns if name in names]]
        above = fit.family.limits[k].sign * ((design.fixed[k] - cap.row) @ fit.beta[k])
        at_ceiling = above >= -TOUCHES  # where the row that is held is
        rows, label = _rows_of(np.abs(design.fixed[k] - cap.row).sum(axis=1), at_ceiling, used)
        rows = rows & ~np.isin(read, list(fit.family.masses))  # which have no density
        values = np.unique(read[rows])
        response = float(scale.write(values[:1])[0]) if len(values) == 1 else None
        named.append(replace(cap, label=label, n_rows=int(rows.sum()), response=response))
    return replace(fit, caps=tuple(named))


def _rows_of(distance: Floats, at_ceiling: Bools, used: pd.DataFrame) -> tuple[Bools, str]:
    """Return which rows a cap is about, with their name.

    Those that have the labels of the row that is held, if all of these are at the ceiling;
    otherwise only those that are like it.
    """
    own = used.iloc[int(np.argmin(distance))]
    labels = [name for name in used.columns if is_label(used[name])]
    rows = np.all(used[labels] == own[labels], axis=1).to_numpy()
    words = [f"{name}[{own[name]}]" for name in labels]
    if not labels or not at_ceiling[rows].all():
        rows = distance <= TOUCHES + distance.min()
        words += [f"{name} = {own[name]:.4g}" for name in used.columns if name not in labels]
    return rows, " and ".join(words)
