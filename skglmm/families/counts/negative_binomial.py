"""The negative binomial family: counts that vary more than Poisson ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, final

import numpy as np
from scipy.special import betainc, betaincc

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.calculus.chain_rule import leave, through_links
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import ZERO_OR_MORE
from skglmm.families.counts.gamma_mixture import mixed
from skglmm.families.counts.poisson import Poisson
from skglmm.families.counts.shape_information import shape_information
from skglmm.families.defaults.whole_quantile import whole_quantile
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Jet, Link, Log, LogMean
from skglmm.response import Support

__all__ = ["NegativeBinomial"]

# Counts that vary no more than Poisson ones send the dispersion to 0, where the log probability
# differs from theirs by about alpha y**2 / 2.
LOG_DISPERSION_FLOOR = -25.0
DISPERSION = Parameter(
    "dispersion",
    Role.DISPERSION,
    (Log(),),
    floor=LOG_DISPERSION_FLOOR,
    at_limit=(
        "the counts vary no more than those of a Poisson distribution, which has the same "
        "likelihood without it"
    ),
    untold=(
        "the counts vary no more than those of a Poisson distribution, or are too small to tell"
    ),
    at_other_end=(
        "positive counts vary as much as those of a logarithmic series, the limit of negative "
        "binomials with ever more zeros"
    ),
)
LEAST, MOST = 0.01, 100.0  # excess of the variance over the mean, and dispersion, to start from
_SAME = (np.ones(1), np.zeros(1), np.zeros(1))  # slopes of a number in itself
SMOOTH = 1e18  # a mean above which NumPy draws no Poisson counts, which are within 1e-9 of it


@final
@dataclass(frozen=True)
class NegativeBinomial(Family):
    r"""Negative binomial distribution: counts whose Poisson mean varies as a gamma distribution.

    With the mean :math:`\mu` and the dispersion :math:`\alpha` the variance is
    :math:`\mu (1 + \alpha \mu)`, quadratic in the mean, or :math:`\mu (1 + \alpha)`, linear in it
    [1]_. At a dispersion of 0 counts are those of a Poisson distribution.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the dispersion.
    growth : {"quadratic", "linear"}, default="quadratic"
        How the variance grows with the mean.

    References
    ----------
    .. [1] Cameron, A. C. & Trivedi, P. K. (2013). Regression Analysis of Count Data, 2nd ed.,
       section 3.3. Cambridge University Press.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import NegativeBinomial
    >>> family, eta = NegativeBinomial(), (np.log([2.0]), np.log([1.0]))
    >>> y = np.arange(4.0)  # a dispersion of 1 makes them geometric, here with the ratio 2/3
    >>> np.exp(family.log_density(family.prepare(y), eta).value).round(4)
    array([0.3333, 0.2222, 0.1481, 0.0988])
    >>> family.variance(eta), NegativeBinomial(growth="linear").variance(eta)
    (array([6.]), array([4.]))
    """

    parameters = (Poisson.parameters[0], DISPERSION)
    support = Support(0.0, inf, "counts")
    parts = ZERO_OR_MORE
    simpler = "the Poisson (PoissonGLMMRegressor)"

    links: tuple[Link, ...] = (LogMean(), Log())
    growth: Literal["quadratic", "linear"] = "quadratic"

    @property
    def variance_formula(self) -> str:
        return f"mean * (1 + dispersion{'' if self.is_linear else ' * mean'})"

    @property
    def title(self) -> str:
        return f"Negative binomial ({self.growth})"

    @property
    def is_linear(self) -> bool:
        """Whether the variance is linear in the mean: the shape is proportional to it, then."""
        return self.growth == "linear"

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def contains(self, other: Family) -> bool:
        return self == other or other == Poisson(links=self.links[:1])

    def ends_in(self, other: Family) -> tuple[str, ...]:
        return () if self == other else ("dispersion",)

    def prepare(self, y: Floats) -> Floats:
        return Poisson().prepare(y)

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        logs = self.links[0].log_inverse(near[0], order)
        found = mixed(prepared, logs[0], near[1], order, moves=self.is_linear)
        if order > 0 and not isinstance(self.links[0], LogMean):
            log_mean = Jet(logs[0], logs[0], logs[1:])  # as a parameter
            same = Jet(near[1], near[1], _SAME[:order])
            found = through_links(found, (log_mean, same))
        if outside is not None:
            leave(found, outside)
        return found

    def _shape(self, near: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return means, and shapes of the gamma distribution."""
        mean = self.links[0].inverse(near[0]).value
        return mean, mean * np.exp(-near[1]) if self.is_linear else np.exp(-near[1])

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        log_mean, *slopes = self.links[0].log_inverse(near[0], 1)
        log_shape = log_mean - near[1] if self.is_linear else -near[1]
        of_shape = shape_information(log_mean, log_shape)
        mean = np.exp(log_mean) / (1.0 + np.exp(log_mean - log_shape))
        if self.is_linear:  # the mean moves the shape, too
            found = [mean + of_shape, -of_shape, of_shape]
        else:
            found = [mean, np.zeros_like(mean), of_shape]
        return np.stack([found[0] * slopes[0] ** 2, found[1] * slopes[0], found[2]])

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, _ = np.broadcast_arrays(*(jet.value for jet in self.jets(eta)))
        return np.array(mean)

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, dispersion = (jet.value for jet in self.jets(eta))
        return np.asarray(mean * (1.0 + dispersion * (1.0 if self.is_linear else mean)))

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        mean, shape = self._shape(near)
        none = -shape * np.log1p(mean / shape)
        return np.stack([np.exp(none), 0.0 - np.expm1(none)])  # no negative zero

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return np.where(y < 0.0, 0.0, self._tail(y, eta, upper=False))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return np.where(y < 0.0, 1.0, self._tail(y, eta, upper=True))

    def _tail(self, y: Floats, eta: Sequence[Floats], *, upper: bool) -> Floats:
        """Return incomplete beta functions of shares below 1/2, which have all digits."""
        near, _ = within_reach(self.links, eta)
        mean, shape = self._shape(near)
        p, q = mean / (shape + mean), shape / (shape + mean)
        more = np.floor(np.maximum(y, 0.0)) + 1.0
        here, there = (betainc, betaincc) if upper else (betaincc, betainc)
        return np.where(p < 0.5, here(more, shape, p), there(shape, more, q))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return whole_quantile(self, p, eta)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        start = Poisson(links=self.links[:1]).start(y, weights)
        mean = float(self.links[0].inverse(start).value[0])
        excess = float(np.average((y - mean) ** 2, weights=weights)) / mean - 1.0
        size = 1.0 if self.is_linear else mean
        return np.append(start, np.log(min(max(excess, LEAST) / size, MOST)))

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        mean, shape = self._shape(near)
        rate = rng.standard_gamma(shape) * (mean / shape)
        draws = rng.poisson(np.minimum(rate, SMOOTH)).astype(np.float64)
        return np.where(rate > SMOOTH, np.round(rate), draws)
