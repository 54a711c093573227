"""The beta family: proportions with a mean and a precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np
from scipy.special import betainc, betaincinv

from skglmm.arrays import Floats
from skglmm.families._base import Family, LogDensity, Support
from skglmm.families._chain_rule import through_links
from skglmm.families.links import Link, Log, Logit
from skglmm.special import log_gamma_family

__all__ = ["Beta"]

# Data on an exact curve send phi to infinity, while the rounding of the log density grows like
# eps * phi * log(phi), 1e-5 at exp(23): above it there is nothing to optimize.
LOG_PRECISION_CAP = 23.0


@final
@dataclass(frozen=True)
class Beta(Family):
    r"""Beta distribution with a mean and a precision [1]_.

    With the shapes :math:`a = \mu\phi` and :math:`b = (1 - \mu)\phi` the density is
    :math:`y^{a - 1} (1 - y)^{b - 1} / B(a, b)`, the variance
    :math:`\mu (1 - \mu) / (1 + \phi)`.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the precision.

    References
    ----------
    .. [1] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates
       and proportions. Journal of Applied Statistics, 31(7), 799-815.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Beta
    >>> family = Beta()
    >>> y, eta = np.array([0.2, 0.7]), (np.array([0.0]), np.log([2.0]))  # the uniform
    >>> abs(family.log_density(family.prepare(y), eta).value.round(12))
    array([0., 0.])
    """

    predictors = ("mean", "precision")
    support = Support(0.0, 1.0)
    ceilings = (inf, LOG_PRECISION_CAP)

    links: tuple[Link, ...] = (Logit(), Log())

    def prepare(self, y: Floats) -> Floats:
        return np.stack([np.log(y), np.log1p(-y)])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        jets = self.jets(eta, order)
        (mu, nu, *_), (phi, *_) = jets  # nu = 1 - mu
        log_y, log_1y = prepared
        a, b = mu * phi, nu * phi
        g, g_a, g_b = (log_gamma_family(x, order) for x in (phi, a, b))
        n = np.broadcast_shapes(log_y.shape, a.shape)
        parts = [np.empty((rows, *n)) for rows in (1, 2, 3, 4)[: order + 1]]
        parts[0][0] = g[0] - g_a[0] - g_b[0] + (a - 1) * log_y + (b - 1) * log_1y
        if order >= 1:
            s_a, s_b = log_y - g_a[1], log_1y - g_b[1]
            parts[1][0] = phi * (s_a - s_b)
            parts[1][1] = g[1] + mu * s_a + nu * s_b
        if order >= 2:
            h_a, h_b = g_a[2], g_b[2]
            parts[2][0] = -(phi**2) * (h_a + h_b)
            parts[2][1] = s_a - s_b - phi * (mu * h_a - nu * h_b)
            parts[2][2] = g[2] - mu**2 * h_a - nu**2 * h_b
        if order >= 3:
            t_a, t_b = g_a[3], g_b[3]
            parts[3][0] = -(phi**3) * (t_a - t_b)
            parts[3][1] = -2 * phi * (h_a + h_b) - phi**2 * (mu * t_a + nu * t_b)
            parts[3][2] = -2 * (mu * h_a - nu * h_b) - phi * (mu**2 * t_a - nu**2 * t_b)
            parts[3][3] = g[3] - mu**3 * t_a - nu**3 * t_b
        return through_links(LogDensity(parts[0][0], *parts[1:]), jets)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        (mu, nu, (s_mu,), _), (phi, _, (s_phi,), _) = self.jets(eta, 1)
        h, h_a, h_b = (log_gamma_family(x, 2)[2] for x in (phi, mu * phi, nu * phi))
        mm = (phi * s_mu) ** 2 * (h_a + h_b)
        mp = phi * s_mu * s_phi * (mu * h_a - nu * h_b)
        pp = s_phi**2 * (mu**2 * h_a + nu**2 * h_b - h)
        return np.stack([mm, mp, pp])

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, precision = self.jets(eta)
        return np.broadcast_arrays(mean.value, precision.value)[0].copy()

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, precision = self.jets(eta)
        return mean.value * mean.complement / (1.0 + precision.value)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        a, b = self._shapes(eta)
        return np.asarray(betainc(a, b, y))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        a, b = self._shapes(eta)
        return np.asarray(betaincinv(a, b, p))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        mean = np.average(y, weights=weights)
        variance = np.average((y - mean) ** 2, weights=weights)
        precision = mean * (1.0 - mean) / variance - 1.0 if variance > 0 else inf
        starts = np.array([mean, np.clip(precision, 0.1, 1e6)])  # room on either side
        return np.array([link.link(each) for link, each in zip(self.links, starts, strict=True)])

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        a, b = self._shapes(eta)
        draws = rng.beta(a, b)  # rounds to 0 and 1 where a shape is small
        return np.clip(draws, np.finfo(np.float64).tiny, np.nextafter(1.0, 0.0))

    def _shapes(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        mean, precision = self.jets(eta)
        return mean.value * precision.value, mean.complement * precision.value
