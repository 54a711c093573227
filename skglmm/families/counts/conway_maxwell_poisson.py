"""The Conway-Maxwell-Poisson family by its mean: counts of any dispersion."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np
from scipy.optimize import brentq

from skglmm.arrays import Floats, Ints
from skglmm.families.base import Family
from skglmm.families.calculus.chain_rule import leave, through_links
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import ZERO_OR_MORE
from skglmm.families.counts.poisson import Poisson
from skglmm.families.counts.tails import LogMass, TailSum, lower_sum, tail_quantile, upper_sum
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Jet, Link, LogConwayDispersion, LogMean
from skglmm.response import Support
from skglmm.special import FactorialBase, conway_maxwell_terms, factorial_excess, stirling_rest

__all__ = ["ConwayMaxwellPoisson"]

FLOOR = -5.0  # of the log dispersion: of nu = 148, whose counts are next to their mean
FIXED = (
    "the counts vary as little as whole numbers of such means can; a model of whether they are "
    "above a number, such as BinomialGLMMRegressor, may say more"
)
EARLIEST, LATEST = -4.0, 3.0  # log dispersions to start from


DISPERSION = Parameter(
    "dispersion",
    Role.DISPERSION,
    (LogConwayDispersion(),),
    floor=FLOOR,
    at_limit=FIXED,
    at_other_end=(
        "the counts vary as much as those of a geometric distribution, or more; "
        "try NegativeBinomialGLMMRegressor"
    ),
)


@final
@dataclass(frozen=True)
class ConwayMaxwellPoisson(Family):
    r"""Conway-Maxwell-Poisson distribution with a mean and a dispersion [1]_.

    The probability of a count is proportional to :math:`\lambda^y / (y!)^\nu`, with the dispersion
    :math:`\phi = 1 / \nu` and with the :math:`\lambda` that makes :math:`\mu` the mean. The
    variance is about :math:`\mu \phi` where the mean is large. A dispersion of 1 is the Poisson, an
    infinite one the geometric, and one of 0 has no other counts than those next to the mean.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the dispersion, of at least 1/403.

    References
    ----------
    .. [1] Huang, A. (2017). Mean-parametrized Conway-Maxwell-Poisson regression models for
       dispersed counts. Statistical Modelling, 17(6), 359-380.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import ConwayMaxwellPoisson
    >>> family, eta = ConwayMaxwellPoisson(), (np.log([2.0]), np.log([0.5]))
    >>> family.mean(eta), family.variance(eta).round(3)
    (array([2.]), array([1.148]))
    >>> y = np.arange(5.0)
    >>> np.exp(family.log_density(family.prepare(y), eta).value).round(4)
    array([0.0553, 0.2848, 0.3666, 0.2097, 0.0675])
    """

    parameters = (Poisson.parameters[0], DISPERSION)
    support = Support(0.0, inf, "counts")
    parts = ZERO_OR_MORE
    title = "Conway-Maxwell-Poisson"

    links: tuple[Link, ...] = (LogMean(), LogConwayDispersion())

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def prepare(self, y: Floats) -> Floats:
        """Return counts, and what Stirling's formula leaves of their log factorials."""
        return np.stack([y, stirling_rest(y)])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        y, remainder = prepared
        logs = self.links[0].log_inverse(near[0], order)
        mean = self.links[0].inverse(near[0]).value
        base, terms = conway_maxwell_terms(mean, near[1], order)
        bent = np.exp(-near[1]) * factorial_excess(y, remainder, base)
        found = LogDensity(*_derivatives(y, y - mean, bent, terms, order))
        if order and not isinstance(self.links[0], LogMean):
            one, zero = np.ones(1), np.zeros(1)
            slopes = tuple(logs[1:]), (one, zero, zero)[:order]
            found = through_links(found, [Jet(mean, mean, each) for each in slopes])
        if outside is not None:
            leave(found, outside)
        return found

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        mean = self.links[0].inverse(near[0]).value
        slope = self.links[0].log_inverse(near[0], 1)[1]
        _, terms = conway_maxwell_terms(mean, near[1], 2)
        return np.stack([mean * terms[4] * slope**2, np.zeros_like(mean), terms[6]])

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, _ = np.broadcast_arrays(*(jet.value for jet in self.jets(eta)))
        return np.array(mean)

    def variance(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        mean = self.links[0].inverse(near[0]).value
        return np.asarray(mean / conway_maxwell_terms(mean, near[1], 1)[1][4])

    def _log_mass(self, near: Sequence[Floats]) -> LogMass:
        """Log probabilities of numbers, (m, J), in rows, (m,)."""
        mean, nu = self.links[0].inverse(near[0]).value, np.exp(-near[1])
        base, (tilt, level) = conway_maxwell_terms(mean, near[1], 0)

        def log_mass(y: Floats, rows: Ints) -> Floats:
            remainder = stirling_rest(y)
            here = FactorialBase(*(each[rows, None] for each in base))
            line = (y - mean[rows, None]) * tilt[rows, None] + level[rows, None]
            return np.asarray(line - nu[rows, None] * factorial_excess(y, remainder, here))

        return log_mass

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._tail(lower_sum, y, eta, outside=0.0)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._tail(upper_sum, y, eta, outside=1.0)

    def _tail(self, tail: TailSum, y: Floats, eta: Sequence[Floats], *, outside: float) -> Floats:
        near, _ = within_reach(self.links, eta)
        y, *near = np.broadcast_arrays(np.floor(y), *near)
        found = np.where(y < 0.0, outside, 1.0 - outside)
        rows = np.flatnonzero((y >= 0.0) & (y < inf))
        some = [row[rows] for row in near]
        mean, sd = self.mean(some), np.sqrt(self.variance(some))
        found[rows] = tail(self._log_mass(some), y[rows], mean, sd)
        return found

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        p, *near = np.broadcast_arrays(p, *near)
        mean, sd = self.mean(near), np.sqrt(self.variance(near))
        return tail_quantile(self._log_mass(near), p, mean, sd, np.full(len(p), inf))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return the mean of the counts, and the dispersion that has their variance."""
        start = Poisson(links=self.links[:1]).start(y, weights)
        mean = float(self.links[0].inverse(start).value[0])
        variance = float(np.average((y - mean) ** 2, weights=weights))

        def excess_variance(dispersion: float) -> float:
            return float(self.variance((start, np.array([dispersion])))[0]) - variance

        if not excess_variance(EARLIEST) < 0.0:
            return np.append(start, EARLIEST)
        if not excess_variance(LATEST) > 0.0:
            return np.append(start, LATEST)
        return np.append(start, brentq(excess_variance, EARLIEST, LATEST, xtol=1e-12))

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        return self.quantile(rng.random(len(np.broadcast_arrays(*eta)[0])), eta)


def _derivatives(y: Floats, away: Floats, bent: Floats, terms: Floats, order: int) -> list[Floats]:
    """Log probabilities and their derivatives in the log mean and the log dispersion, packed.

    Of counts, their distances to the mean, and their excess times nu; see `solve_terms`.
    """
    parts = [away * terms[0] + terms[1] - bent]
    if order >= 1:
        tilt, level, bend = terms[2:5]
        parts.append(np.stack([away * bend, away * tilt + level + bent]))
    if order >= 2:
        tilt, scatter, more, cross = terms[5:9]
        second = away * tilt - (terms[3] + scatter) - bent
        parts.append(np.stack([away * more - y * bend, away * cross, second]))
    if order >= 3:
        tilt, level, most, once, twice = terms[9:]
        rows = (
            away * most - y * (2.0 * more - bend),
            away * once - y * cross,
            away * twice,
            away * tilt + level + bent,
        )
        parts.append(np.stack(rows))
    return parts
