"""Where integrands over random effects are largest, and how wide they are there."""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.inference.density.integrand import Integrand

__all__ = ["Peak"]

CLOSE = 0.05  # last step, in standard deviations of the peak
STEPS, HALVINGS = 40, 12  # of the climb; six steps are usual
APART = 0.3  # standard deviations between two peaks that are not one
WIDE = 0.05  # precision of the effects in the other climb, which goes where the response is likely
FLATTEST = 0.3  # curvature, at least: the effects' own is 1


@dataclass(frozen=True)
class Peak:
    """Peaks of integrands of n rows.

    Parameters
    ----------
    center : ndarray, shape (n, d)
    scale : ndarray, shape (n, d, d)
        Maps standard normal numbers to moves of the normal density that is as curved.
    value : ndarray, shape (n,)
    alone : ndarray of bool, shape (n,)
        Whether a climb from elsewhere ended there, too.
    """

    center: Floats
    scale: Floats
    value: Floats
    alone: Bools

    @classmethod
    def of(cls, f: Integrand) -> "Peak":
        """Climb from effects of zero, and from those that suit the responses best."""
        start = _start(f)
        center = _climb(f, start, 1.0)
        other = _climb(f, _climb(f, start, WIDE), 1.0)
        here, there = f.near(center), f.near(other)
        better = there.value > here.value
        curvature = np.where(better[:, None, None], there.curvature, here.curvature)
        size, axes = np.linalg.eigh(np.nan_to_num(curvature))
        size = np.maximum(size, FLATTEST)
        away = np.einsum("nda,nd->na", axes, center - other) * np.sqrt(size)
        return cls(
            np.where(better[:, None], other, center),
            axes / np.sqrt(size)[:, None, :],
            np.where(better, there.value, here.value),
            np.asarray(np.sum(away**2, axis=1) < APART**2),
        )

    def take(self, rows: Ints) -> "Peak":
        """Return the peaks of some of the rows."""
        return Peak(self.center[rows], self.scale[rows], self.value[rows], self.alone[rows])

    @property
    def log_volume(self) -> Floats:
        """Logarithm of the determinant of the scale, (n,)."""
        return np.asarray(np.linalg.slogdet(self.scale)[1])


def _start(f: Integrand) -> Floats:
    """Effects of zero, or those with linear predictors near 0, which no link is beyond."""
    zero = np.zeros((f.size, f.dimension))
    eta = np.stack([np.broadcast_to(f.eta[k], f.size) for k in f.moving], axis=1)
    near = -np.einsum("ndk,nk->nd", np.linalg.pinv(f.root), eta)
    value, other = (f.values(x[:, None])[:, 0] for x in (zero, near))
    return np.where((other > value)[:, None], near, zero)


def _climb(f: Integrand, start: Floats, precision: float) -> Floats:
    """Go uphill by damped Newton steps, with effects of this precision."""
    x, rows, more = start.copy(), np.arange(f.size), 1.0 - precision
    for _ in range(STEPS):
        here, at = f.near(x[rows]), x[rows]
        value = here.value + 0.5 * more * np.sum(at**2, axis=1)
        size, axes = np.linalg.eigh(np.nan_to_num(here.curvature))
        size = precision + np.abs(size - 1.0)
        along = np.einsum("nda,nd->na", axes, here.slope + more * at)
        step = np.einsum("nda,na->nd", axes, along / size)
        near = np.sum(along**2 / size, axis=1) < CLOSE**2
        x[rows], risen = _halved(f, at, step, value, more)
        going = risen & ~near
        if not going.any():
            break
        rows, f = rows[going], f.take(np.flatnonzero(going))
    return x


def _halved(
    f: Integrand, at: Floats, step: Floats, value: Floats, more: float
) -> tuple[Floats, Bools]:
    """Return points that are not lower, on the way of the steps, and which have moved."""
    x, left = at.copy(), np.arange(len(at))
    for _ in range(HALVINGS):
        moved = at[left] + step
        found = f.values(moved[:, None])[:, 0] + 0.5 * more * np.sum(moved**2, axis=1)
        worse = ~(found >= value[left])  # NaN and -inf, too
        x[left[~worse]] = moved[~worse]
        if not worse.any():
            break
        left, step = left[worse], 0.5 * step[worse]
        f = f.take(np.flatnonzero(worse))
    else:
        worse = np.ones(len(left), dtype=np.bool_)
    risen = np.ones(len(at), dtype=np.bool_)
    risen[left[worse]] = False
    return x, risen
