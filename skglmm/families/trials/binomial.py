"""The binomial family: successes in a known number of trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np
from scipy.special import betainc

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.calculus.add import flat
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import ZERO_OR_MORE
from skglmm.families.defaults.whole_quantile import whole_quantile
from skglmm.families.trials.successes import (
    MEAN,
    TRIALS,
    log_successes,
    prepared_successes,
    share_of_successes,
)
from skglmm.links import Identity, Link, LogOdds
from skglmm.response import Support

__all__ = ["Binomial"]


@final
@dataclass(frozen=True)
class Binomial(Family):
    r"""Binomial distribution: successes in n trials, each with a probability.

    Of the linear predictors the first is that of the probability :math:`\mu`, the second the number
    of trials itself, which is known of each row. The mean is :math:`n \mu`.

    Parameters
    ----------
    links : tuple of two links
        Of the probability of success, and the identity.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Binomial
    >>> family, eta = Binomial(), (np.log([3.0]), np.array([4.0]))  # 4 trials, each with 3/4
    >>> family.predictors, family.estimated, family.mean(eta)
    (('mean', 'trials'), (0,), array([3.]))
    >>> y = np.array([3.0])
    >>> np.exp(family.log_density(family.prepare(y), eta).value).round(4)  # 4 (3/4)^3 1/4
    array([0.4219])
    """

    parameters = (MEAN, TRIALS)
    support = Support(0.0, inf, "counts")
    parts = ZERO_OR_MORE
    variance_formula = "trials * mean * (1 - mean)"
    wider = "the beta-binomial (BetaBinomialGLMMRegressor)"

    links: tuple[Link, ...] = (LogOdds(), Identity())

    def prepare(self, y: Floats) -> Floats:
        return prepared_successes(y)

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        y = prepared[0]
        trials = np.maximum(near[1], y)
        up, down = (
            of(near[0], order) for of in (self.links[0].log_inverse, self.links[0].log_complement)
        )
        value = log_successes(prepared, trials, up[0], down[0])
        found = flat(value, len(self.links), order)
        derivatives = zip(found[1:], up[1:], down[1:], strict=False)
        for rows, of_success, of_failure in derivatives:
            assert rows is not None
            rows[0] = y * of_success + (trials - y) * of_failure
        if outside is not None:
            leave(found, outside)
        if np.any(y > near[1]):
            leave(found, y > near[1])
        return found

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        (slope,) = self.links[0].inverse(near[0], 1).slopes
        up = self.links[0].log_inverse(near[0], 1)[1]
        down = self.links[0].log_complement(near[0], 1)[1]
        found = np.zeros((3, len(slope)))
        found[0] = near[1] * slope * (up - down)
        return found

    def ends(self, eta: Sequence[Floats]) -> tuple[Floats | float, Floats | float]:
        return 0.0, eta[1]

    def mean_unit(self, eta: Sequence[Floats]) -> Floats | float:
        return eta[1]

    def latent_variance(self, eta: Sequence[Floats]) -> Floats:
        shape = np.broadcast_shapes(*(row.shape for row in eta))
        return np.full(shape, self.links[0].latent_variance)

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, trials = self.jets(eta)
        return np.asarray(trials.value * mean.value)

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, trials = self.jets(eta)
        return np.asarray(trials.value * mean.value * mean.complement)

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        none = near[1] * self.links[0].log_complement(near[0])[0]
        return np.stack([np.exp(none), 0.0 - np.expm1(none)])  # no negative zero

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean, trials = self.jets(eta)
        n, here = trials.value, np.clip(np.floor(y), 0.0, np.maximum(trials.value - 1.0, 0.0))
        below = betainc(n - here, here + 1.0, mean.complement)
        return np.where(y < 0.0, 0.0, np.where(y >= n, 1.0, below))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean, trials = self.jets(eta)
        n, here = trials.value, np.clip(np.floor(y), 0.0, np.maximum(trials.value - 1.0, 0.0))
        above = betainc(here + 1.0, n - here, mean.value)
        return np.where(y < 0.0, 1.0, np.where(y >= n, 0.0, above))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return whole_quantile(self, p, eta)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return constants as if each row had as many trials as the largest response."""
        return self.start_within(y, np.full(len(y), max(1.0, float(np.max(y)))), weights)

    def start_within(self, y: Floats, sizes: Floats, weights: Floats | None = None) -> Floats:
        weights = np.ones(len(y)) if weights is None else weights
        share = share_of_successes(y, sizes, weights)
        start = self.links[0].link(np.array([share]))
        return np.append(start, np.max(sizes))

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        mean, trials = self.jets(np.broadcast_arrays(*eta))
        return rng.binomial(trials.value.astype(np.int64), mean.value).astype(np.float64)
