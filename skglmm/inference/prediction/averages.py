r"""Averages over normal shifts of linear predictors, as random effects and uncertainty make them.

Averages over them go by conditioning: the predictors behind the first are moved to nodes of a grid,
and the first is then normal, with a mean that moves along and a standard deviation of its own.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.inference.prediction.quadrature import coarse_rule, coarse_rungs, rule, rungs

__all__ = ["NormalShift", "averages"]

CELLS = 2**20  # rows times nodes at a time
UNCORRELATED = 1e-7  # correlations that count as none
LEAST = 1e-7  # weight of a node, relative to that of the middle, that is worth its while


@dataclass(frozen=True)
class NormalShift:
    """Shifts of the linear predictors of n rows, jointly normal with mean 0.

    Parameters
    ----------
    sd : ndarray, shape (n,)
        Standard deviation of the first predictor's shift, given those of the others.
    others : tuple of int, length m
        Further predictors that are shifted.
    loadings : ndarray, shape (n, 1 + m, m)
        How the shifts of the first predictor and of the others follow m independent standard
        normal numbers.
    first : int, default=0
        The first predictor.
    walls : tuple of (int, float, float), default=()
        Predictors beyond whose reach nothing is possible, with its ends: averages are over what is
        possible. Means that are infinite at an end would swamp them, however rarely it is reached.
    """

    sd: Floats
    others: tuple[int, ...]
    loadings: Floats
    first: int = 0
    walls: tuple[tuple[int, float, float], ...] = ()

    @classmethod
    def of(
        cls, covariance: Callable[[int, int], Floats], n: int, others: Sequence[int], first: int = 0
    ) -> "NormalShift":
        """Return the shift with these covariances, (n,) each, of `first` and `others`."""
        kept = [k for k in others if covariance(k, k).any()]
        root = _root(covariance, n, [*kept, first])
        size = len(kept)
        loadings = root[:, [size, *range(size)], :size]
        return cls(root[:, size, size], tuple(kept), loadings, first)

    @classmethod
    def concatenate(cls, parts: Sequence["NormalShift"]) -> "NormalShift":
        """Return the shifts of the rows of several, which may lack predictors that others have."""
        others = tuple(sorted({k for part in parts for k in part.others}))
        sd = np.concatenate([part.sd for part in parts])
        loadings = np.zeros((len(sd), 1 + len(others), len(others)))
        start = 0
        for part in parts:
            places = np.array([others.index(k) for k in part.others], dtype=np.intp)
            rows, which = np.arange(start, start + len(part.sd)), np.array([0, *(1 + places)])
            loadings[np.ix_(rows, which, places)] = part.loadings
            start += len(part.sd)
        return cls(sd, others, loadings, parts[0].first, parts[0].walls)

    @property
    def moving(self) -> tuple[int, ...]:
        """The predictors that may be shifted, the first in front: 1 + m."""
        return (self.first, *self.others)

    @property
    def root(self) -> Floats:
        """How `moving` follow standard normal numbers, of which the last moves the first alone."""
        n, size = len(self.sd), len(self.others)
        root = np.zeros((n, 1 + size, 1 + size))
        root[:, :, :size] = self.loadings
        root[:, 0, size] = self.sd
        return root

    @property
    def covariance(self) -> Floats:
        """Covariances of the shifts of `moving`, (n, 1 + m, 1 + m)."""
        return np.asarray(self.root @ np.swapaxes(self.root, 1, 2))

    @property
    def is_wide(self) -> Bools:
        """Whether anything is added to the predictors of a row, (n,)."""
        return np.asarray((self.sd > 0.0) | self.loadings.any(axis=(1, 2)))

    @property
    def sizes(self) -> Floats:
        """How far each of the m numbers moves the predictors of a row, rounded up, (n, m)."""
        return coarse_rungs(np.sqrt(np.sum(self.loadings**2, axis=1)))

    @property
    def by_grid(self) -> list[Ints]:
        """Rows, by the `grid` that they need: it depends on a row alone."""
        return _alike(self.sizes)

    def relates(self, left: Collection[int], right: Collection[int]) -> Bools:
        """Whether some predictors share a shift with others, or have correlated ones, (n,)."""
        covariance, moving = self.covariance, np.array(self.moving)
        sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        related = np.abs(covariance) > UNCORRELATED * sd[:, :, None] * sd[:, None, :]
        own, other = (np.isin(moving, list(some)) for some in (left, right))
        return np.asarray(related[:, own][:, :, other].any(axis=(1, 2)))

    def take(self, rows: Ints | slice) -> "NormalShift":
        """Return the shifts of some of the rows."""
        return replace(self, sd=self.sd[rows], loadings=self.loadings[rows])

    def among(self, predictors: Sequence[int]) -> "NormalShift":
        """Return the shifts of some of the predictors that are `moving`, one at least."""
        if tuple(predictors) == self.moving:
            return self
        covariance, place = self.covariance, self.moving.index
        first, *others = predictors
        n = len(self.sd)
        return NormalShift.of(lambda j, k: covariance[:, place(j), place(k)], n, others, first)

    def placed(self, places: Sequence[int]) -> "NormalShift":
        """Return the same shifts of predictors that are counted among `places`."""
        others = tuple(places.index(k) for k in self.others)
        return replace(self, others=others, first=places.index(self.first))

    def parted(self, inner: Sequence[int]) -> "Parted":
        """Return the shifts of some of the predictors that are `moving`, and how others follow."""
        covariance, place, n, size = self.covariance, self.moving.index, len(self.sd), len(inner)
        first, *others = inner
        outer = [k for k in self.moving if k not in inner]
        order = [*others, first, *outer]
        root = _root(lambda j, k: covariance[:, place(j), place(k)], n, order)
        loadings = root[:, [size - 1, *range(size - 1)], : size - 1]
        left = np.concatenate([np.zeros((n, 1, len(outer))), root[:, size:, size:]], axis=1)
        return Parted(
            NormalShift(root[:, size - 1, size - 1], tuple(others), loadings, first),
            root[:, size:, :size],
            NormalShift(np.zeros(n), tuple(outer), left, first),
        )

    def grid(self) -> list[tuple[float, Floats]]:
        """Return weights, of sum 1, and the m standard normal numbers of each node."""
        sizes = self.sizes.max(axis=0, initial=0.0)
        axes = [list(zip(*coarse_rule(float(size)), strict=True)) for size in sizes]
        nodes = []
        for places in product(*axes):
            weight = float(np.prod([w for _, w in places]))
            nodes.append((weight, np.array([t for t, _ in places])))
        least = LEAST * max(weight for weight, _ in nodes)
        kept = [(weight, t) for weight, t in nodes if weight >= least]
        total = sum(weight for weight, _ in kept)
        return [(weight / total, t) for weight, t in kept]

    def moved(self, eta: Sequence[Floats], t: Floats) -> list[Floats]:
        """Return linear predictors, (n,) or (1,) each, moved to one node of the grid."""
        result = list(eta)
        for k, loading in zip(self.moving, np.moveaxis(self.loadings, 1, 0), strict=True):
            if t.size:
                result[k] = result[k] + loading @ t
        return result


class Parted(NamedTuple):
    """Conditional normal distributions: shifts of some predictors, and of others given them.

    Parameters
    ----------
    inner : NormalShift
    follow : ndarray, shape (n, q, 1 + m)
        How the q others follow the normal numbers of `inner`, that of its first predictor last.
    left : NormalShift
        What else shifts the others.
    """

    inner: NormalShift
    follow: Floats
    left: NormalShift


def averages(
    of: Callable[[list[Floats], Ints], Floats], eta: Sequence[Floats], shift: NormalShift
) -> Floats:
    """Average functions of the linear predictors over shifts, row by row.

    Parameters
    ----------
    of : callable
        From linear predictors, (N,) or (1,) each, and the row that each stands for, (N,), to the
        values of k functions, (k, N).
    eta : sequence of ndarray, each of shape (n,)
    shift : NormalShift, n rows

    Returns
    -------
    ndarray, shape (k, n)

    Examples
    --------
    >>> from scipy.special import expit
    >>> shift = NormalShift(np.array([0.0, 1.0]), (), np.zeros((2, 1, 0)))
    >>> averages(lambda eta, _: expit(eta[0])[None], [np.array([2.0, 2.0])], shift).round(3)
    array([[0.881, 0.845]])
    """
    if shift.walls:
        return _averages_of_possible(of, eta, shift)
    result = np.array(of(list(eta), np.arange(len(shift.sd))))  # that may be a view of eta
    wide = np.flatnonzero(shift.is_wide)
    kinds = _alike(np.column_stack([rungs(shift.sd[wide]), shift.sizes[wide]]))
    for rows in (wide[kind] for kind in kinds):
        part = shift.take(rows)
        nodes = rule(float(rungs(part.sd.max()))) if part.sd.any() else (np.zeros(1), np.ones(1))
        step, grid = max(1, CELLS // len(nodes[0])), part.grid()
        for start in range(0, rows.size, step):
            some = rows[start : start + step]
            result[:, some] = _averaged(of, eta, shift, some, nodes, grid)
    return result


def _averages_of_possible(
    of: Callable[[list[Floats], Ints], Floats], eta: Sequence[Floats], shift: NormalShift
) -> Floats:
    """Average over predictors within their walls; elsewhere as if there were none."""

    def weighted(part: list[Floats], rows: Ints) -> Floats:
        values = of(part, rows)
        inside = np.ones(values.shape[-1], dtype=np.bool_)
        for k, low, high in shift.walls:
            inside &= (low <= part[k]) & (part[k] <= high)
        return np.vstack([np.where(inside, values, 0.0), inside])

    *found, share = averages(weighted, eta, replace(shift, walls=()))
    outside = np.flatnonzero(share <= 0.0)
    result = np.array(found)
    result[:, outside] = of([_some(row, outside) for row in eta], outside)
    share[outside] = 1.0
    return np.asarray(result / share)


def _some(row: Floats, rows: Ints) -> Floats:
    return row if len(row) == 1 else row[rows]


def _averaged(
    of: Callable[[list[Floats], Ints], Floats],
    eta: Sequence[Floats],
    shift: NormalShift,
    rows: Ints,
    rule_of_first: tuple[Floats, Floats],
    grid: Sequence[tuple[float, Floats]],
) -> Floats:
    """Average over the shifts of some rows, which share their nodes."""
    nodes, weights = rule_of_first
    part, here = shift.take(rows), [row[rows] for row in eta]
    every, total = np.repeat(rows, len(nodes)), np.zeros((1, len(rows)))
    for weight, t in grid:
        moved = part.moved(here, t)
        points = [_repeated(row, len(nodes)) for row in moved]
        points[part.first] = (moved[part.first][:, None] + part.sd[:, None] * nodes).ravel()
        values = of(points, every).reshape(-1, len(rows), len(nodes))
        total = total + weight * (values @ weights)
    return total


def _alike(keys: Floats) -> list[Ints]:
    """Return positions of rows that are alike in all columns."""
    kinds, which = np.unique(keys, axis=0, return_inverse=True)
    return [np.flatnonzero(which.ravel() == kind) for kind in range(len(kinds))]


def _root(covariance: Callable[[int, int], Floats], n: int, order: Sequence[int]) -> Floats:
    """Return the lower triangular roots of covariances, (n, d, d), which may be singular."""
    root = np.zeros((n, len(order), len(order)))
    for i, j in enumerate(order):
        for p in range(i):
            rest = covariance(j, order[p]) - np.sum(root[:, i, :p] * root[:, p, :p], axis=1)
            pivot = root[:, p, p]
            root[:, i, p] = np.divide(rest, pivot, out=np.zeros(n), where=pivot > 0.0)
        left = covariance(j, j) - np.sum(root[:, i, :i] ** 2, axis=1)
        root[:, i, i] = np.sqrt(np.maximum(left, 0.0))
    return root


def _repeated(row: Floats, times: int) -> Floats:
    """Repeat each row; a predictor that is one number stays one, shape (1,)."""
    return row[:1] if np.all(row == row[0]) else np.repeat(row, times)
