"""Tail probabilities of counts, as sums of their probabilities."""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from skglmm.arrays import Bools, Floats, Ints
from skglmm.families.defaults.whole_quantile import least_whole
from skglmm.special import END, alike

__all__ = ["LogMass", "TailSum", "lower_sum", "tail_quantile", "upper_sum"]

LogMass = Callable[[Floats, Ints], Floats]  # of numbers, (m, J), in rows, (m,): log probabilities
TailSum = Callable[[LogMass, Floats, Floats, Floats], Floats]

FEW = 320.0  # counts from 0 on of which all are summed
BLOCK = 72  # counts that are summed before an integral begins
CELLS = 2**18  # numbers at a time
ROW, SOON = 48.0, 12.0  # counts that are looked through for a quantile, and deviations to it
PANELS = 44  # each twice as long as the one before
AFAR = 60.0  # standard deviations in which nothing is left
NEGLIGIBLE = -45.0  # log of a share that is below rounding

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_REACH = len(END) // 2


def lower_sum(log_mass: LogMass, y: Floats, mean: Floats, sd: Floats) -> Floats:
    """Return the probabilities of counts up to `y`, with the digits of small ones.

    Parameters
    ----------
    log_mass : callable
        From numbers, (m, J), and the rows that they are of, (m,), to log probabilities, (m, J);
        smooth between whole numbers.
    y : ndarray, shape (n,)
        Whole numbers from 0 on.
    mean, sd : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
    """
    found = np.empty(len(y))
    few, above = y < FEW, (y >= FEW) & (y > mean)
    for rows in alike(np.flatnonzero(few), y, CELLS):
        k = np.arange(float(y[rows].max()) + 1.0)
        sums = np.cumsum(np.exp(log_mass(_over(k, rows), rows)), axis=1)  # one by one, always
        found[rows] = np.take_along_axis(sums, y[rows, None].astype(np.intp), axis=1)[:, 0]
    rows = np.flatnonzero(above)
    found[rows] = 1.0 - _from(log_mass, y[rows] + 1.0, rows, sd[rows], 1.0, np.inf)
    rest = ~(few | above)
    rows = np.flatnonzero(rest & (mean - AFAR * sd > 0.0))
    found[rows] = _from(log_mass, y[rows], rows, sd[rows], -1.0, 0.0)
    rows = np.flatnonzero(rest & ~(mean - AFAR * sd > 0.0))
    for some in alike(rows, np.full(len(y), FEW), CELLS):
        first = np.exp(log_mass(_over(np.arange(FEW), some), some)).sum(axis=1)
        found[some] = first + _from(log_mass, np.full(len(some), FEW), some, sd[some], 1.0, y[some])
    return np.clip(found, 0.0, 1.0)  # but for rounding


def upper_sum(log_mass: LogMass, y: Floats, mean: Floats, sd: Floats) -> Floats:
    """Return the probabilities of counts above `y`, likewise."""
    found = np.empty(len(y))
    above = y >= mean
    rows = np.flatnonzero(above)
    found[rows] = _from(log_mass, y[rows] + 1.0, rows, sd[rows], 1.0, np.inf)
    rows = np.flatnonzero(~above & (y == 0.0))
    found[rows] = -np.expm1(log_mass(np.zeros((len(rows), 1)), rows)[:, 0])
    rows = np.flatnonzero(~above & (y > 0.0))
    found[rows] = 1.0 - lower_sum(
        lambda k, some: log_mass(k, rows[some]), y[rows], mean[rows], sd[rows]
    )
    return np.clip(found, 0.0, 1.0)


