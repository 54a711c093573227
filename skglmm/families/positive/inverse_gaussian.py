"""The inverse Gaussian family: positive numbers whose variance grows with the cube of the mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log, pi, sqrt
from typing import final

import numpy as np
from scipy.special import erfcx

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.defaults.positive_quantile import positive_quantile
from skglmm.families.parameter import Parameter, Role
from skglmm.families.positive.chain import stacked, through_log_mean
from skglmm.families.positive.moments import (
    LOG_DISPERSION_FLOOR,
    start_of_moments,
    within_support,
)
from skglmm.links import Link, Log, Positive, Reciprocal, ReciprocalSquared
from skglmm.response import Support

__all__ = ["InverseGaussian"]

_HALF_LOG_TWO_PI = 0.5 * log(2.0 * pi)
_GONE = 1e3  # a distance in the tail whose probability is 0 in doubles
_CLOSE = 0.5  # arguments whose difference is integrated, as that of the values loses digits
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@final
@dataclass(frozen=True)
class InverseGaussian(Family):
    r"""Inverse Gaussian distribution with a mean and a dispersion.

    The variance is :math:`\phi \mu^3`. The density is
    :math:`(2 \pi \phi y^3)^{-1/2} \exp(-(y - \mu)^2 / (2 \phi \mu^2 y))`: that of the time in
    which a particle with a drift first comes to a point [1]_.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the dispersion.

    References
    ----------
    .. [1] Chhikara, R. S. & Folks, J. L. (1989). The Inverse Gaussian Distribution: Theory,
       Methodology, and Applications. Marcel Dekker.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import InverseGaussian
    >>> family, eta = InverseGaussian(), (np.log([2.0]), np.log([0.5]))
    >>> family.variance(eta), family.cdf(np.array([2.0]), eta).round(4)
    (array([4.]), array([0.6681]))
    """

    parameters = (
        Parameter(
            "mean",
            Role.LOCATION,
            (Log(), Positive(), Reciprocal(), ReciprocalSquared()),
            equivariant=True,
        ),
        Parameter(
            "dispersion",
            Role.DISPERSION,
            (Log(),),
            floor=LOG_DISPERSION_FLOOR,
            equivariant=True,
            degree=-1.0,
        ),
    )
    title = "Inverse Gaussian"
    support = Support(0.0, inf)
    variance_formula = "dispersion * mean ** 3"

    links: tuple[Link, ...] = (Log(), Log())

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def prepare(self, y: Floats) -> Floats:
        return np.log(y)[None, :]

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        r"""Return the log density.

        With :math:`t = \log(y / \mu)` the exponent is :math:`-(e^t - 1)^2 / (2 \phi y)`.
        """
        near, outside = within_reach(self.links, eta)
        log_mean = self.links[0].log_inverse(near[0], order)
        log_y, log_phi = prepared[0], near[1]
        miss = np.expm1(log_y - log_mean[0])
        rate = np.exp(-log_y - log_phi)
        half = 0.5 * rate * miss * miss
        parts = [-_HALF_LOG_TWO_PI - 0.5 * log_phi - 1.5 * log_y - half]
        if order >= 1:
            ratio = miss + 1.0
            score = rate * ratio * miss
            parts.append(stacked(score, half - 0.5))
        if order >= 2:
            curvature = rate * ratio * (ratio + miss)
            parts.append(stacked(-curvature, -score, -half))
        if order >= 3:
            third = rate * ratio * (3.0 * ratio + miss)
            parts.append(stacked(third, curvature, score, half))
        return through_log_mean(LogDensity(*parts), log_mean[1:], outside)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        log_mean, slope = self.links[0].log_inverse(near[0], 1)
        one = np.ones(1)
        return stacked(np.exp(-log_mean - near[1]) * slope * slope, 0.0 * one, 0.5 * one)

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, dispersion = self._moments(eta)
        return np.array(np.broadcast_arrays(mean, dispersion)[0])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, dispersion = self._moments(eta)
        return np.asarray(dispersion * mean**3)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        lower, upper = self._tails(y, eta)
        return np.where(np.isnan(lower), 1.0 - upper, lower)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        lower, upper = self._tails(y, eta)
        return np.where(np.isnan(upper), 1.0 - lower, upper)

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return positive_quantile(self, p, eta)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        return start_of_moments(self, y, weights, 3)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        r"""Return draws: the roots of an equation of a :math:`\chi^2` draw, one or the other [1]_.

        References
        ----------
        .. [1] Michael, J. R., Schucany, W. R. & Haas, R. W. (1976). Generating random variates
           using transformations with multiple roots. The American Statistician, 30(2), 88-90.
        """
        mean, dispersion = np.broadcast_arrays(*self._moments(eta))
        half = 0.5 * mean * dispersion * rng.standard_normal(len(mean)) ** 2
        root = 1.0 + half + np.sqrt(half * (2.0 + half))  # its product with the other one is 1
        ratio = np.where(rng.random(len(mean)) * (1.0 + root) <= root, 1.0 / root, root)
        return within_support(mean * ratio)

    def _moments(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        mean, dispersion = self.jets(eta)
        return mean.value, dispersion.value

    def _tails(self, y: Floats, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        r"""Return the cdf up to the mean and the survival function above it, and NaN elsewhere.

        With :math:`a, b = (y / \mu \mp 1) / \sqrt{\phi y}` they are
        :math:`\tfrac12 e^{-a^2 / 2}` times the sum or the difference of the scaled complementary
        error function at :math:`|a| / \sqrt 2` and :math:`b / \sqrt 2`.
        """
        mean, dispersion = self._moments(eta)
        y = np.maximum(y, np.finfo(np.float64).tiny)
        root = np.sqrt(0.5 / dispersion) / np.sqrt(y)  # of a quotient that may be infinite
        low = root * (y - mean) / mean
        far, gap = np.abs(low), 2.0 * root
        shared = 0.5 * np.exp(-np.square(np.minimum(far, _GONE)))
        below = shared * (erfcx(far) + erfcx(low + gap))
        above = shared * _fall(far, gap)
        return np.where(low < 0.0, below, np.nan), np.where(low < 0.0, np.nan, above)


def _fall(x: Floats, gap: Floats) -> Floats:
    """By how much the scaled complementary error function falls from x >= 0 to x + gap."""
    x, gap = np.broadcast_arrays(x, gap)
    result = np.asarray(erfcx(x) - erfcx(x + gap))
    close = np.flatnonzero(gap < _CLOSE)
    if close.size:
        half = 0.5 * gap[close]
        at = x[close] + half * (1.0 + _NODES[:, None])
        slopes = 2.0 / sqrt(pi) - 2.0 * at * erfcx(at)
        result[close] = half * (_WEIGHTS @ slopes)
    return result
