"""Distributions of responses whose linear predictors are known up to normal numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families import Family
from skglmm.inference._mixture import Mixture
from skglmm.inference._shift import Shift

__all__ = ["Blend"]


@dataclass(frozen=True)
class Blend:
    """Responses of n rows: an average of mixtures, one for each node of the other predictors.

    Parameters
    ----------
    weights : ndarray, shape (m,)
        Weights of the nodes, of sum 1.
    parts : tuple of Mixture, length m
    """

    weights: Floats
    parts: tuple[Mixture, ...]

    @classmethod
    def of(cls, family: Family, eta: Sequence[Floats], shift: Shift) -> "Blend":
        """Return the distributions at linear predictors, (n,) each, with these shifts."""
        grid = shift.grid()
        parts = (Mixture.of(family, shift.moved(eta, t), shift.sd) for _, t in grid)
        return cls(np.array([weight for weight, _ in grid]), tuple(parts))

    @property
    def family(self) -> Family:
        """Distribution of the responses."""
        return self.parts[0].family

    @property
    def center(self) -> Mixture:
        """The mixture of the heaviest node: that of no shift of the other predictors."""
        return self.parts[int(np.argmax(self.weights))]

    @property
    def speed(self) -> Floats:
        """The fastest of the mixtures' speeds, (n,)."""
        return np.asarray(np.max([part.speed for part in self.parts], axis=0))

    @property
    def n_nodes(self) -> int:
        """Number of nodes, at most, that one row needs."""
        return sum(part.n_nodes for part in self.parts)

    def take(self, rows: Ints) -> "Blend":
        """Return the distributions of some of the rows."""
        return Blend(self.weights, tuple(part.take(rows) for part in self.parts))

    def guess(self, z: Floats) -> Floats:
        """Return responses at the normal quantiles `z`, (n,), roughly."""
        return self.center.guess(z)

    def cdf(self, y: Floats) -> Floats:
        """Return the probabilities of responses up to `y`, (n,)."""
        return np.asarray(self.weights @ [part.cdf(y) for part in self.parts])

    def cdf_and_density(self, y: Floats) -> tuple[Floats, Floats]:
        """Return the cdf and its derivative in y, (n,) each."""
        found = np.array([part.cdf_and_density(y) for part in self.parts])
        below, density = np.tensordot(self.weights, found, 1)
        return below, density
