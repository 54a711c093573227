"""Nodes and weights for averages over a standard normal number."""

from functools import lru_cache

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from skglmm.arrays import Floats

__all__ = ["coarse_rule", "coarse_rungs", "hermite", "rule", "rungs"]

TAIL = 8.2  # the normal density beyond is below the rounding of the average
PER_SD = 10  # pairs of nodes per unit of 1 + sd: up to sd 4 errors of 1e-13 (logit), 1e-6 (cauchit)
HERMITE = (0.1, 0.3, 0.5, 0.7)  # up to these, Gauss-Hermite of 3, 5, 7, 9 nodes errs by 1e-6
COARSE_TAIL = 5.0  # with one node per standard deviation, errors of 1e-6
LADDER = 1.1  # between the standard deviations that share nodes, each of which is one more
COARSE_LADDER = 2.0**0.25
MOST = 1000  # pairs of nodes; reached at standard deviations that no link can tell from steps


def rungs(sd: Floats) -> Floats:
    """Return standard deviations for which rows take nodes: their own, rounded up.

    Rows on one rung share their nodes, and nodes depend on no other row.

    Examples
    --------
    >>> rungs(np.array([0.0, 0.05, 0.99, 1.0])).round(3)
    array([0.   , 0.1  , 1.144, 1.144])
    """
    return np.asarray(LADDER ** np.ceil(np.log1p(sd) / np.log(LADDER)) - 1.0)


def coarse_rungs(sd: Floats) -> Floats:
    """Return standard deviations for which rows take the nodes of `coarse_rule`: rounded up."""
    ends = np.array([*HERMITE, 1.0])
    small = ends[np.minimum(np.searchsorted(ends, sd), len(HERMITE))]
    large = np.maximum(sd, 1.0)
    large = COARSE_LADDER ** np.ceil(np.log(large) / np.log(COARSE_LADDER))
    return np.where(sd <= 1.0, small, large)


@lru_cache(maxsize=32)
def _trapezoid(pairs: int, tail: float = TAIL) -> tuple[Floats, Floats]:
    nodes = np.linspace(-tail, tail, 2 * pairs + 1)
    weights = np.exp(-0.5 * nodes**2)
    weights /= weights.sum()
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def rule(sd: float) -> tuple[Floats, Floats]:
    """Return nodes and weights, both of shape (m,), for averages of ``f(eta + sd * t)``.

    `f` is an inverse link and t standard normal. The trapezoidal rule converges
    exponentially for such integrands [1]_; for inverse links it needs fewer nodes than
    Gauss-Hermite as soon as `sd` exceeds 1, because their poles come close to the axis.

    Parameters
    ----------
    sd : float
        Largest standard deviation of the shift, on the linear predictor's scale.

    References
    ----------
    .. [1] Trefethen, L. N. & Weideman, J. A. C. (2014). The exponentially convergent
       trapezoidal rule. SIAM Review, 56(3), 385-458.

    Examples
    --------
    >>> from scipy.special import expit
    >>> nodes, weights = rule(1.0)
    >>> float((expit(2.0 + nodes) @ weights).round(4))
    0.8445
    """
    return _trapezoid(int(min(np.ceil(PER_SD * (1.0 + sd)), MOST)))


def coarse_rule(sd: float) -> tuple[Floats, Floats]:
    """Return fewer nodes and weights than `rule`, for averages over several numbers: to 1e-6.

    Parameters
    ----------
    sd : float
        Largest standard deviation of the shift, on the linear predictor's scale.
    """
    if sd <= HERMITE[-1]:
        return hermite(3 + 2 * int(np.searchsorted(HERMITE, sd)))
    pairs = np.ceil(COARSE_TAIL * max(1.0, sd))
    return _trapezoid(int(min(pairs, MOST)), COARSE_TAIL)


@lru_cache(maxsize=32)
def hermite(size: int) -> tuple[Floats, Floats]:
    """Return the nodes and weights of Gauss and Hermite, for smooth functions of small shifts."""
    nodes, weights = hermegauss(size)
    weights /= weights.sum()
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights
