"""Betas that reach beyond 0 and 1, and are censored there."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families.base import Family, LogDensity
from skglmm.families.bounded.beta import Beta
from skglmm.families.bounded.censored import Censored, probability_below
from skglmm.families.bounded.stretched_rows import StretchedRows, StretchedShape
from skglmm.families.calculus.add import add_derivatives
from skglmm.families.calculus.chain_rule import leave, through_links
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import PARTS
from skglmm.families.defaults.information import information
from skglmm.families.defaults.quantile import inverted
from skglmm.links import Identity
from skglmm.response import Support

__all__ = ["StretchedBeta"]

BETA = (0, 1)  # its predictors
ANCHORS = (0.25, 0.75)  # responses that stand for 0 and 1 where the density of a beta is needed
MATCHES = 12  # of mean, variance and share of responses on the bounds, one after the other
FEWEST = 2.0  # rows that a fit begins with, whatever their weights
LOG_PRECISIONS = (-2.3, 9.0)  # from 0.1 to 8000, with which a fit begins
LOG_EXCEEDANCES = np.linspace(-8.0, 2.0, 41)  # between which an exceedance starts


@dataclass(frozen=True)
class StretchedBeta(Family):
    """What fixed and random exceedances have in common.

    Behind the predictors of a beta there may be one more, the logarithm of a mean exceedance.
    """

    support = Support(0.0, 1.0, masses=(0.0, 1.0))
    parts = PARTS

    @abstractmethod
    def _anchor(self, y: Floats) -> Floats:
        """Return where the density of the beta is needed for responses strictly inside, (n,)."""

    @abstractmethod
    def _averages(self, rows: StretchedRows, order: int) -> Iterator[tuple[Ints, LogDensity]]:
        """Yield positions and the logs of averages, relative to the beta's density.

        Derivatives are in mean, precision and the further linear predictors.
        """

    @abstractmethod
    def _exceedances(self, shape: StretchedShape) -> Iterator[tuple[Ints, Floats, Floats]]:
        """Yield positions, exceedances u, (m, n) or (1, 1), and weights, (m, 1), of sum 1."""

    @property
    def beta(self) -> Beta:
        """The distribution before it is stretched."""
        return Beta(links=self.links[:2])

    def prepare(self, y: Floats) -> Floats:
        at = np.where(y <= 0.0, ANCHORS[0], np.where(y >= 1.0, ANCHORS[1], y))
        inside = (y > 0.0) & (y < 1.0)
        at[inside] = self._anchor(y[inside])
        return np.vstack([self.beta.prepare(at), y])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        eta, outside = within_reach(self.links, eta)
        whole = self._relative(prepared, eta, order)
        beta = self.beta.log_density(prepared[:3], eta[:2], order)
        whole.value[:] += beta.value
        add_derivatives(whole, beta, BETA)
        if outside is not None:
            leave(whole, outside)
        return whole

    def _relative(self, prepared: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
        """Return the log density relative to that of the beta at the anchor."""
        n, size = prepared.shape[1], len(self.links)
        shapes = [(len(packed_rows(size, m)), n) for m in range(1, order + 1)]
        whole = LogDensity(np.empty(n), *(np.empty(shape) for shape in shapes))
        rows = StretchedRows(prepared, StretchedShape.of(self.beta, eta, prepared[3]))
        for at, part in self._averages(rows, order):
            for out, each in zip(whole, part, strict=True):
                if out is not None and each is not None:
                    out[..., at] = each
        straight = [Identity().inverse(row, order) for row in eta[2:]]
        return through_links(whole, [*self.beta.jets(eta[:2], order), *straight])

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        return information(self, within_reach(self.links, eta)[0])

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        return self._moments(eta)[:3]

    def mean(self, eta: Sequence[Floats]) -> Floats:
        return np.array(self._moments(eta)[3])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        return np.array(self._moments(eta)[4])

    def _moments(self, eta: Sequence[Floats]) -> Floats:
        """Return P(0), P(between), P(1), mean and variance, shape (5, n)."""
        shape = StretchedShape.of(self.beta, within_reach(self.links, eta)[0])
        result = np.empty((5, len(shape.mu)))
        for rows, u, weight in self._exceedances(shape):
            found = Censored.of(shape.mu[rows], shape.nu[rows], shape.phi[rows], u)
            first = np.minimum((weight * (found.high + found.first)).sum(axis=0), 1.0)
            square = (weight * found.square_around(first)).sum(axis=0)
            sums = [(weight * each).sum(axis=0) for each in found[:3]]
            result[:3, rows] = np.minimum(sums, 1.0)  # whatever the rounding
            result[3:, rows] = first, square
        return result

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        shape = StretchedShape.of(self.beta, within_reach(self.links, eta)[0], y)
        assert shape.y is not None  # it was given
        result = np.where(shape.y < 0.0, 0.0, 1.0)
        inside = np.flatnonzero((shape.y >= 0.0) & (shape.y < 1.0))
        y, a, b = shape.y[inside], shape.a[inside], shape.b[inside]
        for at, u, weight in self._exceedances(shape.take(inside)):
            below = (weight * probability_below(y[at], a[at], b[at], u)).sum(axis=0)
            result[inside[at]] = np.minimum(below, 1.0)
        return result

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return inverted(self, p, within_reach(self.links, eta)[0])

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        n = len(y) if weights is None else max(float(np.sum(weights)), FEWEST)
        at = (y * (n - 1.0) + 0.5) / n  # none is on a bound
        mean = float(np.average(at, weights=weights))
        variance = float(np.average((y - mean) ** 2, weights=weights))
        touching = float(np.average((y <= 0.0) | (y >= 1.0), weights=weights))
        start = self.beta.start(at, weights)
        start[1] = np.clip(start[1], *LOG_PRECISIONS)
        start = np.append(start, self._log_exceedance(touching, start))
        for _ in range(MATCHES):
            eta = [np.array([each]) for each in start]
            here, spread = self.mean(eta)[0], self.variance(eta)[0]
            if not (0.0 < here < 1.0 and variance > 0.0):
                break
            shift = self.links[0].link(np.array(mean)) - self.links[0].link(here)
            start[0] = np.clip(start[0] + shift, *self.links[0].reach)
            more = np.log(np.maximum(spread / variance, 0.5))
            start[1] = np.clip(start[1] + more, *LOG_PRECISIONS)
            start[2:] = self._log_exceedance(touching, start)
        return start

    def _log_exceedance(self, touching: float, start: Floats) -> Floats:
        """Return the one, or none, under which a share of the responses is on the bounds."""
        if len(self.links) == len(BETA):
            return np.zeros(0)
        eta = [*(np.array([each]) for each in start[:2]), LOG_EXCEEDANCES]
        low, _, high = self.part_probabilities(eta)
        return np.atleast_1d(np.interp(touching, low + high, LOG_EXCEEDANCES))
