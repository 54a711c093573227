r"""Quantiles of new responses, integrated over what is not known of their linear predictors.

Given t, standard normal, a response has the family's distribution at
:math:`\hat\eta + \sqrt{v}\,t`, with v the variance of the estimate and of the effects that are
averaged over. Quantiles are found by Newton's method on a scale where the cdf is nearly straight:
the normal quantile of the probability against the response on the whole real line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from skglmm.arrays import Bools, Floats, Ints
from skglmm.design import Design
from skglmm.families import Support
from skglmm.fitting import Fit
from skglmm.inference._mixture import Mixture
from skglmm.inference._predict import Plan, linear_predictors, shift_variance
from skglmm.inference._uncertainty import linear_variance

__all__ = ["predict_quantile", "predictive_cdf", "response_interval"]

CHUNK = 2**15  # rows at a time
CELLS = 2**17  # rows times nodes at a time
SPEEDS = 0.7 * 2.0 ** np.arange(-6, 12)  # rows of alike speed share their number of nodes
XTOL = 1e-15  # of the width of the support
ZTOL = 3e-5  # standard deviations; the error of a step is about the square
MOST = 100  # evaluations; three are usual, halving alone takes 50
_TWO_PI_ROOT = np.sqrt(2.0 * np.pi)


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
    result = np.empty(design.n_samples)
    for rows, mixture in _mixtures(fit, design, plan):
        result[rows] = mixture.cdf(y[rows])
    result[_unknown(design, plan)] = np.nan
    return result


def predict_quantile(fit: Fit, design: Design, plan: Plan, q: Sequence[float] | Floats) -> Floats:
    """Return quantiles of new responses, on the family's own scale.

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
        Strictly inside the support, increasing in `q`; NaN where the plan says so.

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
    result, line = np.empty((design.n_samples, len(levels))), _Line(fit.family.support)
    for rows, mixture in _mixtures(fit, design, plan):
        for j, z in enumerate(ndtri(levels)):
            result[rows, j] = _solve(mixture, float(z), line)
    order = np.argsort(levels)
    result[:, order] = np.maximum.accumulate(result[:, order], axis=1)  # by less than XTOL
    result[_unknown(design, plan)] = np.nan
    return result


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


def _unknown(design: Design, plan: Plan) -> Bools:
    unknown = np.zeros(design.n_samples, dtype=np.bool_)
    if plan.unseen == "nan":
        for f in plan.conditioned:
            unknown |= design.codes[f] < 0
    return unknown


