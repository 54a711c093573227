r"""Uncertainty of the probabilities of the parts of a support: bounds, zero, classes.

A probability p with the complement q is uncertain on the scale of its logit: with g the gradient of
:math:`\log(p / q)` in the estimates and V their covariance, the limits are those of
:math:`\log(p / q) \pm z \sqrt{g^T V g}`, which never leave [0, 1], and the standard error is
:math:`p q \sqrt{g^T V g}`. Where effects of unseen levels are averaged over, the average of
logits is not the logit of the average, which limits hold all the same. Complements are sums of the
other probabilities, so that neither a rare nor a nearly certain part loses digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import estimates_variance
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.average_slopes import average_gradients, average_of, curve_variance
from skglmm.inference.prediction.averages import averages
from skglmm.inference.prediction.intervals import (
    group_variance,
    row_parts,
)
from skglmm.inference.prediction.normal_limits import normal_limits
from skglmm.inference.prediction.predict import (
    Plan,
    linear_predictors,
    part_probabilities,
    shift_of,
)
from skglmm.inference.prediction.slopes import slope_in

__all__ = ["PartIntervals", "part_intervals"]

NEVER = -750.0  # a logit below those of all positive numbers: its probability is 0


@dataclass(frozen=True)
class PartIntervals:
    """Probabilities of the parts of the support, with uncertainty.

    Parameters
    ----------
    value, se, lower, upper : ndarray, shape (n_parts, n)
        Probabilities, their standard errors and limits; these are NaN where the data do not
        determine what a probability depends on.
    """

    value: Floats
    se: Floats
    lower: Floats
    upper: Floats


def part_intervals(fit: Fit, design: Design, plan: Plan, level: float) -> PartIntervals:
    """Return the probabilities of the parts with standard errors and limits.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
        As for means: effects of unseen levels add their variance to that of the estimates.
    level : float
        Coverage, such as 0.95.
    """
    fit, design = in_own_units(fit, design, jointly=False)
    parts = [np.stack(list(_intervals(fit, part, plan, level))) for part in row_parts(design)]
    return PartIntervals(*np.concatenate(parts, axis=2))


def _intervals(fit: Fit, design: Design, plan: Plan, level: float) -> Iterator[Floats]:
    """Probabilities, standard errors and limits, (n_parts, n) each."""
    value = part_probabilities(fit, design, plan).T
    averaged = plan.integrated and fit.family.part_predictors
    center, spread, se = (_averaged if averaged else _of_group)(fit, design, plan)
    known = np.where(np.isnan(value), np.nan, 1.0)
    yield value
    yield known * se
    limits = normal_limits(center, spread, _logits(value), level)
    yield from (known * expit(limit) for limit in limits)


def _of_group(fit: Fit, design: Design, plan: Plan) -> tuple[Floats, Floats, Floats]:
    """Logits, their errors and those of probabilities of the rows' own groups, (n_parts, n).

    The effects of unseen levels may be large, and an interior has its maximum in between, so what
    they add are moments of the logits and of the probabilities, and no slopes.
    """
    eta, of = linear_predictors(fit, design, plan.conditioned), fit.family.part_probabilities
    value = of(eta)
    center = _finite_logits(value)
    slopes = {
        k: slope_in(lambda part: _finite_logits(of(part)), eta, k)
        for k in fit.family.part_predictors
    }
    estimated = group_variance(fit, design, replace(plan, unseen="fixed"), slopes)

    def moments(part: list[Floats], rows: Ints) -> Floats:
        here = of(part)
        off = _finite_logits(here) - center[:, rows]
        away = here - value[:, rows]
        return np.concatenate([off, off**2, away, away**2])

    shift = shift_of(fit, design, plan, fit.family.part_predictors)
    off, square, away, far = np.split(averages(moments, eta, shift), 4)
    spread = np.sqrt(estimated + np.maximum(square - off**2, 0.0))
    se = np.sqrt(estimated * _steepness(center) ** 2 + np.maximum(far - away**2, 0.0))
    return center + off, spread, se


def _averaged(fit: Fit, design: Design, plan: Plan) -> tuple[Floats, Floats, Floats]:
    """Logits, their errors and those of probabilities averaged over groups, (n_parts, n)."""
    where = fit.family.part_predictors
    average = average_of(fit.family.part_probabilities, fit, design, plan, where)
    value, complement = average({}), _complements(average({}))
    both = value * complement
    steep = np.divide(1.0, both, out=np.zeros_like(value), where=both > 0.0)
    pairs = [
        (steep * np.where(value <= complement, slopes, -_complements(slopes)), moves)
        for slopes, moves in average_gradients(fit, design, plan, average, where)
    ]
    variance = np.zeros_like(value)
    for part in range(len(value)):
        gradient = np.asarray(sum(slopes[part][:, None] * moves for slopes, moves in pairs))
        slopes = {k: found[part] for k, (found, _) in zip(where, pairs, strict=False)}
        variance[part] = estimates_variance(fit, gradient)
        variance[part] += curve_variance(fit, design, plan, slopes)
    center, spread = _logits(value), np.sqrt(variance)
    return center, spread, _steepness(center) * spread


def _steepness(logit: Floats) -> Floats:
    """Derivatives of probabilities in their logits."""
    return np.asarray(expit(logit) * expit(-logit))


def _logits(probabilities: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probabilities) - np.log(_complements(probabilities)))


def _finite_logits(probabilities: Floats) -> Floats:
    """Logits, `NEVER` of what is never so: far away, yet with moments."""
    return np.clip(_logits(probabilities), NEVER, -NEVER)


def _complements(parts: Floats) -> Floats:
    """Sums of the other parts, (n_parts, n)."""
    sums = [np.delete(parts, k, axis=0).sum(axis=0) for k in range(len(parts))]
    return np.reshape(sums, parts.shape)
