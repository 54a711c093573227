"""The lognormal family: positive numbers whose logarithms are normal."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np
from scipy.special import ndtr, ndtri

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.reach import within_reach
from skglmm.families.parameter import Parameter, Role
from skglmm.families.positive.moments import within_support
from skglmm.families.real.gaussian import LOG_SCALE_FLOOR, Gaussian
from skglmm.links import Link, Log, LogMedian
from skglmm.response import Support

__all__ = ["Lognormal"]

_OF_LOGS = Gaussian()

LARGEST = 700.0  # logarithm of a moment: beyond are no numbers


@final
@dataclass(frozen=True)
class Lognormal(Family):
    r"""Lognormal distribution: that of numbers whose logarithm is normal.

    With the mean :math:`\nu` and the standard deviation :math:`\sigma` of the logarithms, the
    median is :math:`e^\nu`, the mean :math:`e^{\nu + \sigma^2 / 2}` and the variance
    :math:`(e^{\sigma^2} - 1)` times its square [1]_.

    Parameters
    ----------
    links : tuple of two links
        Of the median, whose logarithm is the mean of the logarithms, and of their standard
        deviation.

    References
    ----------
    .. [1] Johnson, N. L., Kotz, S. & Balakrishnan, N. (1994). Continuous Univariate Distributions,
       vol. 1, 2nd ed., chapter 14. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Lognormal
    >>> family, eta = Lognormal(), (np.log([2.0]), np.log([0.5]))
    >>> family.quantile(np.array([0.5]), eta), family.mean(eta).round(4)
    (array([2.]), array([2.2663]))
    """

    parameters = (
        Parameter("median", Role.LOCATION, (LogMedian(),), equivariant=True),
        Parameter("scale", Role.DISPERSION, (Log(),), floor=LOG_SCALE_FLOOR),
    )
    support = Support(0.0, inf)

    links: tuple[Link, ...] = (LogMedian(), Log())

    @property
    def is_normal(self) -> bool:
        return True

    def prepare(self, y: Floats) -> Floats:
        """Return the logarithms, and how much less than theirs the log densities are."""
        logs = np.log(y)
        return np.stack([logs, logs])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        found = _OF_LOGS.log_density(prepared[:1], near, order)
        found.value[:] -= prepared[1]
        if outside is not None:
            leave(found, outside)
        return found

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        return _OF_LOGS.expected_information(near)

    def mean(self, eta: Sequence[Floats]) -> Floats:
        """Return the means of the response, (n,); those beyond all numbers are 1e304."""
        log_mean, _ = self._log_moments(eta)
        return np.exp(np.minimum(log_mean, LARGEST))

    def variance(self, eta: Sequence[Floats]) -> Floats:
        """Return the variances of the response, (n,); those beyond all numbers are 1e304."""
        log_mean, square = self._log_moments(eta)
        with np.errstate(divide="ignore"):  # of a square of 0 to rounding
            grown = square + np.log(-np.expm1(-square))  # the logarithm of e**square - 1
        return np.exp(np.minimum(2.0 * log_mean + grown, LARGEST))

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return np.asarray(ndtr(self._standardized(y, eta)))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return np.asarray(ndtr(-self._standardized(y, eta)))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        with np.errstate(over="ignore"):  # there are quantiles beyond all numbers
            return np.exp(near[0] + np.exp(near[1]) * ndtri(p))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        return _OF_LOGS.start(np.log(y), weights)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        near, _ = within_reach(self.links, eta)
        with np.errstate(over="ignore"):
            return within_support(np.exp(_OF_LOGS.sample(near, rng)))

    def _standardized(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        with np.errstate(divide="ignore"):
            logs = np.log(np.maximum(y, 0.0))
        return np.asarray((logs - near[0]) * np.exp(-near[1]))

    def _log_moments(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Logarithms of the means, and squared standard deviations of the logarithms."""
        (location, log_scale), _ = within_reach(self.links, eta)
        square = np.exp(2.0 * log_scale)
        return np.asarray(location + 0.5 * square), square
