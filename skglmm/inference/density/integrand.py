"""Integrands over random effects, as logarithms: densities of rows times the normal density."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families import DensityFactor

__all__ = ["Integrand", "Quadratic"]


class Quadratic(NamedTuple):
    """A function of d numbers near a point: value (n,), slope (n, d), curvature (n, d, d)."""

    value: Floats
    slope: Floats
    curvature: Floats  # minus the second derivatives


@dataclass(frozen=True)
class Integrand:
    r"""Log densities of n rows at the linear predictors :math:`\eta + L x`, less :math:`|x|^2 / 2`.

    Parameters
    ----------
    factors : tuple of DensityFactor
        Whose product is the density.
    prepared : ndarray, shape (m, n)
    eta : tuple of ndarray, each of shape (n,) or (1,)
        All linear predictors.
    moving : tuple of int, length k
        Those that x moves.
    root : ndarray, shape (n, k, d)
        L, by which x moves them.
    """

    factors: tuple[DensityFactor, ...]
    prepared: Floats
    eta: tuple[Floats, ...]
    moving: tuple[int, ...]
    root: Floats

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.root)

    @property
    def dimension(self) -> int:
        """Over how many numbers is integrated."""
        return int(self.root.shape[2])

    def take(self, rows: Ints) -> "Integrand":
        """Return some of the rows."""
        eta = tuple(part[rows] if len(part) == self.size else part for part in self.eta)
        return Integrand(self.factors, self.prepared[:, rows], eta, self.moving, self.root[rows])

    def peel(self, t: Floats) -> "Integrand":
        """Return the integrands at values t, (n, p), of the first number: n p rows."""
        times = t.shape[1]
        eta = [np.repeat(part, times) if len(part) == self.size else part for part in self.eta]
        for k, column in zip(self.moving, self.root[:, :, 0].T, strict=True):
            eta[k] = (_full(self.eta[k], self.size)[:, None] + column[:, None] * t).ravel()
        prepared = np.repeat(self.prepared, times, axis=1)
        root = np.repeat(self.root[:, :, 1:], times, axis=0)
        return Integrand(self.factors, prepared, tuple(eta), self.moving, root)

    def values(self, x: Floats) -> Floats:
        """Return values at p points of each row, (n, p, d): (n, p)."""
        n, p, _ = x.shape
        moves = np.einsum("nkd,npd->knp", self.root, x)
        eta = [np.repeat(part, p) if len(part) == n > 1 else part for part in self.eta]
        for k, move in zip(self.moving, moves, strict=True):
            eta[k] = (_full(self.eta[k], n)[:, None] + move).ravel()
        prepared = np.repeat(self.prepared, p, axis=1)
        value = np.zeros(n * p)
        for factor in self.factors:
            value += factor.log_density(prepared, eta, 0).value
        return value.reshape(n, p) - 0.5 * np.asarray(np.sum(x**2, axis=2))

    def near(self, x: Floats) -> Quadratic:
        """Return values, slopes and curvatures at one point of each row, (n, d)."""
        n, k = self.size, len(self.moving)
        eta = self._at(x)
        value, slope, curvature = np.zeros(n), np.zeros((k, n)), np.zeros((k, k, n))
        for factor in self.factors:
            found = factor.log_density(self.prepared, eta, 2)
            assert found.grad is not None
            assert found.hess is not None
            value += found.value
            places = {
                j: self.moving.index(p) for j, p in enumerate(factor.predictors) if p in self.moving
            }
            for j, place in places.items():
                slope[place] += found.grad[j]
            for (i, j), row in factor.pairs.items():
                if i in places and j in places:
                    curvature[places[i], places[j]] -= found.hess[row]
                    if i != j:
                        curvature[places[j], places[i]] -= found.hess[row]
        whole = np.einsum("nka,kln,nlb->nab", self.root, curvature, self.root, optimize=True)
        steep = np.einsum("nka,kn->na", self.root, slope) - x
        return Quadratic(value - 0.5 * np.sum(x**2, axis=1), steep, whole + np.eye(self.dimension))

    def _at(self, x: Floats) -> Sequence[Floats]:
        """All linear predictors at one point of each row."""
        eta = list(self.eta)
        for k, move in zip(self.moving, np.einsum("nkd,nd->kn", self.root, x), strict=True):
            eta[k] = eta[k] + move
        return eta


def _full(part: Floats, n: int) -> Floats:
    return np.broadcast_to(part, (n,))
