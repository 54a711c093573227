"""What Tweedie families with a known and with an estimated power have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import ZERO_OR_MORE
from skglmm.families.defaults.positive_quantile import positive_quantile
from skglmm.families.parameter import Parameter, Role
from skglmm.families.positive.compound import Compound
from skglmm.families.positive.tweedie_information import score_products
from skglmm.families.positive.tweedie_rows import (
    deviance_of_positive,
    deviance_of_zero,
    log_series,
)
from skglmm.links import LogAmount
from skglmm.response import Support

__all__ = ["DISPERSION", "MEAN", "TweedieDensity"]

# Data that the mean reproduces send phi to 0, where rounding changes log densities by eps / phi.
LOG_DISPERSION_FLOOR = -36.0
MEAN = Parameter("mean", Role.LOCATION, (LogAmount(),))
DISPERSION = Parameter("dispersion", Role.DISPERSION, (LogAmount(),), floor=LOG_DISPERSION_FLOOR)
LEAST, MOST = 1e-4, 1e2  # squared coefficients of variation of a start


@dataclass(frozen=True)
class TweedieDensity(Family):
    """Sums of a Poisson number of gamma variables: a power variance function, from 1 to 2.

    The predictors are those of the mean, of the dispersion, and perhaps of the power.
    """

    support = Support(0.0, inf, masses=(0.0,))
    parts = ZERO_OR_MORE
    variance_formula = "dispersion * mean ** power"

    @abstractmethod
    def powers(self, eta: Sequence[Floats]) -> Floats:
        """Return the powers of rows, (n,) or (1,), given predictors within reach."""

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def prepare(self, y: Floats) -> Floats:
        """Return whether responses are positive, and the logarithms of those that are."""
        positive = y > 0.0
        return np.stack([positive, np.log(np.where(positive, y, 1.0))])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        whole = _whole(prepared, near[0], near[1], self.powers(near), order)
        size = len(self.links)
        parts = [whole[0][0]]
        for m, part in enumerate(whole[1:], start=1):
            kept = [row for key, row in packed_rows(3, m).items() if max(key) < size]
            parts.append(part if len(kept) == len(part) else part[kept])
        found = self._linked(LogDensity(*parts), near, order)
        beyond = ~np.isfinite(found.value)
        if outside is not None:
            beyond |= outside
        if beyond.any():
            leave(found, beyond)
        return found

    def _linked(self, density: LogDensity, eta: Sequence[Floats], order: int) -> LogDensity:
        """Return derivatives in the linear predictors from those in logarithms and the power."""
        del eta, order
        return density

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        """Return those of log mean, log dispersion and power, which the predictors follow.

        Scaled by their mean, responses have a dispersion that depends on it: what they tell of
        the shape there is what they tell here.
        """
        near, _ = within_reach(self.links, eta)
        log_mean, log_phi, power = np.broadcast_arrays(*near[:2], self.powers(near))
        of_mean = np.exp((2.0 - power) * log_mean - log_phi)
        spread = log_phi - (2.0 - power) * log_mean
        ff, fp, pp = score_products(_scores, spread, power)
        none = np.zeros_like(ff)
        rows = [of_mean, none, none, ff, fp + log_mean * ff]
        rows.append(pp + log_mean * (2.0 * fp + log_mean * ff))
        size = len(self.links)
        kept = [row for key, row in packed_rows(3, 2).items() if max(key) < size]
        return self._linked_information(np.stack(rows)[kept], near)

    def _linked_information(self, found: Floats, eta: Sequence[Floats]) -> Floats:
        del eta
        return found

    def location_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        log_mean, log_phi, power = np.broadcast_arrays(*near[:2], self.powers(near))
        return np.asarray(np.exp((2.0 - power) * log_mean - log_phi))

    def mean(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        return np.asarray(np.exp(np.broadcast_arrays(*near)[0]))

    def variance(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        return np.asarray(np.exp(self.powers(near) * near[0] + near[1]))

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        none = -self._compound(eta).number
        return np.stack([np.exp(none), 0.0 - np.expm1(none)])

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        y, *full = np.broadcast_arrays(y, *eta)
        return self._compound(full).below(y)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        y, *full = np.broadcast_arrays(y, *eta)
        return self._compound(full).above(y)

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return positive_quantile(self, p, within_reach(self.links, eta)[0])

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        return self._compound(eta).draw(rng)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return predictors that suit the moments, and the share of zeros where there are any."""
        mean = float(np.average(y, weights=weights))
        share = y / mean if mean > 0.0 else y
        spread = float(np.average((share - 1.0) ** 2, weights=weights))
        spread = float(np.clip(spread, LEAST, MOST))
        zeros = float(np.average(y == 0.0, weights=weights))
        if 0.0 < zeros < 1.0:
            power = 2.0 + 1.0 / (np.log(zeros) * spread)
        else:  # the third cumulant of a share is the power times the squared variance
            power = float(np.average((share - 1.0) ** 3, weights=weights)) / spread**2
        power = self.start_power(power)
        log_mean = np.log(max(mean, np.finfo(np.float64).tiny))
        log_phi = np.log(spread) + (2.0 - power) * log_mean
        start = [log_mean, log_phi, *self._shape_start(power)]
        return np.array(
            [np.clip(x, *link.reach) for x, link in zip(start, self.links, strict=True)]
        )

    @abstractmethod
    def start_power(self, guess: float) -> float:
        """Return the power of a start, given what moments and zeros say of it."""

    def _shape_start(self, power: float) -> tuple[float, ...]:
        del power
        return ()

    def _compound(self, eta: Sequence[Floats]) -> Compound:
        near, _ = within_reach(self.links, eta)
        log_mean, log_phi, power = np.broadcast_arrays(*near[:2], self.powers(near))
        a, b = power - 1.0, 2.0 - power
        with np.errstate(over="ignore"):
            number = np.exp(b * log_mean - log_phi) / b
            return Compound(number, b / a, a * np.exp(log_phi + a * log_mean))


