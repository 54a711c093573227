r"""Averages of predictions over rows, with limits that are right for an average.

The average :math:`\bar m = \sum_i w_i m_i` of means that are functions of the estimates has the
gradient :math:`\sum_i w_i \nabla m_i`; the delta method takes the rows' errors, which are
correlated, as one. A new response of a row drawn with the probabilities w has the distribution
:math:`\sum_i w_i F_i`, whose quantiles are none of the rows' averaged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, effect_slots
from skglmm.fitting import Fit
from skglmm.inference.distribution.quantile import predict_quantile, predictive_cdf
from skglmm.inference.parameters.delta import estimates_variance
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.average_slopes import average_slopes, curve_variance
from skglmm.inference.prediction.intervals import (
    group_variance,
    link_limits,
)
from skglmm.inference.prediction.predict import Plan, linear_predictors, predict
from skglmm.inference.prediction.slopes import slope_in

__all__ = ["average_interval", "average_quantiles"]

CHUNK = 2**15  # rows at a time
CLOSE = 1e-6  # of a bracket, relative to ends above 1, and of normal quantiles: errors of the rows
FAR, MARGIN = 8.0, 0.02  # normal quantiles that count as infinite; shares of a bracket, at least


def average_interval(
    fit: Fit, design: Design, plan: Plan, places: Ints, weights: Floats, level: float
) -> tuple[Floats, Floats]:
    """Return limits of averages of means, on the scale of the link.

    Parameters
    ----------
    fit : Fit
        With inference.
    design : Design, n rows
    plan : Plan
        Conditioned factors have one level in all rows of an average.
    places : ndarray of int, shape (n,)
        Which average each row is in, from 0.
    weights : ndarray, shape (n,)
        Shares of the rows, with sum 1 in each average.
    level : float
        Coverage, such as 0.95.
    """
    user, (fit, design) = fit.units.user_response, in_own_units(fit, design)
    of = _integrated if plan.integrated else _conditioned
    mean, variance = of(fit, design, plan, places, weights)
    known = np.where(np.isnan(mean + variance), np.nan, 1.0)  # links know no NaN
    se = np.sqrt(np.maximum(np.nan_to_num(variance), 0.0))
    unit = np.zeros(len(mean))
    rows = np.broadcast_to(fit.family.mean_unit(linear_predictors(fit, design, ())), places.shape)
    np.add.at(unit, places, weights * rows)
    lower, upper = link_limits(fit, np.nan_to_num(mean, nan=0.5), se, level, unit)
    return user(known * lower), user(known * upper)


def _integrated(
    fit: Fit, design: Design, plan: Plan, places: Ints, weights: Floats
) -> tuple[Floats, Floats]:
    """Averages of means over groups, and their variances: the gradients add up."""
    sums = _RowSums.of(design, int(places.max()) + 1)
    gradient = np.zeros((len(sums.mean), fit.shape.n_params))
    for rows in _slices(design):
        part, here, share = design.take(rows), places[rows], weights[rows]
        found = average_slopes(fit, part, plan)
        np.add.at(gradient, here, share[:, None] * found.gradient)
        sums.add(fit, part, here, share, found.mean, found.slopes)
    row, ones = sums.row(design, places), {k: np.ones(len(sums.mean)) for k in found.slopes}
    curves = curve_variance(fit, row, plan, ones)
    return sums.mean, estimates_variance(fit, gradient) + curves


def _conditioned(
    fit: Fit, design: Design, plan: Plan, places: Ints, weights: Floats
) -> tuple[Floats, Floats]:
    """Averages of means given levels, and their variances: those of one row.

    To first order an average is linear in the linear predictors of its rows, so that it moves as
    the mean of a row with averaged columns, weighted by the slopes of the means. Limits are those
    of the averaged predictions, which are averages over unseen levels.
    """
    sums, where = _RowSums.of(design, int(places.max()) + 1), fit.family.mean_predictors
    for rows in _slices(design):
        part, here, share = design.take(rows), places[rows], weights[rows]
        eta = linear_predictors(fit, part, plan.conditioned)
        slopes = {k: slope_in(fit.family.mean, eta, k) for k in where}
        sums.add(fit, part, here, share, predict(fit, part, plan).mean, slopes)
    row, ones = sums.row(design, places), {k: np.ones(len(sums.mean)) for k in where}
    return sums.mean, group_variance(fit, row, plan, ones)


@dataclass(frozen=True)
class _RowSums:
    """Averages of means, and the columns of the rows that move as these do, of m averages.

    Parameters
    ----------
    mean : ndarray, shape (m,)
    fixed, columns : list of ndarray, shape (m, p) each
    """

    mean: Floats
    fixed: list[Floats]
    columns: list[Floats]

    @classmethod
    def of(cls, design: Design, m: int) -> "_RowSums":
        fixed = [np.zeros((m, x.shape[1])) for x in design.fixed]
        return cls(np.zeros(m), fixed, [np.zeros((m, z.shape[1])) for z in design.columns])

    def add(
        self,
        fit: Fit,
        part: Design,
        here: Ints,
        share: Floats,
        mean: Floats,
        slopes: Mapping[int, Floats],
    ) -> None:
        """Add rows to averages `here`, with their means and these in the linear predictors."""
        np.add.at(self.mean, here, share * mean)
        for k, slope in slopes.items():
            np.add.at(self.fixed[k], here, (share * slope)[:, None] * part.fixed[k])
        for f, factor in enumerate(fit.layout.factors):
            for c, z, k in effect_slots(part.columns[f], factor.predictors):
                if k in slopes:
                    places = here, np.broadcast_to(c, len(here))
                    np.add.at(self.columns[f], places, share * slopes[k] * z)

    def row(self, design: Design, places: Ints) -> Design:
        """Return a row for each average."""
        first = np.unique(places, return_index=True)[1]
        return replace(
            design,
            fixed=tuple(self.fixed),
            columns=tuple(self.columns),
            codes=tuple(codes[first] if len(codes) else codes for codes in design.codes),
            offsets=(None,) * len(self.fixed),
        )


def _slices(design: Design) -> Iterator[slice]:
    for start in range(0, design.n_samples, CHUNK):
        yield slice(start, start + CHUNK)


def average_quantiles(
    fit: Fit, design: Design, plan: Plan, places: Ints, weights: Floats, level: float
) -> tuple[Floats, Floats]:
    """Return limits of a new response of a row that is drawn by the weights.

    Parameters
    ----------
    fit, design, plan, places, weights
        As in `average_interval`.
    level : float
        Coverage, such as 0.95, with equal tails.
    """
    user, (fit, design) = fit.units.user_response, in_own_units(fit, design, jointly=False)
    tail = 0.5 * (1.0 - level)
    levels = (tail, 1.0 - tail)
    rows = predict_quantile(fit, design, plan, levels)
    ends = [
        _average_quantile(fit, design, plan, places, weights, q, own)
        for q, own in zip(levels, rows.T, strict=True)
    ]
    return user(ends[0]), user(ends[1])


def _average_quantile(
    fit: Fit, design: Design, plan: Plan, places: Ints, weights: Floats, q: float, rows: Floats
) -> Floats:
    """Search between the lowest and the highest quantile of the rows of each average.

    Normal quantiles of probabilities are nearly straight, so false positions come close soon;
    halving the value at an end that stays twice (Illinois) closes the bracket from both sides.
    """
    n = int(places.max()) + 1
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, places, rows)
    np.maximum.at(high, places, rows)

    def above(y: Floats) -> Floats:
        found = predictive_cdf(fit, design, plan, np.nan_to_num(y, nan=0.5)[places])
        average = np.minimum(np.bincount(places, weights * found, n), 1.0)
        return np.clip(ndtri(average), -FAR, FAR) - float(ndtri(q))

    whole = fit.family.support.is_discrete
    left, right = above(low), above(high)
    high = np.where(left >= 0.0, low, high)  # as on a mass
    before = np.zeros(n)
    while np.any(high - low > (1.0 if whole else CLOSE * np.maximum(1.0, np.abs(high)))):
        share = np.clip(left / np.minimum(left - right, -CLOSE), MARGIN, 1.0 - MARGIN)
        y = low + share * (high - low)
        if whole:  # strictly in between, where there is room
            y = np.minimum(np.maximum(np.floor(y), low + 1.0), high)
        value = above(y)
        below, there = value < 0.0, (np.abs(value) < CLOSE) & (not whole)
        low = np.where(below | there, y, low)
        high = np.where(~below | there, y, high)
        side = np.where(below, -1.0, 1.0)
        again, before = side == before, side  # the other end has stayed twice
        left = np.where(below, value, np.where(again, 0.5 * left, left))
        right = np.where(below, np.where(again, 0.5 * right, right), value)
    return np.where(np.isnan(low), np.nan, high)
