"""Effects at points with a Matérn correlation, whose smoothness is estimated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import digamma, gammaln

from skglmm.arrays import Floats
from skglmm.covariance.base import Covariance
from skglmm.covariance.correlation.field import Field
from skglmm.covariance.fields.exponential import Exponential
from skglmm.covariance.fields.random_field import RandomField
from skglmm.covariance.natural import Ends

__all__ = ["Matern"]

SMOOTHNESS: Ends = (0.05, 20.0)  # rougher ones are noise, smoother ones are Gaussian kernels
MEANINGS = (
    "the field is as rough as noise; exp(...), of the smoothness 0.5, needs less of the data",
    "the field is as smooth as can be told; gau(...) has all derivatives",
)
STEP = 0.125  # of the trapezoidal rule, whose error is exp(-2 pi 0.8 / STEP) and less
LOST = 60.0  # exp(-LOST) is nothing beside a correlation
CHUNK = 4096  # distances at a time: a few megabytes of nodes


@final
@dataclass(frozen=True, init=False, repr=False)
class Matern(RandomField):
    r"""Matérn covariance of a random field [1]_.

    With :math:`x = d / \text{range}` and the smoothness :math:`\nu` it is
    :math:`\sigma^2 2^{1 - \nu} x^\nu K_\nu(x) / \Gamma(\nu)`: exponential for
    :math:`\nu = 1/2`. This is the parametrization of glmmTMB and geoR, without the factor
    :math:`\sqrt{2 \nu}` of others. `theta` is the standard deviation, signed, and the angles of
    the range, between 0.1 of the smallest distance and 1,000 times the largest, and of the
    smoothness, between 0.05 and 20; see `RandomField`.

    Parameters
    ----------
    points : array-like, shape (q, d) or (q,)
        Distinct, of all effects of one level.

    References
    ----------
    .. [1] Diggle, P. J. & Ribeiro, P. J. (2007). Model-based Geostatistics. Springer.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.covariance import Matern
    >>> covariance = Matern([0.0, 1.0])
    >>> factor = covariance.factor(np.array([2.0, 0.0, 0.0]))
    >>> (factor @ factor.T).round(3)
    array([[4.   , 3.942],
           [3.942, 4.   ]])
    """

    @property
    def correlation(self) -> "MaternField":
        return MaternField(self.size, self.points)

    def contains(self, other: Covariance) -> bool:
        return self == other or other == Exponential(self.points)


@dataclass(frozen=True)
class MaternField(Field):
    """Correlations of Matérn."""

    kinds: ClassVar[tuple[str, ...]] = ("range", "smoothness")

    def limits(self, which: int) -> Ends:
        return super().limits(which) if which == 0 else SMOOTHNESS

    def meanings(self, which: int) -> tuple[str, str]:
        return super().meanings(which) if which == 0 else MEANINGS

    def values(self, distances: Floats, numbers: Sequence[float]) -> Floats:
        scaled, inverse = np.unique(distances / numbers[0], return_inverse=True)
        starts = range(0, len(scaled), CHUNK)
        parts = [_matern(scaled[i : i + CHUNK], numbers[1]) for i in starts]
        if not parts:
            return np.zeros((3, *distances.shape))
        return np.asarray(np.concatenate(parts, axis=1)[:, inverse])


def _matern(x: Floats, nu: float) -> Floats:
    r"""Value and derivatives in the logs of range and smoothness, (3, n), of increasing x > 0.

    :math:`K_\nu(x) = \int_0^\infty e^{-x \cosh t} \cosh(\nu t) dt`, and its derivative in the
    order, by the trapezoidal rule, which converges exponentially.
    """
    last = np.arccosh(max(1.0 + LOST / x[0], 2.0))
    last += np.log1p(nu * last / LOST)
    t = np.arange(0.0, last + STEP, STEP)
    weights = np.full(len(t), STEP)
    weights[0] *= 0.5
    log_x = np.log(x)
    logs = np.log(2.0) * (1.0 - nu) - gammaln(nu) + nu * log_x
    base = weights * np.exp(nu * t - np.outer(x, np.cosh(t)) + logs[:, None])
    back = np.exp(-2.0 * nu * t)
    value = base @ (0.5 * (1.0 + back))
    in_order = base @ (0.5 * t * (1.0 - back)) + value * (log_x - np.log(2.0) - digamma(nu))
    below = base @ (0.5 * (np.exp(-t) + back * np.exp(t)))  # of the order below: -K' - nu K / x
    return np.stack([value, x * below, nu * in_order])
