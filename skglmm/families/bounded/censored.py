r"""Moments of a stretched beta that is censored to the unit interval.

With B a beta of mean :math:`\mu` and precision :math:`\phi` the response is
:math:`Z = (1 + 2 u) B - u` between 0 and 1 and the nearer bound elsewhere.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import betainc, betaln, xlogy

from skglmm.arrays import Floats

__all__ = ["Censored", "probability_below"]


class Censored(NamedTuple):
    """Probabilities of the parts of [0, 1], and moments within the interior."""

    low: Floats
    inner: Floats
    high: Floats
    first: Floats  # of Z, where it is inside, times the probability of that
    around: Floats  # of the square of Z - center, likewise
    center: Floats

    @classmethod
    def of(cls, mu: Floats, nu: Floats, phi: Floats, u: Floats) -> "Censored":
        r"""Return the moments at an exceedance u; the arrays broadcast.

        For a beta :math:`E[(B - \mu) ; B < x] = -r(x)` with
        :math:`r(x) = x^a (1 - x)^b / (\phi B(a, b))`, and the second moment follows by parts.
        """
        a, b, width = mu * phi, nu * phi, 1.0 + 2.0 * u
        x, beyond = u / width, (1.0 + u) / width
        low = np.asarray(betainc(a, b, x), dtype=np.float64)
        high = np.asarray(betainc(b, a, x), dtype=np.float64)
        inner = np.maximum(1.0 - low - high, 0.0)
        scale = -betaln(a, b) - np.log(phi)
        left = np.exp(xlogy(a, x) + xlogy(b, beyond) + scale)  # r(x)
        right = np.exp(xlogy(a, beyond) + xlogy(b, x) + scale)  # r(1 - x)
        skew = nu - mu
        first = left - right
        second = mu * nu * inner + left * (skew + phi * (x - mu)) - right * (skew + phi * (nu - x))
        second = second / (1.0 + phi)
        center = np.clip(width * mu - u, 0.0, 1.0)
        shift = width * mu - u - center
        mean = np.clip(width * first + (width * mu - u) * inner, 0.0, inner)
        around = width**2 * second + 2.0 * width * shift * first + shift**2 * inner
        return cls(low, inner, high, mean, np.clip(around, 0.0, inner), center)

    def square_around(self, c: Floats) -> Floats:
        """Return the mean square distance of responses, those on the bounds included, from c."""
        away, moment = self.center - c, self.first - self.center * self.inner
        inside = self.around + away * (2.0 * moment + away * self.inner)
        return np.asarray(self.low * c**2 + self.high * (1.0 - c) ** 2 + np.maximum(inside, 0.0))


def probability_below(y: Floats, a: Floats, b: Floats, u: Floats) -> Floats:
    """Return the cdf at y in [0, 1) of shapes a and b and exceedance u; the arrays broadcast."""
    return np.asarray(betainc(a, b, (y + u) / (1.0 + 2.0 * u)))
