r"""Normal mixtures: responses whose location's predictor is known up to a normal number.

With t standard normal, :math:`F(y) = E_t[F(y \mid \eta + s t)]` is a smooth average where the
conditional cdf changes slowly in t, and that of a step where it changes fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from skglmm.arrays import Floats, Ints
from skglmm.families import Family
from skglmm.inference.distribution.between import Share
from skglmm.inference.prediction.quadrature import hermite

__all__ = ["NormalMixture"]

SLOW = 0.7  # speeds up to which Gauss-Hermite needs fewer nodes than a grid around the step
BEND = 1.6  # speed, at least, of one unit of a linear predictor: the links bend, too
DIGITS = 12.5  # of Gauss-Hermite, as a natural logarithm: its errors are (r^2 / (1 + r^2))^m
TAIL = 5.2  # normal probability beyond: 2e-7
PER_SD, PER_FOLD = 1.1, 2.2  # density of the grid's nodes: everywhere, and towards the step
MOST = 4000  # nodes of a row: at sd 350 as dense as links bend; beyond, the cdf errs by up to 5e-4
CELLS = 2**20  # rows times nodes at a time
HALVINGS = 11  # to find the step: to 0.005 standard deviations
SHARP = 20  # more of them for counts, whose means, and so whose speeds, know no end: to 5e-9
NEWTON = 5  # steps that invert the density of the grid


@dataclass(frozen=True)
class NormalMixture:
    """Normal mixtures of n rows: predictors are known up to a normal shift of the location's.

    Parameters
    ----------
    family : Family
    eta : tuple of ndarray, each of shape (n,) or (1,)
        Linear predictors; that of the location has shape (n,).
    sd : ndarray, shape (n,)
        Standard deviations of its shift.
    speed : ndarray, shape (n,)
        How many standard deviations of the response one of the shift moves it.
    share : Share, optional
        How many of the responses have this distribution, by the shift; all, if it is not given.
    """

    family: Family
    eta: tuple[Floats, ...]
    sd: Floats
    speed: Floats
    share: Share | None = None

    @classmethod
    def of(
        cls, family: Family, eta: Sequence[Floats], sd: Floats, share: Share | None = None
    ) -> "NormalMixture":
        """Return the mixture, with the largest speed within two standard deviations."""
        shapes = tuple(
            part[:1] if k != family.location and _is_one(part) else part
            for k, part in enumerate(eta)
        )
        blank = cls(family, shapes, sd, np.zeros_like(sd), share)
        speeds = [blank.speed_at(np.full_like(sd, t)) for t in (-2.0, 0.0, 2.0)]
        return replace(blank, speed=np.maximum(BEND * blank.bend, np.max(speeds, axis=0)))

    @property
    def bend(self) -> Floats:
        """How far one standard deviation moves linear predictors, (n,)."""
        return self.sd if self.share is None else np.maximum(self.sd, self.share.sd)

    @property
    def n_nodes(self) -> int:
        """Number of nodes, at most, that one row needs."""
        return int(self._sizes.max(initial=1))

    @property
    def _sizes(self) -> Ints:
        """How many nodes each row needs, whatever the other rows need, (n,)."""
        evenly = 2 * TAIL * PER_SD * np.hypot(1.0, self.bend)
        graded = evenly + 2 * PER_FOLD * np.arcsinh(2 * TAIL * self.speed)
        slow = self.speed <= SLOW
        few = _hermite_sizes(np.where(slow, self.speed, SLOW))
        return np.where(slow, few, np.fmin(graded, MOST).astype(np.intp) + 2)

    def take(self, rows: Ints) -> "NormalMixture":
        """Return the mixture of some of the rows."""
        eta = tuple(part[rows] if len(part) == len(self.sd) else part for part in self.eta)
        share = None if self.share is None else self.share.take(rows)
        return NormalMixture(self.family, eta, self.sd[rows], self.speed[rows], share)

    def shifted(self, t: Floats) -> list[Floats]:
        """Return linear predictors at shifts of t standard deviations, (n,) or (n, m)."""
        place, here = self.family.location, self.eta[self.family.location]
        if t.ndim == 1:
            result, moved = list(self.eta), here + self.sd * t
        else:
            result = [np.repeat(p, t.shape[1]) if len(p) > 1 else p for p in self.eta]
            moved = (here[:, None] + self.sd[:, None] * t).ravel()
        result[place] = moved
        return result

    def speed_at(self, t: Floats) -> Floats:
        """Return the speed at shifts of t standard deviations, (n,)."""
        return np.asarray(self.sd * np.sqrt(self.family.location_information(self.shifted(t))))

    def guess(self, z: Floats) -> Floats:
        """Return responses at the normal quantiles `z`, (n,), where all is nearly normal.

        On the likeliest way to z the shift takes its share, and the response the rest.
        """
        speed = self.speed_at(np.zeros_like(self.sd))
        for _ in range(2):
            whole = np.hypot(1.0, speed)
            share = z * speed / whole
            speed = self.speed_at(share)
        return self.family.quantile(ndtr(z / whole), self.shifted(share))

    def cdf(self, y: Floats) -> Floats:
        """Return the probabilities of responses up to `y`, (n,)."""
        t, weights = self._nodes(y)
        below = self.family.cdf(np.repeat(y, t.shape[1]), self.shifted(t))
        return np.asarray(np.sum(below.reshape(t.shape) * weights, axis=1))

    def cdf_and_density(self, y: Floats) -> tuple[Floats, Floats]:
        """Return the cdf and its derivative in y, (n,) each."""
        t, weights = self._nodes(y)
        repeated, eta = np.repeat(y, t.shape[1]), self.shifted(t)
        below = self.family.cdf(repeated, eta).reshape(t.shape)
        prepared = np.repeat(self.family.prepare(y), t.shape[1], axis=1)
        density = np.exp(self.family.log_density(prepared, eta).value).reshape(t.shape)
        return np.sum(below * weights, axis=1), np.sum(density * weights, axis=1)

    def _nodes(self, y: Floats) -> tuple[Floats, Floats]:
        """Nodes t and weights, (n, m) each; weights of zero where a row needs fewer."""
        sizes, slow = self._sizes, self.speed <= SLOW
        if not slow.any():
            t, weights = self._around(self._step(y))
        else:
            t, weights = np.zeros((2, len(y), int(sizes.max())))
            for size in np.unique(sizes[slow]):
                rows = np.flatnonzero(slow & (sizes == size))
                t[rows, :size], weights[rows, :size] = hermite(int(size))
            fast = np.flatnonzero(~slow)
            if fast.size:
                some = self.take(fast)
                own = slice(0, some.n_nodes)
                t[fast, own], weights[fast, own] = some._around(some._step(y[fast]))
        return t, weights if self.share is None else weights * self.share.at(t)

    def _step(self, y: Floats) -> Floats:
        """The shifts at which `y` is the median, or the ends where there is none, (n,)."""
        low, high = np.full_like(y, -TAIL), np.full_like(y, TAIL)
        falls = self.family.cdf(y, self.shifted(low)) > self.family.cdf(y, self.shifted(high))
        more = SHARP if self.family.support.is_discrete else 0
        for _ in range(HALVINGS + more):
            middle = 0.5 * (low + high)
            right = (self.family.cdf(y, self.shifted(middle)) > 0.5) == falls
            low, high = np.where(right, middle, low), np.where(right, high, middle)
        return np.asarray(0.5 * (low + high))

    def _around(self, center: Floats) -> tuple[Floats, Floats]:
        """Nodes between the tails, denser towards a center, and weights of sum 1."""
        low, high = (np.full_like(center, end) for end in (-TAIL, TAIL))
        t, spacing = self._graded(center, low, high)
        weights = np.exp(-0.5 * t**2) * spacing
        return t, weights / weights.sum(axis=1, keepdims=True)

    def _graded(self, center: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        r"""Trapezoidal rule in :math:`w = A (t - c) + B asinh(r (t - c))`, r the speed at c.

        Nodes and their spacings, (n, m) each.
        """
        speed = np.maximum(self.speed_at(center), np.maximum(BEND * self.bend, 0.5))[:, None]
        evenly, center = PER_SD * np.hypot(1.0, self.bend)[:, None], center[:, None]

        def density(t: Floats) -> Floats:
            return np.asarray(evenly + PER_FOLD * speed / np.hypot(1.0, speed * t))

        def place(t: Floats) -> Floats:
            return np.asarray(evenly * t + PER_FOLD * np.arcsinh(speed * t))

        start, end = place(low[:, None] - center), place(high[:, None] - center)
        steps, place_of = (self._sizes - 1)[:, None], np.arange(self.n_nodes)
        grid = start + (end - start) * np.minimum(place_of / steps, 1.0)
        with np.errstate(over="ignore"):
            by_step = np.sinh(np.abs(grid) / PER_FOLD) / speed
        t = np.copysign(np.minimum(np.abs(grid) / evenly, by_step), grid)
        for _ in range(NEWTON):
            t -= (place(t) - grid) / density(t)
        return center + t, (place_of <= steps) * (end - start) / steps / density(t)


def _is_one(part: Floats) -> bool:
    return bool(np.all(part == part[:1]))


def _hermite_sizes(speed: Floats) -> Ints:
    with np.errstate(divide="ignore", over="ignore"):  # of 0
        sizes = np.maximum(np.ceil(DIGITS / np.log1p(speed**-2.0)), 2.0)
    return np.where(speed == 0.0, 1, sizes.astype(np.intp))
