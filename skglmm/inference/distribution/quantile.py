r"""Quantiles of new responses, integrated over what is not known of their linear predictors.

Given t, standard normal, a response has the family's distribution at
:math:`\hat\eta + \sqrt{v}\,t`, with v the variance of the estimate and of the effects that are
averaged over. So a quantile is a smooth function of v and of the linear predictors: where rows are
many, it is tabulated. Of the predictors behind the first those are uncertain that random effects
feed; the estimates of others count as known.

Where the probabilities of masses, and the distribution between them, have shifts that have nothing
to do with each other, the average of the product is the product of the averages. Where they are
correlated, `Between` takes the averages one after the other.

Quantiles of whole numbers are steps, and are searched for row by row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import ndtri

from skglmm.arrays import Bools, Floats, Ints
from skglmm.design import Design
from skglmm.families import Family, least_whole
from skglmm.fitting import Fit
from skglmm.inference.distribution.ends import end_probabilities
from skglmm.inference.distribution.normal_mixture import BEND
from skglmm.inference.distribution.predictive import PredictiveDistribution
from skglmm.inference.distribution.solve import Root, SupportTransform, solve
from skglmm.inference.distribution.tabulate import Values, tabulate
from skglmm.inference.parameters.delta import linear_covariance
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.averages import NormalShift, averages
from skglmm.inference.prediction.predict import Plan, linear_predictors, shift_of

__all__ = ["predict_quantile", "predictive_cdf", "response_interval"]

CHUNK = 2**15  # rows at a time
CELLS = 2**17  # rows times nodes at a time
SPEEDS = 0.7 * 2.0 ** np.arange(-6, 12)  # rows of alike speed share their number of nodes
FEW = 1000  # rows times nodes of the other predictors, which are solved one by one
LEAST, MOST = np.finfo(np.float64).tiny, 1.0 - np.finfo(np.float64).epsneg  # probabilities
FIRST = 1e-3  # of a guess of a count: the first step away from it, where that is more than one
SURE = 1.0 - 4.0 * np.finfo(np.float64).eps  # probabilities beyond are 1: averages are rounded
MISS, MISS_Z = 2e-7, 1e-4  # errors of a table: in probability, and in standard deviations


def predictive_cdf(fit: Fit, design: Design, plan: Plan, y: Floats) -> Floats:
    """Return the probabilities of new responses up to `y`, to 1e-6.

    Parameters
    ----------
    fit : Fit
        Without inference, its estimates and modes count as known.
    design : Design, n rows
    plan : Plan
    y : ndarray, shape (n,)
        Responses inside the family's support.

    Returns
    -------
    ndarray, shape (n,)
        NaN where the plan says so.
    """
    (fit, design), y = in_own_units(fit, design, jointly=False), fit.units.response(y)
    result = _probabilities(_Normals.of(fit, design, plan), y)
    result[plan.unknown(fit, design)] = np.nan
    return result


def predict_quantile(fit: Fit, design: Design, plan: Plan, q: Sequence[float] | Floats) -> Floats:
    """Return quantiles of new responses, on the family's own scale, to 1e-6 in probability.

    Parameters
    ----------
    fit : Fit
        Without inference, its estimates and modes count as known.
    design : Design, n rows
    plan : Plan
    q : array-like, shape (n_quantiles,)
        Probabilities inside (0, 1).

    Returns
    -------
    ndarray, shape (n, n_quantiles)
        Inside the support or on one of the family's masses, increasing in `q`; of whole numbers the
        least whose probability, up to it, is that much. NaN where the plan says so.

    Raises
    ------
    ValueError
        When a probability is not inside (0, 1).
    """
    levels = np.asarray(q, dtype=np.float64)
    outside = ~((levels > 0.0) & (levels < 1.0))
    if outside.any():
        msg = f"every q must lie inside (0, 1), got {levels[outside][0]:g}"
        raise ValueError(msg)
    units, (fit, design) = fit.units, in_own_units(fit, design, jointly=False)
    order = np.argsort(levels)
    result = np.empty((design.n_samples, len(levels)))
    result[:, order] = _responses(_Normals.of(fit, design, plan), levels[order])
    result[plan.unknown(fit, design)] = np.nan
    return units.user_response(result)


def response_interval(fit: Fit, design: Design, plan: Plan, level: float) -> tuple[Floats, Floats]:
    """Return the limits, (n,) each, between which new responses fall with probability `level`.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
    level : float
        Coverage, such as 0.95, with equal tails.
    """
    tail = 0.5 * (1.0 - level)
    limits = predict_quantile(fit, design, plan, [tail, 1.0 - tail])
    return limits[:, 0], limits[:, 1]


@dataclass(frozen=True)
class _Normals:
    """Linear predictors of n rows, (K, n), and their normal shifts."""

    family: Family
    eta: Floats
    shift: NormalShift

    @classmethod
    def of(cls, fit: Fit, design: Design, plan: Plan) -> "_Normals":
        eta, shifts = np.empty((len(fit.beta), design.n_samples)), []
        for start in range(0, max(design.n_samples, 1), CHUNK):
            rows = slice(start, start + CHUNK)
            part = design.take(rows)
            eta[:, rows] = linear_predictors(fit, part, plan.conditioned)
            known = fit.uncertainty is None
            also = None if known else partial(linear_covariance, fit, part, plan.conditioned)
            shifts.append(shift_of(fit, part, plan, also=also))
        return cls(fit.family, eta, NormalShift.concatenate(shifts))

    def take(self, rows: Ints | slice) -> "_Normals":
        return _Normals(self.family, self.eta[:, rows], self.shift.take(rows))

    @property
    def masses(self) -> Floats:
        """Probabilities of the ends of the support, (2, n)."""
        found = np.zeros((2, self.eta.shape[1]))
        own = [k for k in self.shift.moving if k in self.family.part_predictors]
        shift = self.shift.among(own or [self.shift.first])
        for start in range(0, self.eta.shape[1] if self.family.masses else 0, CHUNK):
            rows = slice(start, start + CHUNK)
            found[:, rows] = averages(
                lambda eta, _: end_probabilities(self.family, eta),
                list(self.eta[:, rows]),
                shift.take(rows),
            )
        return found

    @property
    def interior(self) -> "_Normals | None":
        """The rows between the masses, if no shift there is related to one of the masses."""
        found = self.family.interior
        if self.family.support.is_discrete:  # zeros are of both parts, or one cut at 0
            return None
        if found is None or found.location != self.shift.first:
            return None
        places, masses = found.predictors, self.family.part_predictors
        if self.shift.relates(places, masses).any():
            return None
        shift = self.shift.among([k for k in self.shift.moving if k in places])
        return _Normals(found.family, self.eta[list(places)], shift.placed(places))

    @property
    def points(self) -> Floats:
        """The linear predictors, and how far they spread: (n, d).

        Quantiles change with a spread that is near that of the response, or near the bends of the
        links; far below, they stand still.
        """
        steepness = _steepness(self.family, list(self.eta))
        loadings = self.shift.loadings.reshape(len(steepness), -1)
        return np.column_stack([*self.eta, np.arcsinh(self.shift.sd * steepness), loadings])

    def at(self, points: Floats) -> "_Normals":
        """Return rows that have these points, and the same predictors with shifts."""
        size, n_others = len(self.eta), len(self.shift.others)
        eta, spread, loadings = np.split(points, [size, size + 1], axis=1)
        sd = np.sinh(spread[:, 0]) / _steepness(self.family, list(eta.T))
        loadings = loadings.reshape(len(points), 1 + n_others, n_others)
        return _Normals(self.family, eta.T, NormalShift(sd, self.shift.others, loadings))


def _steepness(family: Family, eta: Sequence[Floats]) -> Floats:
    """How far a unit of the location's predictor takes the response or bends a link, (n,)."""
    return np.asarray(np.hypot(BEND, np.sqrt(family.location_information(eta))))


