"""Predictive distributions of responses, given linear predictors up to normal numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from skglmm.arrays import Floats, Ints
from skglmm.families import Family
from skglmm.inference.distribution.between import Between
from skglmm.inference.distribution.normal_mixture import NormalMixture
from skglmm.inference.prediction.averages import NormalShift

__all__ = ["PredictiveDistribution"]

LEAST = 1e-12  # probability, and its complement, for which a guess is made


@dataclass(frozen=True)
class PredictiveDistribution:
    """Predictive distributions of n rows: mixtures, averaged over nodes of the other predictors.

    Parameters
    ----------
    weights : ndarray, shape (m,)
        Weights of the nodes, of sum 1.
    parts : tuple of NormalMixture, length m
    masses : ndarray, shape (2, n)
        Probabilities of the ends of the support that are not among the mixtures.
    """

    weights: Floats
    parts: tuple[NormalMixture, ...]
    masses: Floats

    @classmethod
    def of(
        cls, family: Family, eta: Sequence[Floats], shift: NormalShift, masses: Floats
    ) -> "PredictiveDistribution":
        """Return the distributions at linear predictors with shifts.

        Parameters
        ----------
        family : Family
        eta : sequence of ndarray, each of shape (n,)
        shift : NormalShift
        masses : ndarray, shape (2, n)
            Probabilities of the ends of the support.
        """
        between = Between.of(family, eta, shift)
        if between is not None:
            family, eta, shift, shares = between
        grid = shift.grid()
        parts = tuple(
            NormalMixture.of(family, shift.moved(eta, t), shift.sd, shares[k] if between else None)
            for k, (_, t) in enumerate(grid)
        )
        weights = np.array([weight for weight, _ in grid])
        return cls(weights, parts, masses if between else np.zeros_like(masses))

    @property
    def family(self) -> Family:
        """Distribution of the responses."""
        return self.parts[0].family

    @property
    def center(self) -> NormalMixture:
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

    def take(self, rows: Ints) -> "PredictiveDistribution":
        """Return the distributions of some of the rows."""
        parts = tuple(part.take(rows) for part in self.parts)
        return PredictiveDistribution(self.weights, parts, self.masses[:, rows])

    def guess(self, z: Floats) -> Floats:
        """Return responses at the normal quantiles `z`, (n,), roughly."""
        low, high = self.masses
        share = (ndtr(z) - low) / np.maximum(1.0 - low - high, LEAST)
        inside = ndtri(np.clip(share, LEAST, 1.0 - LEAST))
        return self.center.guess(np.where(low + high > 0.0, inside, z))

    def cdf(self, y: Floats) -> Floats:
        """Return the probabilities of responses up to `y`, (n,)."""
        between = self.weights @ [part.cdf(y) for part in self.parts]
        return self._with_masses(between, y)

    def cdf_and_density(self, y: Floats) -> tuple[Floats, Floats]:
        """Return the cdf and its derivative in y, (n,) each."""
        found = np.array([part.cdf_and_density(y) for part in self.parts])
        below, density = np.tensordot(self.weights, found, 1)
        return self._with_masses(below, y), density

    def _with_masses(self, between: Floats, y: Floats) -> Floats:
        """Return the cdf, (n,), from that between the masses."""
        (low, high), (start, end) = self.masses, self.family.support.ends
        return np.asarray(between + np.where(y >= start, low, 0.0) + np.where(y >= end, high, 0.0))
