"""Quantiles of predictive distributions, by Newton's method on a transform of the support.

The normal quantile of the probability is nearly a straight line against the response on the whole
real line.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtri

from skglmm.arrays import Bools, Floats
from skglmm.families import Support
from skglmm.inference.distribution.normal_mixture import NormalMixture
from skglmm.inference.distribution.predictive import PredictiveDistribution

__all__ = ["Root", "SupportTransform", "solve"]

ROUNDING = 4  # spacings of a response that are as good as none
ZTOL = 3e-5  # standard deviations; the error of a step is about the square
MOST = 100  # evaluations; three are usual, halving alone takes 50
BENT = 1.5  # between slopes that differ by more a cubic is no better than a line
PATIENCE = 40  # evaluations after which intervals are halved, whatever Newton's method says
_TWO_PI_ROOT = np.sqrt(2.0 * np.pi)


@dataclass(frozen=True)
class SupportTransform:
    """Transform of the open support to the real line: a logit, a logarithm or the identity."""

    support: Support

    @property
    def ends(self) -> tuple[float, float]:
        """Positions beyond which responses stand still, because rounding puts them on a bound."""
        low, high = (np.isfinite(end) for end in self.support.ends)
        number = np.finfo(np.float64)
        last = -np.log(number.epsneg / 2.0) if low and high else np.inf
        return float(np.log(number.tiny)) if low else -np.inf, float(last)

    def position(self, y: Floats) -> Floats:
        low, high = self.support.ends
        if np.isfinite(high):
            return np.asarray(logit((y - low) / (high - low)))
        return np.asarray(np.log(y - low)) if np.isfinite(low) else y

    def response(self, x: Floats) -> Floats:
        low, high = self.support.ends
        if np.isfinite(high):
            return self.inside(low + (high - low) * expit(x))
        return self.inside(low + np.exp(x)) if np.isfinite(low) else x

    def slope(self, x: Floats) -> Floats:
        """Derivative of the response."""
        low, high = self.support.ends
        if np.isfinite(high):
            return np.asarray((high - low) * expit(x) * expit(-x))
        return np.asarray(np.exp(x)) if np.isfinite(low) else np.ones_like(x)

    def spacing(self, x: Floats) -> Floats:
        """By how much responses differ at the least."""
        with np.errstate(invalid="ignore", over="ignore"):  # infinity has none
            return np.asarray(ROUNDING * np.spacing(np.abs(self.response(x))))

    def holds(self, x: Floats) -> Bools:
        """Return which positions are finite, and not beyond the ends.

        Beside a mass the density may be so low that a step leads to 1e300, from where halving does
        not come back.
        """
        low, high = self.ends
        return np.isfinite(x) & (low <= x) & (x <= high)

    def is_closed(self, low: Floats, high: Floats) -> Bools:
        """Return whether there are no responses in between."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.response(high) - self.response(low) <= self.spacing(high))

    def inside(self, y: Floats) -> Floats:
        """Keep responses that rounding has put on the bounds off them."""
        low, high = (np.float64(end) for end in self.support.ends)
        tiny = np.finfo(np.float64).tiny
        above = np.maximum(np.nextafter(low, np.inf), low + tiny)
        return np.clip(y, above, np.nextafter(high, -np.inf))


class Root(NamedTuple):
    """Positions on the line, (n,), and by how much each moves with the normal quantile."""

    x: Floats
    slope: Floats


class _Point(NamedTuple):
    """Positions x, the misses z of the normal quantile there, and dx/dz, (n,) each."""

    x: Floats
    z: Floats
    slope: Floats


def solve(
    mixture: NormalMixture | PredictiveDistribution, z: Floats, transform: SupportTransform
) -> Root:
    """Return where the probabilities have the normal quantiles `z`, (n,)."""
    x = transform.position(transform.inside(mixture.guess(z)))
    solution, slope, rows = np.empty_like(x), np.empty_like(x), np.arange(len(x))
    low, high, before = np.full_like(x, -np.inf), np.full_like(x, np.inf), None
    for k in range(MOST):
        here = _point(mixture, x, z, transform)
        low, high = np.where(here.z <= 0.0, x, low), np.where(here.z >= 0.0, x, high)
        step, sure = _newton(here, before)
        inside = transform.holds(step) & (low <= step) & (step <= high) & (k < PATIENCE)
        x = np.where(inside, step, _middle(low, high, 2.0**k, transform))
        sure &= inside
        solution[rows], slope[rows] = x, here.slope
        open_ = ~(sure | transform.is_closed(low, high))
        if not open_.any():
            break
        mixture, before = mixture.take(np.flatnonzero(open_)), _Point(*(p[open_] for p in here))
        rows, (x, z, low, high) = rows[open_], (part[open_] for part in (x, z, low, high))
    return Root(solution, slope)


def _point(
    mixture: NormalMixture | PredictiveDistribution,
    x: Floats,
    z: Floats,
    transform: SupportTransform,
) -> _Point:
    below, density = mixture.cdf_and_density(transform.response(x))
    found = ndtri(below)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        slope = np.exp(-0.5 * found**2) / (_TWO_PI_ROOT * density * transform.slope(x))
    return _Point(x, found - z, slope)


def _newton(here: _Point, before: _Point | None) -> tuple[Floats, Bools]:
    """Return where a step leads, and whether that is a root to within the tolerance."""
    with np.errstate(all="ignore"):  # what is not finite is halved
        step, miss = here.x - here.z * here.slope, np.abs(here.z)
        if before is not None:
            cubic, nearer = _inverse(here, before), np.abs(here.z) < np.abs(before.z)
            step = np.where(nearer, cubic, step)
            slopes = here.slope, before.slope
            straight = np.maximum(*slopes) <= BENT * np.minimum(*slopes)
            gain = np.minimum(np.abs(before.z), 1.0)
            miss = np.where(nearer & straight, miss * gain, miss)
        return step, miss <= ZTOL


def _middle(low: Floats, high: Floats, reach: float, transform: SupportTransform) -> Floats:
    """Return positions in brackets, on the line; `reach` from the one end of an open one."""
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isinf(low), high - reach, 0.5 * (low + high))
    return np.clip(np.where(np.isinf(high), low + reach, middle), *transform.ends)


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
