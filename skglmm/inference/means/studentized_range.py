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

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, log_ndtr
from scipy.stats import chi2

from skglmm.arrays import Floats

__all__ = ["range_quantile", "range_tail"]

Z, WEIGHTS = np.polynomial.legendre.leggauss(200)
FAR = 8.5  # standard deviations, beyond which a normal number is not
TAIL = 1e-16  # probability of chi-square numbers that are left out on either side
LEAST = 2.3e-16  # minus the logarithm of a share that is as good as 1
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
    low, high = 0.5 * np.log([chi2.ppf(TAIL, df) / df, chi2.isf(TAIL, df) / df])
    log_s = low + (high - low) * (Z + 1.0) / 2.0
    s = np.exp(log_s)
    log_density = np.log(2.0) + 0.5 * df * np.log(0.5 * df) - gammaln(0.5 * df)
    log_density = log_density + df * (log_s - 0.5 * s * s)  # of the logarithm of s
    return float((high - low) / 2.0 * (WEIGHTS * np.exp(log_density)) @ _normal_tail(q * s, k))


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
    high = 4.0
    while range_tail(high, k, df) > 1.0 - level:
        high *= 2.0
    return float(brentq(lambda q: range_tail(q, k, df) - (1.0 - level), 0.0, high, xtol=1e-11))


def _normal_tail(w: Floats, k: float) -> Floats:
    r"""Probabilities that the range of k normal numbers exceeds w, (n,).

    One less that of the range below w is :math:`k \int \phi(z) [\Phi(z)^{k-1} - (\Phi(z) -
    \Phi(z - w))^{k-1}] dz`, in which small probabilities keep their digits.
    """
    z = FAR * Z
    below = log_ndtr(z)
    share = np.exp(np.minimum(log_ndtr(z - w[:, None]) - below, -LEAST))
    lost = -np.expm1((k - 1.0) * np.log1p(-share))
    density = np.exp(-0.5 * z * z + (k - 1.0) * below) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.clip(k * FAR * (lost * density) @ WEIGHTS, 0.0, 1.0))
