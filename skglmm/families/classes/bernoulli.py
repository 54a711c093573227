"""The Bernoulli family: two classes with the probability of the second."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Cauchit, EventCLogLog, EventLogLog, EventProbit, Link, LogOdds
from skglmm.response import Support

__all__ = ["Bernoulli"]

_HALF_A_ROW = 0.5  # is added to both classes, so that none begins afar


@final
@dataclass(frozen=True)
class Bernoulli(Family):
    r"""Bernoulli distribution: 1 with a probability, its mean, and 0 otherwise.

    Parameters
    ----------
    links : tuple of one link
        Of the probability of 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Bernoulli
    >>> y, eta = np.array([0.0, 1.0]), (np.log([3.0]),)
    >>> np.exp(Bernoulli().log_density(Bernoulli().prepare(y), eta).value)
    array([0.25, 0.75])
    """

    parameters = (
        Parameter(
            "mean",
            Role.LOCATION,
            (LogOdds(), EventProbit(), EventCLogLog(), EventLogLog(), Cauchit()),
        ),
    )
    support = Support(0.0, 1.0, "counts")
    parts = ("0", "1")
    variance_formula = "mean * (1 - mean)"

    links: tuple[Link, ...] = (LogOdds(),)

    def prepare(self, y: Floats) -> Floats:
        """Return 1 for events, and -1 for none."""
        return np.where(y > 0.5, 1.0, -1.0)[None, :]

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        value, *slopes = self.links[0].log_outcome(prepared[0], near[0], order)
        found = LogDensity(value, *(each[None, :] for each in slopes))
        if outside is not None:
            leave(found, outside)
        return found

    @property
    def is_canonical(self) -> bool:
        return isinstance(self.links[0], LogOdds)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        if self.is_canonical:
            return -self.links[0].log_outcome(np.ones(len(near[0])), near[0], 2)[2][None, :]
        (slope,) = self.links[0].inverse(near[0], 1).slopes
        up = self.links[0].log_inverse(near[0], 1)[1]
        down = self.links[0].log_complement(near[0], 1)[1]
        return np.asarray(slope * (up - down))[None, :]

    def latent_variance(self, eta: Sequence[Floats]) -> Floats:
        shape = np.broadcast_shapes(*(row.shape for row in eta))
        return np.full(shape, self.links[0].latent_variance)

    def mean(self, eta: Sequence[Floats]) -> Floats:
        return self.jets(eta)[0].value

    def variance(self, eta: Sequence[Floats]) -> Floats:
        (mean,) = self.jets(eta)
        return mean.value * mean.complement

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of both classes, each with all of its digits."""
        (mean,) = self.jets(eta)
        return np.stack([mean.complement, mean.value])

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        (mean,) = self.jets(eta)
        return np.where(y < 0.0, 0.0, np.where(y < 1.0, mean.complement, 1.0))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        (mean,) = self.jets(eta)
        return np.where(p <= mean.complement, 0.0, 1.0)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        weights = np.ones(len(y)) if weights is None else weights
        share = (weights @ y + _HALF_A_ROW) / (weights.sum() + 2.0 * _HALF_A_ROW)
        return self.links[0].link(np.array([share]))

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        mean = self.mean(eta)
        return (rng.random(len(mean)) < mean).astype(np.float64)
