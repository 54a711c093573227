"""Correlations that depend on the number of steps between effects, by partial correlations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance.correlation.base import RIGHT, Correlation
from skglmm.covariance.natural import EffectNames, Ends, NaturalParameter, bounded_correlation

__all__ = ["Bands"]

CHUNK = 32  # derivatives at a time


@dataclass(frozen=True)
class Bands(Correlation):
    r"""One correlation for each number of steps: a Toeplitz matrix.

    The angle :math:`\omega_k` has the partial autocorrelation :math:`\sin \omega_k` at lag k,
    given the effects between: all values of all of them are allowed, and independent [1]_.

    References
    ----------
    .. [1] Barndorff-Nielsen, O. & Schou, G. (1973). On the parametrization of autoregressive
       models by partial autocorrelations. Journal of Multivariate Analysis, 3(4), 408-419.
    """

    @property
    def n_angles(self) -> int:
        return self.size - 1

    def lower(self, angles: Floats) -> Floats:
        return np.asarray(_lattice(angles, np.zeros((0, self.n_angles)))[0])

    def move(self, angles: Floats, step: Floats) -> Floats:
        return np.asarray(_lattice(angles, np.asarray(step)[None])[1])

    def moves(self, angles: Floats) -> Iterator[Floats]:
        for start in range(0, self.n_angles, CHUNK):
            steps = np.eye(self.n_angles)[start : start + CHUNK]
            yield from _lattice(angles, steps)[1:]

    def start(self) -> Floats:
        return np.zeros(self.n_angles)

    def names(self, labels: EffectNames) -> list[str]:
        first = labels.effects[0]
        return [
            f"corr({first}, {effect} and all {k} apart | {labels.group})"
            for k, effect in enumerate(labels.effects[1:], 1)
        ]

    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        values = self.lower(angles)[:, 0]
        slopes = np.array([change[:, 0] for change in self.moves(angles)])
        for k, name in enumerate(self.names(labels), 1):
            yield bounded_correlation(name, float(values[k]), slopes[:, k])

    def ends(self, which: int) -> Ends:
        del which
        return (-1.0, 1.0)

    def back(self, which: int) -> Callable[[Floats], Floats]:
        del which
        return np.sin

    def holding(self, angles: Floats, which: int) -> tuple[Correlation, Floats]:
        if which == 0:
            return self, angles
        held = np.array(angles, dtype=np.float64)
        value = float(self.lower(angles)[which + 1, 0])
        held[which] = np.arcsin(np.clip(value, -1.0, 1.0))
        return HeldBand(self.size, which), held


@dataclass(frozen=True)
class HeldBand(Bands):
    """The same with the arcsine of one band correlation in place of its angle, for a profile.

    Given the partial correlations before, not every correlation of a band is possible: the factor
    of those that are not is NaN.

    Parameters
    ----------
    size : int
    which : int
        Place of the angle, above 0.
    """

    which: int = 1

    def lower(self, angles: Floats) -> Floats:
        return super().lower(self._plain(angles)[0])

    def move(self, angles: Floats, step: Floats) -> Floats:
        plain, slopes = self._plain(angles)
        moved = np.array(step, dtype=np.float64)
        moved[self.which] = slopes @ step
        return super().move(plain, moved)

    def moves(self, angles: Floats) -> Iterator[Floats]:
        for step in np.eye(self.n_angles):
            yield self.move(angles, step)

    def natural(self, angles: Floats, labels: EffectNames) -> Iterator[NaturalParameter]:
        plain, slopes = self._plain(angles)
        turn = np.eye(self.n_angles)
        turn[self.which] = slopes
        for each in Bands(self.size).natural(plain, labels):
            yield each._replace(gradient=each.gradient @ turn)

    def _plain(self, angles: Floats) -> tuple[Floats, Floats]:
        """Angles of partial correlations, and the slopes of the one that was replaced.

        The band correlation is a + b sin(omega), with a and b of the angles before.
        """
        m, row = self.which, self.which + 1
        plain = np.array(angles, dtype=np.float64)
        ends = []
        for end in (RIGHT, -RIGHT):
            plain[m] = end
            changes = np.eye(self.n_angles)[:m]
            ends.append(_lattice(plain, changes)[:, row, 0])
        (high, *up), (low, *down) = ends
        center, half = 0.5 * (high + low), 0.5 * (high - low)
        share = (np.sin(angles[m]) - center) / half
        slopes = np.zeros(self.n_angles)
        if not abs(share) < 1.0:
            plain[m] = np.nan
            return plain, slopes
        plain[m] = np.arcsin(share)
        centers, halves = 0.5 * (np.array(up) + down), 0.5 * (np.array(up) - down)
        slopes[:m] = -(centers + share * halves) / half
        slopes[m] = np.cos(angles[m]) / half
        return plain, slopes / np.sqrt(1.0 - share**2)


def _lattice(angles: Floats, steps: Floats) -> Floats:
    """Factor of the correlations, and its changes along m steps, (1 + m, q, q)."""
    return _cached(tuple(np.asarray(angles).tolist()), steps.shape[0], steps.tobytes())


@lru_cache(maxsize=4)
def _cached(angles: tuple[float, ...], m: int, steps: bytes) -> Floats:
    """The lattice of forward and backward errors: each step is a rotation, which is smooth.

    Row t of the factor is effect t in terms of the innovations of effects up to t. From its own
    innovation, the forward error of order t, the errors of lower orders follow.
    """
    q = len(angles) + 1
    along = np.frombuffer(steps).reshape(m, q - 1)
    sines = np.sin(angles)
    cosines = np.sin(RIGHT - np.abs(angles))  # exactly 0 at the end
    rows = np.zeros((q, 1 + m, q))
    rows[0, 0, 0] = 1.0
    backward = [rows[0]]
    for t in range(1, q):
        forward = np.zeros((1 + m, q))
        forward[0, t] = 1.0
        latest = [forward] * (t + 1)
        for k in range(t, 0, -1):
            s, c, before = sines[k - 1], cosines[k - 1], backward[k - 1]
            lower, higher = c * forward + s * before, c * before - s * forward
            turn = along[:, k - 1, None]
            lower[1:] += turn * (c * before[0] - s * forward[0])
            higher[1:] -= turn * (s * before[0] + c * forward[0])
            latest[k], forward = higher, lower
        latest[0] = forward
        rows[t] = forward
        backward = latest
    found = np.swapaxes(rows, 0, 1).copy()
    found.flags.writeable = False
    return found
