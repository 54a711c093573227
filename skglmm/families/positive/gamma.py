"""The gamma family: positive numbers with a mean and a squared coefficient of variation."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np
from scipy.special import gammainc, gammaincc, gammaincinv

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.reach import within_reach
from skglmm.families.parameter import Parameter, Role
from skglmm.families.positive.chain import stacked, through_log_mean
from skglmm.families.positive.moments import (
    LOG_DISPERSION_FLOOR,
    start_of_moments,
    within_support,
)
from skglmm.links import Link, Log, Positive, Reciprocal, Sqrt
from skglmm.response import Support
from skglmm.special import exp_excess, log_gamma_norm

__all__ = ["Gamma"]


@final
@dataclass(frozen=True)
class Gamma(Family):
    r"""Gamma distribution with a mean and a dispersion.

    The variance is :math:`\phi \mu^2`: the coefficient of variation :math:`\sqrt\phi` is the same
    for all means. With the shape :math:`k = 1 / \phi` the density is
    :math:`(k y / \mu)^k e^{-k y / \mu} / (y\, \Gamma(k))` [1]_.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the dispersion.

    References
    ----------
    .. [1] McCullagh, P. & Nelder, J. A. (1989). Generalized Linear Models, 2nd ed., chapter 8.
       Chapman and Hall.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Gamma
    >>> y, eta = np.array([0.5, 3.0]), (np.log([2.0]), np.zeros(1))  # the exponential
    >>> np.exp(Gamma().log_density(Gamma().prepare(y), eta).value).round(4)
    array([0.3894, 0.1116])
    """

    parameters = (
        Parameter(
            "mean", Role.LOCATION, (Log(), Positive(), Reciprocal(), Sqrt()), equivariant=True
        ),
        Parameter("dispersion", Role.DISPERSION, (Log(),), floor=LOG_DISPERSION_FLOOR),
    )
    support = Support(0.0, inf)
    variance_formula = "dispersion * mean ** 2"

    links: tuple[Link, ...] = (Log(), Log())

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def prepare(self, y: Floats) -> Floats:
        return np.log(y)[None, :]

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        r"""Return the log density.

        With :math:`t = \log(y / \mu)` it is :math:`-\log y - k (e^t - 1 - t)` less what makes the
        density of mean one integrate to one, so that a large k costs no digits.
        """
        near, outside = within_reach(self.links, eta)
        log_mean = self.links[0].log_inverse(near[0], order)
        log_y, minus = prepared[0], -near[1]
        t, k = log_y - log_mean[0], np.exp(minus)
        norm = log_gamma_norm(minus, order)
        excess = k * exp_excess(t)
        parts = [-log_y - norm[0] - excess]
        if order >= 1:
            miss = k * np.expm1(t)
            parts.append(stacked(miss, norm[1] + excess))
        if order >= 2:
            ratio = miss + k
            parts.append(stacked(-ratio, -miss, -norm[2] - excess))
        if order >= 3:
            parts.append(stacked(ratio, ratio, miss, norm[3] + excess))
        return through_log_mean(LogDensity(*parts), log_mean[1:], outside)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        _, slope = self.links[0].log_inverse(near[0], 1)
        _, first, second = log_gamma_norm(-near[1], 2)
        return stacked(np.exp(-near[1]) * slope * slope, 0.0 * first, second - first)

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, dispersion = self.jets(eta)
        return np.array(np.broadcast_arrays(mean.value, dispersion.value)[0])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, dispersion = self.jets(eta)
        return np.asarray(dispersion.value * mean.value * mean.value)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean, shape = self._mean_and_shape(eta)
        return np.asarray(gammainc(shape, shape * (np.maximum(y, 0.0) / mean)))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean, shape = self._mean_and_shape(eta)
        return np.asarray(gammaincc(shape, shape * (np.maximum(y, 0.0) / mean)))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        mean, shape = self._mean_and_shape(eta)
        return np.asarray(mean * (gammaincinv(shape, p) / shape))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        return start_of_moments(self, y, weights, 2)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        mean, shape = np.broadcast_arrays(*self._mean_and_shape(eta))
        return within_support(mean * (rng.standard_gamma(shape) / shape))

    def _mean_and_shape(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        mean, dispersion = self.jets(eta)
        return mean.value, 1.0 / dispersion.value
