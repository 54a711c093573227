r"""The distribution of the studentized range, of any number of means, whole or not.

The range of k standard normal numbers is at most w with probability
:math:`P_k(w) = k \int \phi(z) [\Phi(z) - \Phi(z - w)]^{k-1} dz`; that of k estimates with one
standard error s on :math:`\nu` degrees of freedom is at most q times it with probability
:math:`E[P_k(q s)]`, where :math:`\nu s^2` is chi-square [1]_. Both integrals are sums over the
nodes of Gauss and Legendre.

References
----------
.. [1] Copenhaver, M. D. & Holland, B. (1988). Computation of the distribution of the maximum
   studentized range statistic with application to multiple significance testing of simple
   effects. Journal of Statistical Computation and Simulation, 30(1), 1-15.
"""

from math import log

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammainccinv, gammaincinv, gammaln, ndtr

from skglmm.arrays import Floats
from skglmm.inference.degrees_of_freedom.reference import t_quantile

__all__ = ["range_quantile", "range_tail"]

Z, WEIGHTS = np.polynomial.legendre.leggauss(128)
FAR = 8.5  # standard deviations, beyond which a normal number is not
TAILS = (1e-13, 1e-15)  # probabilities of chi-square numbers that are left out, on either side
LARGEST = 1.0 - 2.3e-16  # of a share that is as good as 1
NORMAL = 1e6  # degrees of freedom, from which a scale is as good as known


def range_tail(q: float, k: float, df: float) -> float:
    """Return the probability that a studentized range exceeds `q`.

    Parameters
    ----------
    q : float
    k : float
        Number of means, above 1; the approximation of other distributions has broken ones.
    df : float
        Of the standard error, perhaps infinite.

    Examples
    --------
    >>> round(range_tail(3.1, 5, 6.638), 6)
    0.287349
    """
    if np.isnan(q) or np.isnan(df):
        return float("nan")
    if df > NORMAL:
        return float(_normal_tail(np.array([q]), k)[0])
    ends = (gammaincinv(0.5 * df, TAILS[0]), gammainccinv(0.5 * df, TAILS[1]))
    low, high = (0.5 * log(2.0 / df * float(end)) for end in ends)
    log_s = low + (high - low) * (Z + 1.0) / 2.0
    s = np.exp(log_s)
    log_density = np.log(2.0) + 0.5 * df * np.log(0.5 * df) - gammaln(0.5 * df)
    log_density = log_density + df * (log_s - 0.5 * s * s)  # of the logarithm of s
    inside = (high - low) / 2.0 * (WEIGHTS * np.exp(log_density)) @ _normal_tail(q * s, k)
    below = _normal_tail(q * s[:1], k)[0]  # where the scale is as good as 0
    return float(min(inside + TAILS[0] * below, 1.0))


def range_quantile(level: float, k: float, df: float) -> float:
    """Return what a studentized range exceeds with probability 1 - level.

    Parameters
    ----------
    level : float
    k : float
    df : float

    Examples
    --------
    >>> round(range_quantile(0.95, 6, 10), 6)
    4.912016
    """
    if np.isnan(df):
        return float("nan")
    pairs, df_ = k * (k - 1.0) / 2.0, np.array(df)
    low, high = (np.sqrt(2.0) * t_quantile(1.0 - (1.0 - level) / m, df_) for m in (1.0, pairs))
    off = 1.0 - level

    def excess(q: float) -> float:
        return float(np.log(range_tail(q, k, df) / off))

    return float(brentq(excess, 0.999 * low, 1.001 * high, xtol=1e-9))


def _normal_tail(w: Floats, k: float) -> Floats:
    r"""Probabilities that the range of k normal numbers exceeds w, (n,).

    One less that of the range below w is :math:`k \int \phi(z) [\Phi(z)^{k-1} - (\Phi(z) -
    \Phi(z - w))^{k-1}] dz`, in which small probabilities keep their digits.
    """
    z = FAR * Z
    below = ndtr(z)
    share = np.minimum(ndtr(z - w[:, None]) / below, LARGEST)
    lost = -np.expm1((k - 1.0) * np.log1p(-share))
    density = np.exp(-0.5 * z * z + (k - 1.0) * np.log(below)) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.clip(k * FAR * (lost * density) @ WEIGHTS, 0.0, 1.0))