def _probabilities(normals: _Normals, y: Floats) -> Floats:
    """Return the probabilities of responses up to `y`, (n,)."""
    start, end = normals.family.support.ends
    below = _up_to(normals, np.clip(y, start, end))
    return np.where(y >= end, 1.0, np.where(y < start, 0.0, np.minimum(below, 1.0)))


def _up_to(normals: _Normals, y: Floats) -> Floats:
    """Return the probabilities up to responses in the support, but for the error of averages."""
    interior = normals.interior
    if interior is not None:
        low, high = normals.masses
        return np.asarray(low + (1.0 - low - high) * _probabilities(interior, y))
    result = np.empty(len(y))
    for rows, predictive in _predictives(normals, 1):
        result[rows] = predictive.cdf(y[rows])
    return result


def _responses(normals: _Normals, q: Floats) -> Floats:
    """Return quantiles at increasing probabilities `q`: (n, k)."""
    if normals.family.support.is_discrete:
        return _counts(normals, q)
    transform = SupportTransform(normals.family.support)
    if not normals.family.masses:
        positions = _positions(normals, ndtri(q))
        return transform.response(
            np.maximum.accumulate(positions, axis=1)
        )  # by less than tolerances
    low, high = normals.masses
    result = np.empty((len(low), len(q)))
    for j in range(len(q)):
        at_low, at_high = q[j] <= low, q[j] > 1.0 - high
        inside = np.flatnonzero(~(at_low | at_high))
        result[:, j] = np.where(at_low, transform.support.low, transform.support.high)
        found = _between(normals.take(inside), q[j], low[inside], high[inside])
        result[inside, j] = transform.response(found)
    return np.asarray(np.maximum.accumulate(result, axis=1))


