r"""The terms of Conway-Maxwell-Poisson log probabilities where the mean is large.

The expansion of the normalizing constant in powers of :math:`\lambda^{-1/\nu}` (Gaunt et al., 2019,
Annals of the Institute of Statistical Mathematics 71, 163-180), inverted for the mean.
"""

import numpy as np

from skglmm.arrays import Floats
from skglmm.special.log_gamma import stirling_remainder

__all__ = ["FAR_FROM", "far_terms"]

FAR_FROM = 1e4  # mean, and mean times nu, from which on four terms are all of it
_HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)
# The level less that of a normal density: factors of mu**-i for i = 1, 2, 3, polynomials in 1 / nu.
_LEVEL = (
    (-3 / 12, 2 / 12, 0.0, 0.0),
    (1 / 48, -4 / 48, 3 / 48, 0.0),
    (15 / 720, -15 / 720, -45 / 720, 47 / 720),
)


def far_terms(mean: Floats, log_dispersion: Floats, order: int) -> list[Floats]:
    """Return the terms of `solve_terms` of bases one above the mean.

    Parameters
    ----------
    mean, log_dispersion : ndarray, shape (n,)
    order : {0, 1, 2, 3}
    """
    ratio, nu = np.exp(log_dispersion), np.exp(-log_dispersion)
    drift = nu * stirling_remainder(mean + 1.0, 1)[1]  # nu times digamma less a logarithm

    def level(in_mean: int, in_dispersion: int) -> Floats:
        """Derivatives of the level beside that of a normal density."""
        total = np.zeros_like(mean)
        for i, row in enumerate(_LEVEL, start=1):
            powers = [c * float(k**in_dispersion) for k, c in enumerate(row)]
            factor = np.polynomial.polynomial.polyval(ratio, powers)
            total += (-float(i)) ** in_mean * factor * mean**-i
        return total

    own = -_HALF_LOG_TWO_PI - 0.5 * (np.log(mean) + log_dispersion)
    parts = [(level(1, 0) - 0.5) / mean + drift, own + level(0, 0)]
    if order >= 1:
        parts += [level(1, 1) / mean - drift, level(0, 1) - 0.5]
        parts += [(0.5 + level(2, 0) - level(1, 0)) / mean + nu * _bend(mean, 0)]
    if order >= 2:
        parts += [level(1, 2) / mean + drift, 0.5 - level(0, 1) - level(0, 2)]
        parts += [(level(3, 0) - level(2, 0)) / mean + nu * _bend(mean, 1)]
        parts += [(level(2, 1) - level(1, 1)) / mean - nu * _bend(mean, 0)]
    if order >= 3:
        parts += [level(1, 3) / mean - drift, level(0, 3)]
        parts += [(level(4, 0) - level(3, 0)) / mean + nu * _bend(mean, 2)]
        parts += [(level(3, 1) - level(2, 1)) / mean - nu * _bend(mean, 1)]
        parts += [(level(2, 2) - level(1, 2)) / mean + nu * _bend(mean, 0)]
    return parts


def _bend(mean: Floats, order: int) -> Floats:
    r"""Return :math:`\mu \psi'(\mu + 1)`, or derivatives of its :math:`\mu`-fold, over the mean."""
    first = 1.0 - (0.5 / mean if order == 0 else 0.0)
    cube = 1.0 / (30.0 * mean**4) * (1.0, -3.0, 9.0)[order]
    return np.asarray(first + (1.0, -1.0, 1.0)[order] / (6.0 * mean**2) - cube)
