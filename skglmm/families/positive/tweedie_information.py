"""Expected information of dispersion and power of Tweedie responses, by quadrature."""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from skglmm.arrays import Floats
from skglmm.families.calculus.packing import packed_products

__all__ = ["ShapeScores", "score_products"]

# From the logarithms of responses, nan for a zero, of log dispersions and powers, (n,) each, at a
# mean of one, to log densities of the logarithm and their derivatives in the two, (n,) and (2, n).
ShapeScores = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]

NODES = 201
ROWS = 2**8  # at a time
PLACES = 401  # between which rows are interpolated
TAIL = 45.0  # logs of densities below the largest


def score_products(scores: ShapeScores, log_phi: Floats, power: Floats) -> Floats:
    """Return the mean products of scores, (3, n), at a mean of one.

    Parameters
    ----------
    scores : callable
    log_phi : ndarray, shape (n,)
    power : ndarray, shape (n,) or (1,)
    """
    if len(power) > 1 and np.all(power == power[0]):
        power = power[:1]
    if len(power) == 1 and len(log_phi) > 2 * PLACES:
        low, high = log_phi.min(), log_phi.max()
        if low < high:
            places = np.linspace(low, high, PLACES)
            found = CubicSpline(places, score_products(scores, places, power), axis=1)(log_phi)
            found[[0, 2]] = np.maximum(found[[0, 2]], 0.0)
            return np.asarray(found)
    result = np.empty((3, len(log_phi)))
    powers = np.broadcast_to(power, log_phi.shape)
    for start in range(0, len(log_phi), ROWS):
        rows = slice(start, start + ROWS)
        result[:, rows] = _integrated(scores, log_phi[rows], powers[rows])
    return result


def _integrated(scores: ShapeScores, log_phi: Floats, power: Floats) -> Floats:
    t, spacing = _grid(log_phi, power)
    n = len(log_phi)
    value, grad = scores(t.ravel(), np.repeat(log_phi, NODES), np.repeat(power, NODES))
    products = np.exp(value) * spacing.ravel() * packed_products(grad)
    found = products.reshape(3, n, NODES).sum(axis=2)
    value, grad = scores(np.full(n, np.nan), log_phi, power)
    return np.asarray(found + np.exp(value) * packed_products(grad))


def _grid(log_phi: Floats, power: Floats) -> tuple[Floats, Floats]:
    """Logarithms of responses and their spacings, (n, NODES) each: sinh of an even grid."""
    phi = np.exp(log_phi)
    speed = np.exp(-0.5 * np.clip(log_phi, -600.0, 0.0))
    low = -TAIL * (power - 1.0) / (2.0 - power)
    high = np.log1p(12.0 * np.sqrt(phi) + 2.0 * TAIL * phi)
    ends = [np.arcsinh(speed * end)[:, None] for end in (low, high)]
    grid = ends[0] + (ends[1] - ends[0]) * np.linspace(0.0, 1.0, NODES)
    step = (ends[1] - ends[0]) / (NODES - 1)
    return np.sinh(grid) / speed[:, None], step * np.cosh(grid) / speed[:, None]
