"""The beta distribution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import betainc, betaincinv

from skglmm.arrays import Floats
from skglmm.families._base import Family, LogDensity, Support, through_links
from skglmm.families.links import Link, Log, Logit
from skglmm.special import log_gamma_family

__all__ = ["Beta"]

LOG_PRECISION_CAP = 23.0  # rounding of the log density grows like eps * phi * log(phi)
PRECISION_MIN, PRECISION_MAX = 0.1, 1e6  # of the starting value


@final
@dataclass(frozen=True)
class Beta(Family):
    r"""Beta distribution with a mean and a precision [1]_.

    With the shapes :math:`a = \mu\phi` and :math:`b = (1 - \mu)\phi` the density is
    :math:`y^{a - 1} (1 - y)^{b - 1} / B(a, b)`, the variance
    :math:`\mu (1 - \mu) / (1 + \phi)`.

    Parameters
    ----------
    links : tuple of Link, default=(Logit(), Log())
        Links of the mean and of the precision.

    References
    ----------
    .. [1] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates
       and proportions. Journal of Applied Statistics, 31(7), 799-815.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Beta
    >>> Beta().mean([np.array([0.0]), np.array([2.0])])
    array([0.5])
    """

    predictors: ClassVar[tuple[str, ...]] = ("mean", "precision")
    support: ClassVar[Support] = Support(0.0, 1.0)
    ceilings: ClassVar[tuple[float, ...]] = (np.inf, LOG_PRECISION_CAP)

    links: tuple[Link, ...] = (Logit(), Log())

    def prepare(self, y: Floats) -> Floats:
        return np.stack([np.log(y), np.log1p(-y)])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        jets = [link.inverse(row, order) for link, row in zip(self.links, eta, strict=True)]
        (mu, nu, *_), (phi, *_) = jets
        log_y, log_1y = prepared
        a, b = np.broadcast_to(mu * phi, log_y.shape), np.broadcast_to(nu * phi, log_y.shape)
        g, g_a, g_b = (log_gamma_family(x, order) for x in (phi, a, b))

        parts = [g[0] - g_a[0] - g_b[0] + (a - 1.0) * log_y + (b - 1.0) * log_1y]
        if order >= 1:
            s_a, s_b = log_y - g_a[1], log_1y - g_b[1]
            difference = s_a - s_b
            parts.append(np.stack([phi * difference, g[1] + mu * s_a + nu * s_b]))
        if order >= 2:
            h_a, h_b = mu * g_a[2], nu * g_b[2]
            curve, tilt = g_a[2] + g_b[2], h_a - h_b
            mm, mp = -(phi**2) * curve, difference - phi * tilt
            parts.append(np.stack([mm, mp, g[2] - mu * h_a - nu * h_b]))
        if order >= 3:
            t_a, t_b = mu * g_a[3], nu * g_b[3]
            u_a, u_b = mu * t_a, nu * t_b
            mmm = -(phi**3) * (g_a[3] - g_b[3])
            mmp = -2.0 * phi * curve - phi**2 * (t_a + t_b)
            mpp = -2.0 * tilt - phi * (u_a - u_b)
            parts.append(np.stack([mmm, mmp, mpp, g[3] - mu * u_a - nu * u_b]))
        return through_links(LogDensity(*parts), jets)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        jets = [link.inverse(row, 1) for link, row in zip(self.links, eta, strict=True)]
        (mu, nu, (slope,), _), (phi, _, (bend,), _) = jets
        trigamma = [log_gamma_family(x, 2)[2] for x in np.broadcast_arrays(phi, mu * phi, nu * phi)]
        h_a, h_b = mu * trigamma[1], nu * trigamma[2]
        mm = (phi * slope) ** 2 * (trigamma[1] + trigamma[2])
        mp = phi * (h_a - h_b) * slope * bend
        return np.stack([mm, mp, (mu * h_a + nu * h_b - trigamma[0]) * bend**2])

    def _shapes(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        (mu, nu, *_), (phi, *_) = (
            link.inverse(row, 0) for link, row in zip(self.links, eta, strict=True)
        )
        return np.asarray(mu * phi), np.asarray(nu * phi)

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean = self.links[0].inverse(eta[0], 0).value
        return np.array(np.broadcast_arrays(mean, *eta)[0])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        a, b = self._shapes(eta)
        total = a + b
        return np.asarray(a / total * (b / total) / (1.0 + total))

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return np.asarray(betainc(*self._shapes(eta), y))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return np.asarray(betaincinv(*self._shapes(eta), p))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        mean = np.average(y, weights=weights)
        spread = mean * (1.0 - mean)
        variance = np.average((y - mean) ** 2, weights=weights)
        precision = spread / max(float(variance), spread / PRECISION_MAX) - 1.0
        constants = (mean, np.clip(precision, PRECISION_MIN, PRECISION_MAX))
        pairs = zip(self.links, constants, strict=True)
        return np.array([float(link.link(np.asarray(value))) for link, value in pairs])

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        a, b = self._shapes(eta)
        tiny = np.finfo(float).tiny
        return np.clip(rng.beta(a, b), tiny, np.nextafter(1.0, 0.0))