def _counts(normals: _Normals, q: Floats) -> Floats:
    """Return quantiles of whole numbers at increasing probabilities `q`: (n, k)."""
    result, size = np.empty((len(normals.shift.sd), len(q))), len(q)
    for rows, predictive in _predictives(normals, size):
        many = predictive.take(np.tile(np.arange(len(rows)), size))
        result[rows] = _least(many, np.repeat(q, len(rows))).reshape(size, -1).T
    return np.asarray(np.maximum.accumulate(result, axis=1))


def _least(predictive: PredictiveDistribution, p: Floats) -> Floats:
    """Return the least whole responses whose probability, up to them, is `p` or more, (n,)."""
    goal, guess = np.minimum(p, SURE), np.nan_to_num(predictive.guess(ndtri(p)))

    def reached(y: Floats, rows: Ints) -> Bools:
        return np.asarray(predictive.take(rows).cdf(y) >= goal[rows])

    step = np.maximum(1.0, np.round(FIRST * np.abs(guess)))
    return least_whole(reached, guess, step, predictive.family.support.ends)


def _between(normals: _Normals, q: float, low: Floats, high: Floats) -> Floats:
    """Return where on the line the probability is `q`, given those of the masses: (n,)."""
    interior = normals.interior
    if interior is None:
        return _positions(normals, ndtri([q]))[:, 0]
    share = np.clip((q - low) / np.maximum(1.0 - low - high, LEAST), LEAST, MOST)
    return _positions(interior, ndtri(share)[:, None])[:, 0]


def _positions(normals: _Normals, z: Floats) -> Floats:
    """Return where on the line the probabilities have the normal quantiles `z`: (n, k).

    Those of all rows are `z`, (k,), or each row has one of its own, (n, 1).
    """
    n, size = len(normals.shift.sd), z.shape[-1]
    if not (n and size):
        return np.empty((n, size))
    if n * len(normals.shift.grid()) < FEW:
        return _solved(normals, z).x
    points = normals.points
    width, own = points.shape[1], z.ndim > 1

    def values(each: Floats) -> Values:
        return _values(normals.at(each[:, :width]), each[:, width:] if own else z)

    result = tabulate(np.column_stack([points, z]) if own else points, values, size)
    left = np.flatnonzero(np.isnan(result).any(axis=1))
    result[left] = _solved(normals.take(left), z[left] if own else z).x
    return result


def _values(normals: _Normals, z: Floats) -> Values:
    """Positions, and the errors that those of a table may have."""
    transform, root = SupportTransform(normals.family.support), _solved(normals, z)
    miss = np.minimum(MISS_Z, MISS * np.sqrt(2.0 * np.pi) * np.exp(0.5 * z**2))
    x = np.clip(root.x, *transform.ends)
    unit = miss * np.nan_to_num(root.slope, posinf=0.0) + transform.spacing(x) / transform.slope(x)
    return Values(x, unit)


def _solved(normals: _Normals, z: Floats) -> Root:
    """Solve row by row, (n, k) each."""
    n, size = len(normals.shift.sd), z.shape[-1]
    goals = np.broadcast_to(z, (n, size))
    x, slope = np.empty((2, n, size))
    for rows, predictive in _predictives(normals, size):
        many = predictive.take(np.tile(np.arange(len(rows)), size))
        root = solve(many, goals[rows].T.ravel(), SupportTransform(normals.family.support))
        x[rows], slope[rows] = (part.reshape(size, -1).T for part in root)
    return Root(x, slope)


def _predictives(normals: _Normals, n_values: int) -> Iterator[tuple[Ints, PredictiveDistribution]]:
    """Positions of rows of alike speed, and the distributions of their responses.

    So many at a time that `n_values` can be found of each.
    """
    for alike in normals.shift.by_grid:
        for some in (alike[i : i + CHUNK] for i in range(0, len(alike), CHUNK)):
            part = normals.take(some)
            whole = PredictiveDistribution.of(part.family, list(part.eta), part.shift, part.masses)
            group = np.searchsorted(SPEEDS, whole.speed)
            for rows in (np.flatnonzero(group == each) for each in np.unique(group)):
                step = max(1, CELLS // (n_values * whole.take(rows).n_nodes))
                for piece in (rows[i : i + step] for i in range(0, len(rows), step)):
                    yield some[piece], whole.take(piece)
