"""The beta-binomial family: successes in trials whose probability varies from row to row."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.calculus.add import add_derivatives, flat
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import ZERO_OR_MORE
from skglmm.families.defaults.whole_quantile import whole_quantile
from skglmm.families.parameter import Parameter, Role
from skglmm.families.trials.binomial import Binomial
from skglmm.families.trials.successes import (
    MEAN,
    TRIALS,
    log_successes,
    prepared_successes,
    share_of_successes,
)
from skglmm.families.trials.sums import expected_products
from skglmm.families.trials.tails import lower_tail
from skglmm.links import Identity, Link, Log, LogOdds
from skglmm.response import Support
from skglmm.special import log_rising

__all__ = ["BetaBinomial"]

# Trials that vary no more than binomial ones send phi to infinity, where the log density differs
# from theirs by about n**2 / phi.
LOG_PRECISION_CAP = 20.0
BINOMIAL = (
    "the responses vary no more than those of a binomial, which has the same likelihood without it"
)
SINGLE = "single trials have no overdispersion"
PRECISION = Parameter(
    "precision", Role.DISPERSION, (Log(),), LOG_PRECISION_CAP, at_limit=BINOMIAL, untold=SINGLE
)
TINY = np.finfo(np.float64).tiny
LEAST, MOST = 1e-3, 0.9  # correlation of the trials of a row to start from


@final
@dataclass(frozen=True)
class BetaBinomial(Family):
    r"""Beta-binomial distribution: successes in n trials that share a beta distributed probability.

    With the shapes :math:`a = \mu\phi` and :math:`b = (1 - \mu)\phi` the probability of y successes
    is :math:`\binom ny B(y + a, n - y + b) / B(a, b)`, the mean :math:`n \mu` and the variance
    :math:`n \mu (1 - \mu) (1 + (n - 1) / (1 + \phi))` [1]_. Of the linear predictors the last is
    the number of trials itself, which is known of each row.

    Parameters
    ----------
    links : tuple of three links
        Of the mean probability of success, of the precision, and the identity.

    References
    ----------
    .. [1] Skellam, J. G. (1948). A probability distribution derived from the binomial distribution
       by regarding the probability of success as variable between the sets of trials. Journal of
       the Royal Statistical Society B, 10(2), 257-261.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import BetaBinomial
    >>> family, eta = BetaBinomial(), (np.zeros(1), np.log([2.0]), np.array([3.0]))
    >>> y = np.arange(4.0)  # of a uniform probability all numbers are as probable
    >>> np.exp(family.log_density(family.prepare(y), eta).value).round(12)
    array([0.25, 0.25, 0.25, 0.25])
    """

    parameters = (MEAN, PRECISION, TRIALS)
    support = Support(0.0, inf, "counts")
    parts = ZERO_OR_MORE
    variance_formula = "trials * mean * (1 - mean) * (1 + (trials - 1) / (1 + precision))"
    title = "Beta-binomial"
    simpler = "the binomial (BinomialGLMMRegressor)"

    links: tuple[Link, ...] = (LogOdds(), Log(), Identity())

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def contains(self, other: Family) -> bool:
        return self == other or other == Binomial(links=(self.links[0], self.links[2]))

    def ends_in(self, other: Family) -> tuple[str, ...]:
        return () if self == other else ("precision",)

    def prepare(self, y: Floats) -> Floats:
        return prepared_successes(y)

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        y = prepared[0]
        trials = np.maximum(near[2], y)
        up, down = (
            of(near[0], order) for of in (self.links[0].log_inverse, self.links[0].log_complement)
        )
        terms = _Rising.of(y, trials, (up[0], down[0], near[1]), order)
        value = log_successes(prepared, trials, up[0], down[0])
        found = flat(value + terms.beside(y, trials, (up[0], down[0], near[1])), 3, order)
        derivatives = (_first, _second, _third)[:order]
        parts = [np.stack(np.broadcast_arrays(*of(terms, up, down))) for of in derivatives]
        add_derivatives(found, LogDensity(value, *parts), (0, 1))
        if outside is not None:
            leave(found, outside)
        if np.any(y > near[2]):
            leave(found, y > near[2])
        return found

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        """Return the mean products of scores: exact sums, and of many trials nearly so."""
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        return expected_products(self, near)

    def ends(self, eta: Sequence[Floats]) -> tuple[Floats | float, Floats | float]:
        return 0.0, eta[2]

    def mean_unit(self, eta: Sequence[Floats]) -> Floats | float:
        return eta[2]

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, _, trials = np.broadcast_arrays(*(jet.value for jet in self.jets(eta)))
        return np.asarray(trials * mean)

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, precision, trials = self.jets(eta)
        extra = 1.0 + (trials.value - 1.0) / (1.0 + precision.value)
        return np.asarray(trials.value * mean.value * mean.complement * extra)

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        none, _ = self._log_ends(near)
        return np.stack([np.exp(none), 0.0 - np.expm1(none)])  # no negative zero

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._tail(np.floor(y), eta, upper=False)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._tail(np.floor(y), eta, upper=True)

    def _tail(self, y: Floats, eta: Sequence[Floats], *, upper: bool) -> Floats:
        near, _ = within_reach(self.links, eta)
        y, *near = np.broadcast_arrays(y, *near)
        result = np.where((y < 0.0) == upper, 1.0, 0.0)
        inside = np.flatnonzero((y >= 0.0) & (y < near[2]))
        some = [row[inside] for row in near]
        shapes, ends = self._shapes(some), self._log_ends(some)
        if upper:  # failures instead of successes
            here = some[2] - 1.0 - y[inside]
            result[inside] = lower_tail(here, some[2], shapes[::-1], ends[::-1])
        else:
            result[inside] = lower_tail(y[inside], some[2], shapes, ends)
        return result

    def _shapes(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        mean, precision, _ = self.jets(eta)
        return mean.value * precision.value, mean.complement * precision.value

    def _log_ends(self, near: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Log probabilities of no success, and of nothing but successes, (n,) each."""
        logs = [of(near[0])[0] for of in (self.links[0].log_inverse, self.links[0].log_complement)]
        none = np.zeros_like(near[2])
        ends = []
        for y, end in ((none, 1), (near[2], 0)):
            point = (logs[0], logs[1], near[1])
            terms = _Rising.of(y, near[2], point, 0)
            found = near[2] * logs[end] + terms.beside(y, near[2], point)
            ends.append(np.minimum(found, 0.0))  # but for rounding
        return ends[0], ends[1]

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return whole_quantile(self, p, eta)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return constants as if each row had as many trials as the largest response."""
        return self.start_within(y, np.full(len(y), max(1.0, float(np.max(y)))), weights)

    def start_within(self, y: Floats, sizes: Floats, weights: Floats | None = None) -> Floats:
        weights = np.ones(len(y)) if weights is None else weights
        share = share_of_successes(y, sizes, weights)
        excess = (y - sizes * share) ** 2 / (share * (1.0 - share)) - sizes
        pairs = float(weights @ (sizes * (sizes - 1.0)))
        correlation = np.clip(weights @ excess / pairs if pairs > 0.0 else 0.5, LEAST, MOST)
        start = self.links[0].link(np.array([share]))
        precision = np.log(1.0 / correlation - 1.0)
        return np.array([*start, precision, np.max(sizes)])

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        near = np.broadcast_arrays(*eta)
        a, b = (np.maximum(each, TINY) for each in self._shapes(near))
        trials = self.jets(near)[2].value.astype(np.int64)
        return rng.binomial(trials, rng.beta(a, b)).astype(np.float64)


class _Rising(NamedTuple):
    r"""What the log density has beside that of a binomial: three rising factorials.

    Of a, of b and of :math:`\phi`; each with its power, see `log_rising`, and with its derivatives
    in its logarithm.
    """

    powers: tuple[Floats, Floats, Floats]
    successes: tuple[Floats, ...]
    failures: tuple[Floats, ...]
    all: tuple[Floats, ...]

    @classmethod
    def of(
        cls, y: Floats, trials: Floats, logs: tuple[Floats, Floats, Floats], order: int
    ) -> "_Rising":
        """Return the terms of some successes; `logs` are those of mu, of 1 - mu and of phi."""
        up, down, precision = logs
        shapes = np.exp(up + precision), np.exp(down + precision), np.exp(precision)
        pairs = zip(shapes, (y, trials - y, trials), strict=True)
        powers, parts = zip(*(log_rising(x, m, order) for x, m in pairs), strict=True)
        return cls(powers, *parts)

    def beside(self, y: Floats, trials: Floats, logs: tuple[Floats, Floats, Floats]) -> Floats:
        """Return the difference to the log density of a binomial, (n,)."""
        up, down, precision = logs
        found = self.successes[0] + self.failures[0] - self.all[0] + self.rest * precision
        found += (self.powers[0] - y) * up + (self.powers[1] - (trials - y)) * down
        return np.asarray(found)

    @property
    def rest(self) -> Floats:
        """The power of the precision that is left."""
        a, b, whole = self.powers
        return np.asarray(a + b - whole)

    @property
    def steps(self) -> tuple[Floats, Floats]:
        """Derivatives in the logarithms of mu and of 1 - mu."""
        return self.powers[0] + self.successes[1], self.powers[1] + self.failures[1]


Logs = Sequence[Floats]  # logarithm of a probability with its derivatives in the predictor


def _first(terms: _Rising, up: Logs, down: Logs) -> tuple[Floats, ...]:
    """Derivatives in the predictor of the mean and in the log precision."""
    a, b = terms.steps
    phi = terms.rest + terms.successes[1] + terms.failures[1] - terms.all[1]
    return a * up[1] + b * down[1], phi


def _second(terms: _Rising, up: Logs, down: Logs) -> tuple[Floats, ...]:
    """Second derivatives, rows 00, 01, 11."""
    a, b = terms.steps
    bent_a, bent_b, bent = terms.successes[2], terms.failures[2], terms.all[2]
    once_a, once_b = bent_a * up[1], bent_b * down[1]
    mean = once_a * up[1] + a * up[2] + once_b * down[1] + b * down[2]
    return mean, once_a + once_b, bent_a + bent_b - bent


def _third(terms: _Rising, up: Logs, down: Logs) -> tuple[Floats, ...]:
    """Third derivatives, rows 000, 001, 011, 111."""
    found = [np.asarray(0.0)] * 3
    pairs = zip(terms.steps, (terms.successes, terms.failures), (up, down), strict=True)
    for step, (_, _, bent, third), (_, one, two, three) in pairs:
        once = third * one
        twice = once * one
        found[0] = found[0] + twice * one + 3.0 * bent * one * two + step * three
        found[1] = found[1] + twice + bent * two
        found[2] = found[2] + once
    return (*found, terms.successes[3] + terms.failures[3] - terms.all[3])