def _whole(
    prepared: Floats, log_mean: Floats, log_phi: Floats, power: Floats, order: int
) -> list[Floats]:
    """Return the log density with derivatives in log mean, log dispersion and power."""
    whole = [np.empty((rows, prepared.shape[1])) for rows in (1, 3, 6, 10)[: order + 1]]
    positive, log_y = prepared[0] > 0.0, prepared[1]
    every = positive.all()
    for rows in (positive, ~positive):
        if not rows.any():
            continue
        own = slice(None) if every else rows
        mean, phi, p = (x if len(x) == 1 else x[own] for x in (log_mean, log_phi, power))
        with np.errstate(over="ignore", invalid="ignore"):
            if positive[rows][0]:
                found = _of_positive(log_y[own], mean, phi, p, order)
            else:
                found = _of_zero(mean, phi, p, order)
        for out, part in zip(whole, found, strict=True):
            out[:, own] = part
    return whole


def _of_zero(log_mean: Floats, log_phi: Floats, power: Floats, order: int) -> list[Floats]:
    return _divided(deviance_of_zero(log_mean, power, order), log_phi)


def _of_positive(
    log_y: Floats, log_mean: Floats, log_phi: Floats, power: Floats, order: int
) -> list[Floats]:
    found = _divided(deviance_of_positive(log_y, log_mean, power, order), log_phi)
    series = log_series(log_y, log_phi, power, order)
    found[0] += series[0] - log_y
    for m, part in enumerate(series[1:], start=1):
        rows = packed_rows(3, m)
        for (*key,), row in packed_rows(2, m).items():
            found[m][rows[tuple(k + 1 for k in key)]] += part[row]
    return found


def _divided(deviance: Sequence[Floats], log_phi: Floats) -> list[Floats]:
    """Return minus half deviances over the dispersion, with derivatives in its logarithm."""
    sharp = -np.exp(-log_phi)
    whole = [sharp * each for each in deviance]
    parts = [whole[0][None, :]]
    if len(whole) > 1:
        value, m, p = whole[:3]
        parts.append(np.stack([m, -value, p]))
    if len(whole) > 3:
        mm, mp, pp = whole[3:6]
        parts.append(np.stack([mm, -m, mp, value, -p, pp]))
    if len(whole) > 6:
        mmm, mmp, mpp, ppp = whole[6:]
        parts.append(np.stack([mmm, -mm, mmp, m, -mp, mpp, -value, p, -pp, ppp]))
    return parts


def _scores(log_y: Floats, log_phi: Floats, power: Floats) -> tuple[Floats, Floats]:
    """Return log densities of the logarithms of responses, and scores, at a mean of one."""
    zero = np.isnan(log_y)
    found = _whole(np.stack([~zero, np.where(zero, 0.0, log_y)]), np.zeros(1), log_phi, power, 1)
    value = found[0][0] + np.where(zero, 0.0, log_y)
    lost = ~np.isfinite(value)
    value[lost] = -np.inf
    return value, np.where(lost, 0.0, found[1][1:])
