"""Sums over counts of functions as smooth as powers of factorials, from few of them."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["END", "WholeSum", "alike", "whole_sums"]

DROP = 40.0  # of a log probability that leaves nothing
BULK = 48  # numbers about a mean that is far from 0
NARROW = 2.25  # variance up to which a sum over whole numbers is no integral
# Sizes of sums over whole numbers; an integral takes the place of larger ones.
SIZES = (0.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0, 288.0, 400.0)
FIRST = 64  # whole numbers before it
PANELS = 10.0  # about as many even parts of it
PARTS = (0, 12, 15, 20, 30, 45)  # in all, with shorter ones near 0
CELLS = 2**17  # numbers at a time
TINY = 1e-290

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
# A sum from K on is an integral from K on and these shares of f(K - 4), ..., f(K + 4): Euler and
# Maclaurin's formula with differences for derivatives.
_SIDE = (-2497.0, 26442.0, -136238.0, 505538.0)
END = np.array([*_SIDE, 3628800.0, *(-each for each in _SIDE[::-1])]) / 7257600.0


class WholeSum(NamedTuple):
    """Numbers, whole ones or in between, and the weights with which they are a sum, (m, J) each."""

    y: Floats
    weights: Floats


def whole_sums(mean: Floats, nu: Floats) -> Iterator[tuple[Ints, WholeSum]]:
    """Cut rows of Conway-Maxwell-Poisson distributions into parts, with numbers to sum over.

    Parameters
    ----------
    mean, nu : ndarray, shape (n,)

    Yields
    ------
    rows : ndarray, shape (m,)
    nodes : WholeSum
    """
    flat = DROP / np.maximum(mean * nu, TINY)
    up = mean * (np.sqrt(2.0 * flat) + flat / 3.0)
    up = np.minimum(up, DROP / np.log1p(1.0 / mean)) + 3.0
    down = mean * np.where(flat < 1.0, np.sqrt(2.0 * flat), 1.0)
    low = np.maximum(np.floor(mean - down) - 3.0, 0.0)
    high = np.ceil(mean + up)
    bulk = (flat <= 1.0) & (mean >= NARROW * nu)
    whole = ~bulk & (high - low < SIZES[-1])
    for rows in alike(np.flatnonzero(bulk), np.full(len(mean), float(BULK)), CELLS):
        yield rows, _bulk(mean[rows], flat[rows])
    for least, most in pairwise(SIZES):  # sums round alike, whatever the rows beside them
        some = np.flatnonzero(whole & (high - low >= least) & (high - low < most))
        for rows in alike(some, np.full(len(mean), most), CELLS):
            yield rows, _whole(low[rows], high[rows], most)
    panels = PANELS + np.ceil(np.log(np.maximum(high / (PANELS * FIRST), 3.0)) / np.log(3.0))
    for fewer, most in pairwise(PARTS):
        some = np.flatnonzero(~bulk & ~whole & (panels > fewer) & (panels <= most))
        for rows in alike(some, np.full(len(mean), 20.0 * most), CELLS):
            yield rows, _integral(high[rows], most)


def alike(rows: Ints, sizes: Floats, cells: float) -> list[Ints]:
    """Group rows of alike sizes, so that no matrix of a group has many more than some cells.

    Parameters
    ----------
    rows : ndarray of intp, shape (m,)
        Some of n rows.
    sizes : ndarray, shape (n,)
        Numbers of columns that rows need.
    cells : float
        Of a matrix.

    Returns
    -------
    list of ndarray of intp
        The rows of each group, by size.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import alike
    >>> alike(np.arange(3), np.array([9.0, 1.0, 1.0]), cells=4.0)
    [array([1, 2]), array([0])]
    """
    rows = rows[np.argsort(sizes[rows], kind="stable")]
    found, start = [], 0
    while start < len(rows):
        stop = start + max(1, int(cells // (sizes[rows[start]] + 1.0)))
        stop = start + max(1, int(cells // (sizes[rows[min(stop, len(rows)) - 1]] + 1.0)))
        found.append(rows[start:stop])
        start = stop
    return found


def _bulk(mean: Floats, flat: Floats) -> WholeSum:
    """Evenly spaced numbers, whole or not: sums over them are as good as integrals."""
    low = -np.minimum(np.sqrt(2.0 * flat), 1.0)
    high = np.sqrt(2.0 * flat) + flat / 3.0
    places = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, BULK)
    step = mean * (high - low) / (BULK - 1)
    y = np.maximum(mean[:, None] * (1.0 + places), 0.0)
    return WholeSum(y, np.broadcast_to(step[:, None], y.shape))


def _whole(low: Floats, high: Floats, most: float) -> WholeSum:
    y = low[:, None] + np.arange(most)
    return WholeSum(y, (y <= high[:, None]).astype(np.float64))


def _integral(high: Floats, most: int) -> WholeSum:
    """Whole numbers, and parts of an integral: in even steps, and in shorter ones near 0."""
    reach = len(_SIDE)
    first = np.arange(FIRST + reach + 1.0)
    weights = np.ones_like(first)
    weights[FIRST:] = 0.0
    weights[FIRST - reach :] += END
    bounds, longest = [np.full_like(high, float(FIRST))], high / PANELS
    for _ in range(most):
        last = bounds[-1]
        bounds.append(np.minimum(np.minimum(3.0 * last, last + longest), high))
    edges = np.stack(bounds, axis=1)
    half = 0.5 * np.diff(edges, axis=1)
    middle = edges[:, :-1] + half
    y = (middle[:, :, None] + half[:, :, None] * _NODES).reshape(len(high), -1)
    shares = (half[:, :, None] * _WEIGHTS).reshape(len(high), -1)
    shape = (len(high), len(first))
    return WholeSum(
        np.concatenate([np.broadcast_to(first, shape), y], axis=1),
        np.concatenate([np.broadcast_to(weights, shape), shares], axis=1),
    )
