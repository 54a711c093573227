r"""Weighted sums of means, and of probabilities of classes, over rows.

A row's mean is a function of its linear predictors, or an average of that over random effects,
:math:`m = E_b[\mu(x\beta + z b)]`, which depends on their variances, too. Weighted sums over rows
have the weighted sums of the rows' derivatives.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.fitting import Fit
from skglmm.inference.means.functions import EstimatedFunctions, effect_slopes
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.average_slopes import average_gradients, average_of
from skglmm.inference.prediction.intervals import row_parts
from skglmm.inference.prediction.predict import Plan

__all__ = [
    "RowFunctions",
    "has_location_mean",
    "mean_of_rows",
    "of_one_trial",
    "parts_of_rows",
    "sums_over_rows",
]


@dataclass(frozen=True)
class RowFunctions:
    """What is summed over rows.

    Parameters
    ----------
    of : callable
        From linear predictors to p functions of them, (p, n).
    predictors : tuple of int
        The predictors on which they depend.
    size : int
        How many they are, p.
    """

    of: Callable[[list[Floats]], Floats]
    predictors: tuple[int, ...]
    size: int


def mean_of_rows(fit: Fit) -> RowFunctions:
    """Return the mean of the response."""
    family = fit.family
    return RowFunctions(lambda eta: family.mean(eta)[None], family.mean_predictors, 1)


def has_location_mean(fit: Fit) -> bool:
    """Return whether means are the parameter of the location, of one trial, and nothing else.

    Means of truncated counts are another function of the same linear predictor.
    """
    family, values = fit.family, np.array([0.3, 0.6])  # possible ones of all links
    if family.mean_predictors != (family.location,):
        return False
    eta = [np.full(2, float(k in family.known)) for k in range(len(family.links))]
    eta[family.location] = family.links[family.location].link(values)
    return bool(np.allclose(family.mean(eta), values, rtol=1e-9))


def parts_of_rows(fit: Fit) -> RowFunctions:
    """Return the probabilities of the parts of the support."""
    family = fit.family
    return RowFunctions(family.part_probabilities, family.part_predictors, len(family.parts))


def of_one_trial(fit: Fit, design: Design) -> Design:
    """Return the design of rows whose known sizes are 1."""
    offsets = list(design.offsets)
    for k in fit.family.known:
        offsets[k] = np.ones(design.n_samples)
    return replace(design, offsets=tuple(offsets))


def sums_over_rows(
    fit: Fit, design: Design, plan: Plan, weights: csr_array, what: RowFunctions
) -> EstimatedFunctions:
    """Return weighted sums over rows, in the units in which the fit measured responses.

    Parameters
    ----------
    fit : Fit
        With inference.
    design : Design, n rows
    plan : Plan
        Which effects are conditional modes, and which are averaged over.
    weights : csr_array, shape (m, n)
    what : RowFunctions
        p of them.

    Returns
    -------
    EstimatedFunctions
        The p functions of the first weights, then those of the second, and so on.
    """
    fit, design = in_own_units(fit, design)
    used = np.flatnonzero(abs(weights).sum(axis=0) != 0.0)  # NaN among them
    kept, weights, pieces, start = design.take(used), weights[:, used], [], 0
    for part in row_parts(kept):
        stop = start + part.n_samples
        pieces.append(_sums(fit, part, plan, weights[:, start:stop], what))
        start = stop
    return EstimatedFunctions(
        fit,
        np.sum([each.value for each in pieces], axis=0),
        np.sum([each.gradient for each in pieces], axis=0),
        {f: np.sum([each.effects[f] for each in pieces], axis=0) for f in pieces[0].effects},
    )


def _sums(
    fit: Fit, design: Design, plan: Plan, weights: csr_array, what: RowFunctions
) -> EstimatedFunctions:
    average = average_of(what.of, fit, design, plan, what.predictors)
    found = np.where(plan.unknown(fit, design, what.predictors), np.nan, average({}))
    pairs = list(average_gradients(fit, design, plan, average, what.predictors))
    gradients = [
        weights @ np.asarray(sum(slopes[p][:, None] * moves for slopes, moves in pairs))
        for p in range(what.size)
    ]
    effects = [
        dict(effect_slopes(fit, design, plan, _slopes(weights, pairs, what.predictors, p)))
        for p in range(what.size)
    ]
    lost = abs(weights) @ np.isnan(found).T.astype(np.float64) != 0.0
    value = np.where(lost, np.nan, weights @ np.nan_to_num(found).T)
    return EstimatedFunctions(
        fit,
        value.ravel(),
        _joined(gradients),
        {f: _joined([each[f] for each in effects]) for f in effects[0]},
    )


def _slopes(
    weights: csr_array, pairs: list[tuple[Floats, Floats]], predictors: tuple[int, ...], p: int
) -> dict[int, csr_array]:
    """Weights times the derivatives of function p in each linear predictor."""
    return {
        k: weights.multiply(slopes[p]).tocsr()
        for k, (slopes, _) in zip(predictors, pairs, strict=False)
    }


def _joined(parts: list[Floats]) -> Floats:
    """Return p arrays of shape (m, ...) as one of shape (m p, ...), by weights first."""
    return np.stack(parts, axis=1).reshape(-1, *parts[0].shape[1:])