def _mixtures(fit: Fit, design: Design, plan: Plan) -> Iterator[tuple[Ints, Mixture]]:
    """Positions of rows of alike speed, and the distributions of their responses."""
    for start in range(0, design.n_samples, CHUNK):
        part = design.take(slice(start, start + CHUNK))
        variance = shift_variance(fit, part, plan)
        if fit.covariance is not None:
            variance += np.maximum(linear_variance(fit, part, plan.conditioned), 0.0)
        eta = linear_predictors(fit, part, plan.conditioned)
        whole = Mixture.of(fit.family, eta, np.sqrt(variance))
        group = np.searchsorted(SPEEDS, whole.speed)
        for rows in (np.flatnonzero(group == each) for each in np.unique(group)):
            step = max(1, CELLS // whole.take(rows).n_nodes)
            for piece in (rows[i : i + step] for i in range(0, len(rows), step)):
                yield start + piece, whole.take(piece)


@dataclass(frozen=True)
class _Line:
    """The support, stretched over the real line: by a logit, a logarithm or not at all."""

    support: Support

    @property
    def width(self) -> float:
        """The width of the support; 0 where it has none."""
        width = self.support.high - self.support.low
        return width if np.isfinite(width) else 0.0

    def position(self, y: Floats) -> Floats:
        low, high = self.support
        if np.isfinite(high):
            return np.asarray(logit((y - low) / (high - low)))
        return np.asarray(np.log(y - low)) if np.isfinite(low) else y

    def response(self, x: Floats) -> Floats:
        low, high = self.support
        if np.isfinite(high):
            return self.inside(low + (high - low) * expit(x))
        return self.inside(low + np.exp(x)) if np.isfinite(low) else x

    def slope(self, x: Floats) -> Floats:
        """Derivative of the response."""
        low, high = self.support
        if np.isfinite(high):
            return np.asarray((high - low) * expit(x) * expit(-x))
        return np.asarray(np.exp(x)) if np.isfinite(low) else np.ones_like(x)

    def inside(self, y: Floats) -> Floats:
        """Keep responses that rounding has put on the bounds off them."""
        low, high = (np.float64(end) for end in self.support)
        tiny = np.finfo(np.float64).tiny
        above = np.maximum(np.nextafter(low, np.inf), low + tiny)
        return np.clip(y, above, np.nextafter(high, -np.inf))


class _Point(NamedTuple):
    """Positions x, the misses z of the normal quantile there, and dx/dz, (n,) each."""

    x: Floats
    z: Floats
    slope: Floats


def _solve(mixture: Mixture, z: float, line: _Line) -> Floats:
    """Return the responses, (n,), whose probabilities have the normal quantile `z`."""
    x = line.position(line.inside(_guess(mixture, z)))
    solution, rows = np.empty_like(x), np.arange(len(x))
    low, high, before = np.full_like(x, -np.inf), np.full_like(x, np.inf), None
    for k in range(MOST):
        here = _point(mixture, x, z, line)
        low, high = np.where(here.z <= 0.0, x, low), np.where(here.z >= 0.0, x, high)
        x, sure = _next(here, before, low, high, 2.0**k)
        solution[rows] = x
        open_ = ~(sure | (line.response(high) - line.response(low) <= XTOL * line.width))
        if not open_.any():
            break
        mixture, before = mixture.take(np.flatnonzero(open_)), _Point(*(p[open_] for p in here))
        rows, x, low, high = rows[open_], x[open_], low[open_], high[open_]
    return line.response(solution)


def _guess(mixture: Mixture, z: float) -> Floats:
    """Return the likeliest way to a miss of `z`: the shift takes its share, the response the rest.

    This is the quantile where the response is normal and moves evenly with the shift.
    """
    speed = mixture.speed_at(np.zeros_like(mixture.sd))
    for _ in range(2):
        whole = np.hypot(1.0, speed)
        share = z * speed / whole
        speed = mixture.speed_at(share)
    return mixture.family.quantile(ndtr(z / whole), mixture.shifted(share))


def _point(mixture: Mixture, x: Floats, z: float, line: _Line) -> _Point:
    below, density = mixture.cdf_and_density(line.response(x))
    found = ndtri(below)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        slope = np.exp(-0.5 * found**2) / (_TWO_PI_ROOT * density * line.slope(x))
    return _Point(x, found - z, slope)


def _next(
    here: _Point, before: _Point | None, low: Floats, high: Floats, reach: float
) -> tuple[Floats, Bools]:
    """Return the next positions, and whether they are the roots to within the tolerance."""
    with np.errstate(all="ignore"):  # what is not finite is halved
        step, miss = here.x - here.z * here.slope, np.abs(here.z)
        if before is not None:
            cubic, nearer = _inverse(here, before), np.abs(here.z) < np.abs(before.z)
            step = np.where(nearer, cubic, step)
            miss = np.where(nearer, miss * np.minimum(np.abs(before.z), 1.0), miss)
        middle = np.where(np.isinf(low), high - reach, 0.5 * (low + high))
        middle = np.where(np.isinf(high), low + reach, middle)
        inside = (low <= step) & (step <= high) & np.isfinite(step)
    return np.where(inside, step, middle), inside & (miss <= ZTOL)


def _inverse(here: _Point, before: _Point) -> Floats:
    """Return the position of miss 0 on the cubic of x in z through two points and slopes."""
    width = before.z - here.z
    t = -here.z / width
    rise = before.x - here.x
    return np.asarray(
        here.x
        + t * t * (3.0 - 2.0 * t) * rise
        + width * t * (1.0 - t) * ((1.0 - t) * here.slope - t * before.slope)
    )