def tail_quantile(log_mass: LogMass, p: Floats, mean: Floats, sd: Floats, last: Floats) -> Floats:
    """Return the least counts up to which the probability is `p` or more.

    Parameters
    ----------
    log_mass : callable
    p : ndarray, shape (n,)
    mean, sd : ndarray, shape (n,)
    last : ndarray, shape (n,)
        The largest counts, or infinity.
    """
    found = np.where(p <= 0.0, 0.0, last)
    some = np.flatnonzero((p > 0.0) & (p < 1.0))
    low, inside = (
        some[mean[some] + SOON * sd[some] < ROW],
        some[~(mean[some] + SOON * sd[some] < ROW)],
    )
    k, left = np.arange(ROW), []
    for rows in alike(low, np.full(len(p), ROW), CELLS):
        sums = np.cumsum(np.exp(log_mass(_over(k, rows), rows)), axis=1)
        found[rows] = np.minimum(np.sum(sums < p[rows, None], axis=1), last[rows])
        left.append(rows[sums[:, -1] < p[rows]])
    inside = np.concatenate([inside, *left])

    def reached(y: Floats, places: Ints) -> Bools:
        rows = inside[places]
        below = lower_sum(lambda k, some: log_mass(k, rows[some]), y, mean[rows], sd[rows])
        return np.asarray((below >= p[rows]) | (y >= last[rows]))

    guess = np.maximum(mean[inside] + sd[inside] * ndtri(p[inside]), 0.0)
    guess = np.minimum(guess, last[inside])
    found[inside] = least_whole(reached, guess, np.ones_like(guess), (0.0, np.inf))
    return np.asarray(np.minimum(found, last))


def _over(k: Floats, rows: Ints) -> Floats:
    return np.broadcast_to(k, (len(rows), len(k)))


def _from(
    log_mass: LogMass, start: Floats, rows: Ints, sd: Floats, sign: float, end: Floats | float
) -> Floats:
    """Sum from `start` on, whole numbers, upward or downward, to `end`, which is a part of it."""
    end = np.broadcast_to(end, start.shape)
    found = np.empty(len(start))
    for each in alike(np.arange(len(start)), np.full(len(start), float(BLOCK)), CELLS):
        places = start[each, None] + sign * np.arange(float(BLOCK))
        inside = sign * (end[each, None] - places) >= 0.0
        logs = log_mass(np.maximum(places, 0.0), rows[each])
        terms = np.where(inside, np.exp(logs), 0.0)
        found[each] = terms.sum(axis=1)
        most = np.max(np.where(inside, logs, -np.inf), axis=1)
        onward = inside[:, -1] & (logs[:, -1] > most + NEGLIGIBLE) & (most > -np.inf)
        for some in alike(np.flatnonzero(onward), np.full(len(each), 24.0 * PANELS), CELLS):
            whole = each[some]
            found[whole] += _beyond(
                log_mass, places[some], logs[some], rows[whole], sd[whole], sign, end[whole]
            )
    return found


def _beyond(
    log_mass: LogMass,
    places: Floats,
    logs: Floats,
    rows: Ints,
    sd: Floats,
    sign: float,
    end: Floats,
) -> Floats:
    """Sum what follows a block of numbers, as an integral."""
    at = places.shape[1] - 1 - _REACH  # the integral begins there
    stencil = slice(at - _REACH, at + _REACH + 1)
    here = np.exp(logs[:, stencil])
    found = here @ END - here[:, _REACH:].sum(axis=1)  # the block has summed these
    if sign > 0.0 and np.isfinite(end).all():  # downward nothing is left at the other end
        last = end[:, None] + np.arange(-_REACH, _REACH + 1.0)
        found += np.exp(log_mass(np.maximum(last, 0.0), rows)) @ END[::-1]
    width = _scale(logs[:, stencil], sd)
    edges = np.concatenate([[0.0], 2.0 ** np.arange(1.0, PANELS + 1.0) - 1.0])
    reach = np.where(np.isfinite(end), sign * (end - places[:, at]), np.inf)
    bounds = np.minimum(width[:, None] * edges, reach[:, None])
    half = 0.5 * np.diff(bounds, axis=1)
    middle = bounds[:, :-1] + half
    steps = middle[:, :, None] + half[:, :, None] * _NODES
    points = places[:, at][:, None, None] + sign * steps
    values = np.exp(log_mass(points.reshape(len(rows), -1), rows)).reshape(points.shape)
    return np.asarray(found + np.sum(values @ _WEIGHTS * half, axis=1))


def _scale(logs: Floats, sd: Floats) -> Floats:
    """In which distance a density changes, roughly, from its logarithms at numbers in a row."""
    slope = np.abs(logs[:, -1] - logs[:, 0]) / (2.0 * _REACH)
    bend = np.abs(logs[:, -1] - 2.0 * logs[:, _REACH] + logs[:, 0]) / _REACH**2
    return np.asarray(1.0 / np.maximum(np.maximum(slope, np.sqrt(bend)), 1.0 / np.maximum(sd, 1.0)))
