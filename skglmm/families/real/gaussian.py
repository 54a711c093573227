"""The normal family: real numbers with a mean and a standard deviation."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi
from typing import final

import numpy as np
from scipy.special import ndtr, ndtri

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.calculus.chain_rule import through_links
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Identity, Link, Log
from skglmm.response import Support

__all__ = ["Gaussian"]

_HALF_LOG_TWO_PI = 0.5 * log(2.0 * pi)
# Data that the mean reproduces send sigma to 0, while rounding changes the score of a row in the
# mean by eps / sigma^2 in units of their width: beside it the variances between groups keep three
# digits of their standard errors here, and none at 1e-8.
LOG_SCALE_FLOOR = log(1e-6)
_LEAST_SPREAD = 1e-6  # of the start, beside the largest response: that of a constant is 0


@final
@dataclass(frozen=True)
class Gaussian(Family):
    r"""Normal distribution with a mean and a standard deviation.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Gaussian
    >>> y, eta = np.array([0.0, 2.0]), (np.zeros(1), np.zeros(1))  # the standard normal
    >>> Gaussian().log_density(Gaussian().prepare(y), eta, order=1).grad
    array([[ 0.,  2.],
           [-1.,  3.]])
    """

    parameters = (
        Parameter("mean", Role.LOCATION, (Identity(), Log()), equivariant=True),
        Parameter("scale", Role.DISPERSION, (Log(),), equivariant=True, floor=LOG_SCALE_FLOOR),
    )
    support = Support(-np.inf, np.inf)
    variance_formula = "scale ** 2"
    wider = "Student's t (StudentTGLMMRegressor), whose tails are heavier"

    links: tuple[Link, ...] = (Identity(), Log())

    @property
    def is_normal(self) -> bool:
        return [link.name for link in self.links] == ["identity", "log"]

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def prepare(self, y: Floats) -> Floats:
        return y[None, :]

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        """Return the log density; derivatives are taken in the mean and in log sigma first."""
        mean, scale = self.jets(eta, order)
        y, mu, log_scale, _ = np.broadcast_arrays(prepared[0], mean.value, eta[1], scale.value)
        low, high = self.links[1].reach
        log_scale = np.clip(np.where(np.isnan(log_scale), 0.0, log_scale), low, high)
        sharp = np.exp(-log_scale)  # at most e^30
        z = (y - mu) * sharp
        square = z * z
        parts = [-0.5 * square - log_scale - _HALF_LOG_TWO_PI]
        if order >= 1:
            parts.append(np.stack([z * sharp, square - 1.0]))
        if order >= 2:
            parts.append(np.stack([-sharp * sharp, -2.0 * z * sharp, -2.0 * square]))
        if order >= 3:
            twice = sharp * sharp
            rows = [np.zeros_like(z), 2.0 * twice, 4.0 * z * sharp, 4.0 * square]
            parts.append(np.stack(rows))
        one = np.ones(1)
        straight = (one, 0.0 * one, 0.0 * one)[:order]
        return through_links(LogDensity(*parts), [mean, scale._replace(slopes=straight)])

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        mean, scale = self.jets(eta, 1)
        sharp = mean.slopes[0] / scale.value
        zero = np.zeros(1)
        return np.stack(np.broadcast_arrays(sharp * sharp, zero, zero + 2.0))

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, scale = self._moments(eta)
        return np.array(np.broadcast_arrays(mean, scale)[0])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, scale = self._moments(eta)
        return np.array(np.broadcast_arrays(mean, scale * scale)[1])

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean, scale = self._moments(eta)
        return np.asarray(ndtr((y - mean) / scale))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        mean, scale = self._moments(eta)
        return np.asarray(mean + scale * ndtri(p))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        mean = float(np.average(y, weights=weights))
        squares = y - mean
        squares *= squares
        spread = np.sqrt(np.average(squares, weights=weights))
        largest = max(float(y.max()), -float(y.min()))
        floor = max(_LEAST_SPREAD * largest, np.finfo(np.float64).tiny)
        center, size = self.links
        if center.name == "log":
            mean = max(mean, floor)  # of responses of which few are positive
        starts = [center.link(np.array(mean)), size.link(np.maximum(spread, floor))]
        triples = zip(self.links, self.parameters, starts, strict=True)
        return np.array([max(np.clip(x, *link.reach), each.floor) for link, each, x in triples])

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        mean, scale = np.broadcast_arrays(*self._moments(eta))
        return np.asarray(rng.normal(mean, scale))

    def _moments(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        mean, scale = self.jets(eta)
        return mean.value, scale.value
