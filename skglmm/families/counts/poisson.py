"""The Poisson family: counts with a mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log, pi
from typing import final

import numpy as np
from scipy.special import gammaln, pdtr, pdtrc

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import ZERO_OR_MORE
from skglmm.families.defaults.whole_quantile import whole_quantile
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Link, LogMean, Positive, Sqrt
from skglmm.response import Support
from skglmm.special import SERIES_FROM, exp_excess, log_gamma_remainder

__all__ = ["Poisson"]

_HALF_LOG_TWO_PI = 0.5 * log(2.0 * pi)
_HALF_A_COUNT = 0.5  # the mean of a start where no count is positive, over all rows


@final
@dataclass(frozen=True)
class Poisson(Family):
    r"""Poisson distribution with a mean, which is the variance, too.

    The probability of a count is :math:`\mu^y e^{-\mu} / y!`.

    Parameters
    ----------
    links : tuple of one link
        Of the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Poisson
    >>> y, eta = np.array([0.0, 3.0]), (np.log([2.0]),)
    >>> np.exp(Poisson().log_density(Poisson().prepare(y), eta).value).round(4)
    array([0.1353, 0.1804])
    """

    parameters = (Parameter("mean", Role.LOCATION, (LogMean(), Positive(), Sqrt())),)
    support = Support(0.0, inf, "counts")
    parts = ZERO_OR_MORE
    variance_formula = "mean"
    wider = "the negative binomial (NegativeBinomialGLMMRegressor)"
    narrower = (
        "the generalized Poisson (GeneralizedPoissonGLMMRegressor) or the Conway-Maxwell-Poisson "
        "(ConwayMaxwellPoissonGLMMRegressor)"
    )

    links: tuple[Link, ...] = (LogMean(),)

    def prepare(self, y: Floats) -> Floats:
        """Return counts, their logarithms, and log probabilities at means that equal them."""
        positive = np.where(y > 0.0, y, 1.0)
        logs = np.log(positive)
        best = positive * logs - positive - gammaln(positive + 1.0)
        large = y >= SERIES_FROM
        if large.any():
            (rest,) = log_gamma_remainder(y[large], 0)
            best[large] = -_HALF_LOG_TWO_PI - 0.5 * logs[large] - rest
        return np.stack([y, logs, np.where(y > 0.0, best, 0.0)])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        r"""Return the log probabilities.

        With :math:`t = \log(\mu / y)` it is that at :math:`\mu = y` less
        :math:`y (e^t - 1 - t)`, which keeps the digits of large counts.
        """
        near, outside = within_reach(self.links, eta)
        y, log_y, best = prepared
        logs = self.links[0].log_inverse(near[0], order)
        jet = self.links[0].inverse(near[0], order)
        t = logs[0] - log_y
        value = best - y * exp_excess(t)
        value -= (y == 0.0) * jet.value
        slopes = zip(logs[1:], jet.slopes, strict=True)
        found = LogDensity(value, *((y * each - slope)[None, :] for each, slope in slopes))
        if outside is not None:
            leave(found, outside)
        return found

    @property
    def is_canonical(self) -> bool:
        return isinstance(self.links[0], LogMean)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        (slope,) = self.links[0].inverse(near[0], 1).slopes
        return np.asarray(slope * self.links[0].log_inverse(near[0], 1)[1])[None, :]

    def mean(self, eta: Sequence[Floats]) -> Floats:
        return self.jets(eta)[0].value

    def variance(self, eta: Sequence[Floats]) -> Floats:
        return self.mean(eta)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean = self.mean(eta)
        return np.where(y < 0.0, 0.0, pdtr(np.floor(np.maximum(y, 0.0)), mean))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean = self.mean(eta)
        return np.where(y < 0.0, 1.0, pdtrc(np.floor(np.maximum(y, 0.0)), mean))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return whole_quantile(self, p, eta)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        total = float(len(y)) if weights is None else float(np.sum(weights))
        mean = float(np.average(y, weights=weights))
        mean = max(mean, _HALF_A_COUNT / max(total, 1.0))
        return np.clip(self.links[0].link(np.array([mean])), *self.links[0].reach)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        return rng.poisson(self.mean(eta)).astype(np.float64)
