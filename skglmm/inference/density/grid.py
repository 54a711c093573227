"""Trapezoidal grids for integrals over one random effect, dense where densities may bend."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.inference.density.integrand import Integrand
from skglmm.inference.density.peak import Peak

__all__ = ["Grid", "alike"]

TAIL = 5.2  # normal probability beyond: 2e-7
PER_SD, PER_FOLD, PER_UNIT = 0.6, 1.2, 0.6  # density: everywhere, at the peak, near predictors of 0
NEAR = 12.0  # linear predictors up to which links bend at every unit; beyond, at every fold
MOST = 4000  # nodes
BISECTIONS, NEWTON = 40, 4


@dataclass(frozen=True)
class Grid:
    r"""Trapezoidal rules in :math:`w = A t + B asinh(r (t - c)) + C asinh(s (t - z))`, n rows.

    Parameters
    ----------
    low, high : ndarray, shape (n,)
        Ends.
    center, speed : ndarray, shape (n,)
        c, and r.
    zero, bend : ndarray, shape (n,)
        z, where linear predictors are 0, and s.
    """

    low: Floats
    high: Floats
    center: Floats
    speed: Floats
    zero: Floats
    bend: Floats

    @classmethod
    def around(cls, f: Integrand, peak: Peak) -> "Grid":
        """Return grids of the first number of the integrands."""
        column, center = f.root[:, :, 0], peak.center[:, 0]
        most = np.argmax(np.abs(column), axis=1)
        eta = np.stack([np.broadcast_to(f.eta[k], f.size) for k in f.moving], axis=1)
        rows = np.arange(f.size)
        slope = column[rows, most]
        zero = np.divide(-eta[rows, most], slope, out=np.zeros(f.size), where=slope != 0.0)
        speed = np.sqrt(np.maximum(f.near(peak.center).curvature[:, 0, 0], 1.0))
        low, high = np.minimum(center, 0.0) - TAIL, np.maximum(center, 0.0) + TAIL
        return cls(low, high, center, speed, zero, np.abs(slope) / NEAR)

    @property
    def sizes(self) -> Ints:
        """Number of nodes of each row, (n,)."""
        length = self._place(self.high[:, None]) - self._place(self.low[:, None])
        return np.asarray(np.fmin(length[:, 0], MOST).astype(np.intp) + 3)

    def take(self, rows: Ints) -> "Grid":
        """Return the grids of some of the rows."""
        return Grid(*(part[rows] for part in vars(self).values()))

    def nodes(self, size: int) -> tuple[Floats, Floats]:
        """Return nodes and their spacings, (n, size) each."""
        low, high = self.low[:, None], self.high[:, None]
        start, end = self._place(low), self._place(high)
        w = start + (end - start) * np.linspace(0.0, 1.0, size)
        low, high = (np.broadcast_to(part, w.shape) for part in (low, high))
        for _ in range(BISECTIONS):
            t = 0.5 * (low + high)
            below = self._place(t) < w
            low, high = np.where(below, t, low), np.where(below, high, t)
        for _ in range(NEWTON):
            t = np.clip(t - (self._place(t) - w) / self._density(t), low, high)
        return t, (end - start) / (size - 1) / self._density(t)

    def _place(self, t: Floats) -> Floats:
        speed, bend = self.speed[:, None], self.bend[:, None]
        return np.asarray(
            PER_SD * t
            + PER_FOLD * np.arcsinh(speed * (t - self.center[:, None]))
            + PER_UNIT * NEAR * np.arcsinh(bend * (t - self.zero[:, None]))
        )

    def _density(self, t: Floats) -> Floats:
        speed, bend = self.speed[:, None], self.bend[:, None]
        return np.asarray(
            PER_SD
            + PER_FOLD * speed / np.hypot(1.0, speed * (t - self.center[:, None]))
            + PER_UNIT * NEAR * bend / np.hypot(1.0, bend * (t - self.zero[:, None]))
        )


def alike(sizes: Ints, cells: int) -> Iterator[tuple[Ints, int]]:
    """Yield rows of alike sizes and the largest, no more at a time than there are cells for."""
    octave = np.ceil(np.log2(sizes))
    for each in np.unique(octave):
        rows = np.flatnonzero(octave == each)
        size = int(sizes[rows].max())
        step = max(1, cells // size)
        yield from ((rows[a : a + step], size) for a in range(0, len(rows), step))
