"""The likelihood of a model whose coefficients obey linear constraints."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.estimators.reading.frames import predict_frame
from skglmm.fitting import Fit, fit

__all__ = ["constrained_fit"]

NOTHING = 1e-12  # a weight that is rounding, relative to the largest of its constraint


def constrained_fit(model: Any, X: Any, y: Any, matrix: Floats, values: Floats) -> Fit:
    """Fit a model again under constraints ``matrix @ coefficients = values``.

    Each of them is solved for one coefficient, whose column is added to the others, and to the
    offset.

    Parameters
    ----------
    model : MixedModel
        Fitted to these rows, without weights, by maximum likelihood.
    X : DataFrame, n rows
    y : array-like, shape (n,)
    matrix : ndarray, shape (m, p)
        In the order of `vcov`.
    values : ndarray, shape (m,)

    Returns
    -------
    Fit
        Without standard errors.

    Raises
    ------
    ValueError
        When a constraint joins coefficients of several linear predictors, or is about what has no
        columns: thresholds, and coefficients beside curves.
    """
    family, spec, scale = model.fit_.family, model._spec, model._scale
    design = spec.build(predict_frame(model, X), context=model.context)
    read = scale.read(model._column(y))
    start = 0
    for k, columns in enumerate(design.fixed):
        own = slice(start, start + columns.shape[1])
        start = own.stop
        mine = np.abs(matrix[:, own]).any(axis=1)
        if mine.any():
            _refuse(model, k, matrix[mine], own)
            design = _reduced(design, k, matrix[mine, own], values[mine])
    return fit(
        family,
        design,
        read,
        inference=False,
        log_jacobian=scale.total_log_jacobian(read, None),
        options=model._options(),
        approximation=model._likelihood(family),
        priors=model._priors(spec),
    )


def _refuse(model: Any, k: int, rows: Floats, own: slice) -> None:
    rest = np.delete(rows, np.arange(own.start, own.stop), axis=1)
    layout, family = model.fit_.layout, model.fit_.family
    numbers = family.parameters[k].block is not None
    if np.abs(rest).any() or numbers or layout.curves:
        msg = (
            "a likelihood ratio of constraints is about coefficients of one linear predictor, of a "
            "model without curves; pass the smaller model itself as the hypothesis"
        )
        raise ValueError(msg)


def _reduced(design: Design, k: int, weights: Floats, values: Floats) -> Design:
    """The design in which the coefficients of predictor k obey constraints."""
    layout, before = design.layout, design.fixed[k]
    names = layout.coefficients[k]
    system, gone = _solved(np.column_stack([weights, values]), names)
    columns, shift = before.copy(), before[:, gone] @ system[:, -1]
    kept = [j for j in range(len(names)) if j not in gone]
    columns[:, kept] -= before[:, gone] @ system[:, kept]
    fixed, offsets = list(design.fixed), list(design.offsets)
    fixed[k] = np.asfortranarray(columns[:, kept])
    if np.any(shift != 0.0):
        known = offsets[k]
        offsets[k] = shift if known is None else known + shift
        texts = list(layout.offsets or [()] * len(fixed))
        texts[k] = (*texts[k], "constraint")
        layout = replace(layout, offsets=tuple(texts))
    coefficients = list(layout.coefficients)
    coefficients[k] = tuple(names[j] for j in kept)
    layout = replace(layout, coefficients=tuple(coefficients))
    return replace(design, layout=layout, fixed=tuple(fixed), offsets=tuple(offsets))


def _solved(system: Floats, names: Sequence[str]) -> tuple[Floats, list[int]]:
    """Solve each constraint for one coefficient, an intercept last of all; return which, too."""
    system, gone = system.astype(np.float64), []
    for i in range(len(system)):
        sizes = np.abs(system[i, :-1])
        if sizes.max() <= NOTHING:
            msg = "a constraint follows from the others, or contradicts them; leave one of them out"
            raise ValueError(msg)
        slopes = [j for j, name in enumerate(names) if name != "Intercept" and sizes[j] > NOTHING]
        pivot = max(slopes or range(len(sizes)), key=sizes.__getitem__)
        system[i] /= system[i, pivot]
        for other in range(len(system)):
            if other != i:
                system[other] -= system[other, pivot] * system[i]
        gone.append(pivot)
    return system, gone
