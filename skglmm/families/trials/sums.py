"""Expectations over successes in a known number of trials, as sums."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.calculus.packing import packed_products

__all__ = ["expected_products"]

EXACT = 400.0  # trials up to which all numbers of successes are summed
INNER, OUTER = 257, 32  # numbers that are taken of more trials: in between, and at either end
TAIL = 12.0  # standard deviations on the scale of the logit, roughly, that they reach
CELLS = 2**17  # rows times numbers at a time


def expected_products(family: Family, eta: Sequence[Floats]) -> Floats:
    """Return the mean products of scores, packed, which are never negative definite.

    Of many trials some numbers of successes stand for those next to them.

    Parameters
    ----------
    family : Family
        Of successes in trials.
    eta : sequence of ndarray, each of shape (n,)
        Within the reach of the links.
    """
    trials = eta[family.known[0]]
    rows = np.argsort(trials, kind="stable")
    size = len(eta) * (len(eta) + 1) // 2
    result, start = np.empty((size, len(rows))), 0
    while start < len(rows):
        width = min(trials[rows[start]], EXACT) + 1.0
        some = rows[start : start + max(1, int(CELLS // width))]
        same = trials[some] <= max(EXACT, trials[some[0]])
        some = some[same] if trials[some[0]] <= EXACT else some
        result[:, some] = _of_rows(family, [row[some] for row in eta])
        start += len(some)
    return result


def _of_rows(family: Family, eta: Sequence[Floats]) -> Floats:
    trials = eta[family.known[0]]
    if trials[0] <= EXACT:
        y = np.broadcast_to(np.arange(trials.max() + 1.0), (len(trials), int(trials.max()) + 1))
        weights = np.ones_like(y)
    else:
        y, weights = _nodes(family, eta)
    repeated = [np.repeat(row, y.shape[1]) for row in eta]
    found = family.log_density(family.prepare(y.ravel()), repeated, 1)
    assert found.grad is not None
    mass = np.exp(found.value).reshape(y.shape) * weights
    mass /= mass.sum(axis=1, keepdims=True)
    products = packed_products(found.grad).reshape(-1, *y.shape)
    return np.asarray(np.sum(products * mass, axis=2))


def _nodes(family: Family, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Numbers of successes, dense about the mean, and how many each stands for, (n, m) each."""
    trials = eta[family.known[0]][:, None]
    mean, sd = family.mean(eta)[:, None], np.sqrt(family.variance(eta))[:, None]
    some = 0.5 + 1e-9 * trials
    center = np.log(mean + some) - np.log(trials - mean + some)
    speed = np.minimum(mean + some, trials - mean + some) / np.maximum(sd, 1.0)
    grid = np.linspace(-1.0, 1.0, INNER) * np.arcsinh(TAIL * np.maximum(speed, 3.0))
    y = np.round(trials * expit(center + np.sinh(grid) / speed))
    ends = np.arange(float(OUTER))
    every = np.concatenate([y, ends + 0.0 * trials, trials - ends], axis=1)
    every.sort(axis=1)
    edges = 0.5 * (every[:, 1:] + every[:, :-1])
    low, high = np.full_like(trials, -0.5), trials + 0.5
    return every, np.diff(np.concatenate([low, edges, high], axis=1), axis=1)
