"""Expected information of responses in [0, 1] whose bounds have a probability, by quadrature."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import expit

from skglmm.arrays import Floats
from skglmm.families.calculus.packing import packed_products, packed_rows
from skglmm.families.defaults.distribution import Distribution

__all__ = ["information"]

NODES = 61
TAIL = 25.0  # logits of responses, beyond which they have a probability below e^-25
ROWS = 2**10  # at a time
PLACES = 401  # between which rows are interpolated: 7 digits over a range of 10


def information(family: Distribution, eta: Sequence[Floats]) -> Floats:
    """Return the mean products of scores, packed, which are never negative definite.

    On the scale of the logit the nodes are dense within a standard deviation of the beta around
    its mean, and farther apart the farther they are. Sharp peaks, of precisions above 10,000, and
    densities with poles cost digits, of which 7 are usual. Many rows that differ in the first
    predictor alone are interpolated between some.

    Parameters
    ----------
    family : Family
        Its first two predictors are those of a beta, and both bounds have a probability.
    eta : sequence of ndarray, each of shape (n,) or (1,)
        Within the reach of the links.
    """
    full = np.broadcast_arrays(*eta)
    first, *others = full
    if len(first) > 2 * PLACES and all(np.all(row == row[0]) for row in others):
        return _interpolated(family, first, [row[:1] for row in others])
    return _integrated(family, full)


def _interpolated(family: Distribution, first: Floats, others: Sequence[Floats]) -> Floats:
    """Information where the first predictor alone varies."""
    low, high = first.min(), first.max()
    places = np.unique(np.linspace(low, high, PLACES))
    if len(places) < PLACES:  # equal but for rounding
        return np.repeat(_integrated(family, [first[:1], *others]), len(first), axis=1)
    found = _integrated(family, np.broadcast_arrays(places, *others))
    result = np.asarray(CubicSpline(places, found, axis=1)(first))
    squares = [row for (i, j), row in packed_rows(1 + len(others), 2).items() if i == j]
    result[squares] = np.maximum(result[squares], 0.0)
    return result


def _integrated(family: Distribution, full: Sequence[Floats]) -> Floats:
    size = len(full)
    result = np.empty((size * (size + 1) // 2, len(full[0])))
    for start in range(0, len(full[0]), ROWS):
        rows = slice(start, start + ROWS)
        here = [row[rows] for row in full]
        result[:, rows] = sum(_parts(family, here))
    return result


def _parts(family: Distribution, eta: Sequence[Floats]) -> Iterator[Floats]:
    n = len(eta[0])
    for bound in family.masses:
        yield _weighted(family, np.full(n, bound), eta, np.ones(n))
    t, spacing = _grid(family, eta)
    y = expit(t)
    repeated = [np.repeat(row, NODES) for row in eta]
    products = _weighted(family, y.ravel(), repeated, (spacing * y * expit(-t)).ravel())
    yield products.reshape(len(products), n, NODES).sum(axis=2)


def _weighted(family: Distribution, y: Floats, eta: Sequence[Floats], weights: Floats) -> Floats:
    found = family.log_density(family.prepare(y), eta, 1)
    assert found.grad is not None
    return np.exp(found.value) * weights * packed_products(found.grad)


def _grid(family: Distribution, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Logits of responses and their spacings, (n, NODES) each: sinh of an even grid."""
    mean, precision = family.jets(eta)[:2]
    center = np.log(mean.value) - np.log(mean.complement)
    speed = np.sqrt(np.maximum(precision.value * mean.value * mean.complement, 1.0))
    low, high = (np.arcsinh(speed * (end - center)) for end in (-TAIL, TAIL))
    grid = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, NODES)
    step = (high - low)[:, None] / (NODES - 1)
    t = np.clip(center[:, None] + np.sinh(grid) / speed[:, None], -1.4 * TAIL, 1.4 * TAIL)
    return t, step * np.cosh(grid) / speed[:, None]
