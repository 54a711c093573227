"""Where the sorted residuals of a true model lie, all at once."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import beta

from skglmm.arrays import Floats

__all__ = ["Envelope", "normal_envelope", "normal_scores"]

N_PLACES = 100  # order statistics that are looked at
N_SIMULATIONS = 1000  # the coverage is off by less than a percent


@dataclass(frozen=True, eq=False)
class Envelope:
    """Limits of sorted standard normal numbers, each of shape (n_places,).

    Parameters
    ----------
    score : ndarray
        Where they are expected, as in `normal_scores`.
    lower, upper : ndarray
        Between which all of them lie with the probability `level`.
    level : float
    """

    score: Floats
    lower: Floats
    upper: Floats
    level: float


def normal_scores(n: int) -> Floats:
    """Return about the expected values of n sorted standard normal numbers, (n,)."""
    return np.asarray(ndtri((np.arange(n) + 0.5) / n))


def normal_envelope(n: int, level: float, rng: np.random.Generator) -> Envelope:
    """Simulate sorted samples, and find limits that a share `level` of them keeps everywhere.

    Each sorted number has a Beta distribution on the scale of probabilities, so limits of equal
    tail probability at all places are exact; only that probability is simulated [1]_.

    Parameters
    ----------
    n : int
        Size of a sample.
    level : float
        Probability that a whole sample of a true model lies inside.
    rng : Generator

    References
    ----------
    .. [1] Aldor-Noiman, S. et al. (2013). The power to see: a new graphical test of normality.
       The American Statistician, 67(4), 249-260.
    """
    k = np.unique(np.round(_places(n)).astype(np.intp))
    steps = np.diff(np.concatenate([[0], k, [n + 1]]))
    sums = np.cumsum(rng.standard_gamma(steps, size=(N_SIMULATIONS, len(steps))), axis=1)
    below = beta.cdf(sums[:, :-1] / sums[:, -1:], k, n + 1 - k)
    tail = np.quantile(np.minimum(below, 1.0 - below).min(axis=1), 1.0 - level)
    lower, upper = (np.asarray(ndtri(beta.ppf(p, k, n + 1 - k))) for p in (tail, 1.0 - tail))
    return Envelope(normal_scores(n)[k - 1], lower, upper, level)


def _places(n: int) -> Floats:
    """Return ranks from 1 to n, denser towards the ends, where the limits bend."""
    ends = np.geomspace(1, max(n / 2, 1), N_PLACES // 2)
    return np.concatenate([ends, n + 1 - ends, np.linspace(1, n, N_PLACES // 3)])
