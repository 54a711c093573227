"""The terms of Conway-Maxwell-Poisson log probabilities of many rows: solved, or interpolated."""

from functools import lru_cache

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.special.conway_maxwell import (
    N_TERMS,
    FactorialBase,
    Terms,
    base_of,
    is_smooth,
    solve_terms,
)
from skglmm.special.conway_maxwell_far import FAR_FROM

__all__ = ["conway_maxwell_terms"]

NODES = 16  # in either direction of a cell
WIDTH = 0.5  # of a cell in the log dispersion, and in the log mean where nu is 1 or less
NARROWEST = 5  # halvings of the width in the log mean, where nu is large
ENOUGH = 32  # rows of a cell that are worth its 256 nodes, if another call asks for it, too
CELLS = 1024  # that are kept
DIGITS = 1e-12  # of the tilt and the level, relative to the largest in a cell
DIGITS_OF_DERIVATIVES = 1e-9

_ANGLES = np.pi * (np.arange(NODES) + 0.5) / NODES
_POINTS = np.cos(_ANGLES)
_TO_SERIES = np.cos(np.outer(np.arange(NODES), _ANGLES)) * (2.0 / NODES)
_TO_SERIES[0] *= 0.5


def conway_maxwell_terms(
    mean: Floats, log_dispersion: Floats, order: int
) -> tuple[FactorialBase, Terms]:
    """Return the bases and the terms of some rows, see `solve_terms`.

    Many rows of alike means and dispersions are interpolated by Chebyshev polynomials in both, on
    cells of a grid that is the same for all rows of all fits.

    Parameters
    ----------
    mean : ndarray of shape (n,) or (1,)
        From 1e-304 to 1e15.
    log_dispersion : ndarray of shape (n,) or (1,)
        From -6 to 30.
    order : {0, 1, 2, 3}
        Of the derivatives of a log probability.

    Returns
    -------
    base : FactorialBase
        From which log factorials are measured.
    terms : ndarray, shape (N_TERMS[order], n)

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import conway_maxwell_terms
    >>> base, (tilt, level) = conway_maxwell_terms(np.array([2.0]), np.zeros(1), 0)
    >>> base.value, tilt.round(4)  # of a Poisson distribution the logarithm of 2, less that of 3
    (array([3.]), array([-0.4055]))
    """
    mean, log_dispersion = np.broadcast_arrays(mean, log_dispersion)
    base = base_of(mean, log_dispersion)
    if len(mean) < ENOUGH:
        return base, solve_terms(mean, log_dispersion, base, order)
    found = np.empty((N_TERMS[order], len(mean)))
    left, log_mean = np.ones(len(mean), dtype=np.bool_), np.log(mean)
    for rows, key in _by_cell(log_mean, log_dispersion):
        series = _series(*key)
        if series is not None:
            place = _place(key, log_mean[rows], log_dispersion[rows])
            found[:, rows] = _interpolated(series[:, :, : len(found)], *place)
            left[rows] = False
    if left.any():
        some = np.flatnonzero(left)
        solved = solve_terms(mean[some], log_dispersion[some], base.of(some), order)
        found[:, some] = solved
    return base, found


Key = tuple[int, int, int]  # halvings of the width, and places in the log mean and dispersion


def _by_cell(log_mean: Floats, log_dispersion: Floats) -> list[tuple[Ints, Key]]:
    """Return the cells of which there are many rows, whose mean is not so large."""
    near = np.flatnonzero(log_mean + np.minimum(0.0, -log_dispersion) < np.log(FAR_FROM))
    if near.size < ENOUGH:
        return []
    j = np.floor(log_dispersion[near] / WIDTH)
    halvings = np.clip(np.ceil(-j * WIDTH / np.log(2.0)), 0.0, NARROWEST)
    i = np.floor(log_mean[near] / WIDTH * 2.0**halvings)
    order = np.lexsort((i, j))
    change = (np.diff(i[order]) != 0.0) | (np.diff(j[order]) != 0.0)
    parts = np.split(order, np.flatnonzero(change) + 1)
    return [
        (near[part], (int(halvings[part[0]]), int(i[part[0]]), int(j[part[0]])))
        for part in parts
        if len(part) >= ENOUGH
    ]


def _place(key: Key, log_mean: Floats, log_dispersion: Floats) -> tuple[Floats, Floats]:
    """Return where rows are in a cell, from -1 to 1 in both directions."""
    halvings, i, j = key
    across = 2.0 * (log_mean / WIDTH * 2.0**halvings - i) - 1.0
    return across, 2.0 * (log_dispersion / WIDTH - j) - 1.0


@lru_cache(maxsize=CELLS)
def _series(halvings: int, i: int, j: int) -> Floats | None:
    """Chebyshev series of all terms in a cell; None where they are not that smooth."""
    width = WIDTH / 2.0**halvings
    low = np.exp(width * np.array([i, i + 1])), WIDTH * np.array([j, j + 1])
    corners = [each.ravel() for each in np.meshgrid(*low)]
    if not is_smooth(*corners).all():
        return None
    half = 0.5 * (_POINTS + 1.0)
    grids = np.meshgrid(np.exp(width * (i + half)), WIDTH * (j + half), indexing="ij")
    mean, log_dispersion = (each.ravel() for each in grids)
    terms = solve_terms(mean, log_dispersion, base_of(mean, log_dispersion), 3)
    values = terms.reshape(-1, NODES, NODES)
    series = np.ascontiguousarray((_TO_SERIES @ values @ _TO_SERIES.T).transpose(1, 2, 0))
    size = np.abs(series)
    last = np.maximum(size[-2:].max(axis=(0, 1)), size[:, -2:].max(axis=(0, 1)))
    enough = np.where(np.arange(len(terms)) < N_TERMS[0], DIGITS, DIGITS_OF_DERIVATIVES)
    if (last > enough * np.maximum(size.max(axis=(0, 1)), np.finfo(np.float64).tiny)).any():
        return None
    series.flags.writeable = False
    return series


def _interpolated(series: Floats, across: Floats, along: Floats) -> Terms:
    """Sum series in two directions; in one where the other is the same in all rows."""
    n_terms = series.shape[2]
    first = np.polynomial.chebyshev.chebvander(across, NODES - 1)
    if along[0] == along[-1] and np.all(along == along[0]):
        second = np.polynomial.chebyshev.chebvander(along[:1], NODES - 1)[0]
        return np.asarray((first @ np.tensordot(series, second, axes=(1, 0))).T)
    second = np.polynomial.chebyshev.chebvander(along, NODES - 1)
    partly = (first @ series.reshape(NODES, -1)).reshape(-1, NODES, n_terms)
    return np.asarray(np.einsum("nkt,nk->tn", partly, second))
