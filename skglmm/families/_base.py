"""The contract of a family, and the chain rule through its links."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import ClassVar, NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.links import Jet, Link

__all__ = ["Family", "LogDensity", "Support", "through_links"]


class LogDensity(NamedTuple):
    """Pointwise log density and its derivatives in the linear predictors.

    Symmetric derivatives are packed in the order of
    ``itertools.combinations_with_replacement(range(K), order)``: for K = 2 the rows of
    ``third`` are 000, 001, 011, 111. What lies above the requested order is None.
    """

    value: Floats  # (n,)
    grad: Floats | None = None  # (K, n)
    hess: Floats | None = None  # (K(K+1)/2, n)
    third: Floats | None = None  # (K(K+1)(K+2)/6, n)


class Support(NamedTuple):
    """An open interval of responses."""

    low: float
    high: float

    def contains(self, y: Floats) -> Bools:
        """Which responses, shape (n,), lie inside."""
        return np.asarray((y > self.low) & (y < self.high))


@dataclass(frozen=True)
class Family(ABC):
    """A distribution of the response, given K linear predictors.

    `eta` is always a sequence of K arrays, each of shape (n,) or (1,): they broadcast.

    Parameters
    ----------
    links : tuple of Link
        The link of each predictor.
    """

    predictors: ClassVar[tuple[str, ...]]
    support: ClassVar[Support]
    ceilings: ClassVar[tuple[float, ...]]  # mean level that a fit may give each predictor

    links: tuple[Link, ...]

    @abstractmethod
    def prepare(self, y: Floats) -> Floats:
        """Return what depends on y, shape (n,), alone: (m, n)."""

    @abstractmethod
    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        """Return the log density and `order` (0 to 3) derivatives; -inf beyond the reach."""

    @abstractmethod
    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        """Return minus the expected second derivatives, packed, (K(K+1)/2, n)."""

    @abstractmethod
    def mean(self, eta: Sequence[Floats]) -> Floats:
        """Return the mean of the response, shape (n,)."""

    @abstractmethod
    def variance(self, eta: Sequence[Floats]) -> Floats:
        """Return the variance of the response, shape (n,)."""

    @abstractmethod
    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the probability of a response of at most y, shape (n,)."""

    @abstractmethod
    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the response whose `cdf` is p, shape (n,)."""

    @abstractmethod
    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return constant linear predictors, shape (K,), by the method of moments."""

    @abstractmethod
    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        """Draw responses, shape (n,), within the support."""


def through_links(density: LogDensity, jets: Sequence[Jet]) -> LogDensity:
    """Turn derivatives in the parameters into derivatives in the linear predictors.

    The arrays of `density` are overwritten.
    """
    if density.third is not None:
        _third(density, jets)
    if density.hess is not None:
        _second(density, jets)
    if density.grad is not None:
        for row, jet in zip(density.grad, jets, strict=True):
            row *= jet.slopes[0]
    for jet in jets:
        if jet.outside is not None:
            outside = np.broadcast_to(jet.outside, density.value.shape)
            density.value[outside] = -np.inf
            for part in density[1:]:
                if part is not None:
                    part[:, outside] = 0.0
    return density


def _second(density: LogDensity, jets: Sequence[Jet]) -> None:
    assert density.grad is not None and density.hess is not None
    keys = combinations_with_replacement(range(len(jets)), 2)
    for row, (i, j) in zip(density.hess, keys, strict=True):
        row *= jets[i].slopes[0] * jets[j].slopes[0]
        if i == j:
            row += density.grad[i] * jets[i].slopes[1]


def _third(density: LogDensity, jets: Sequence[Jet]) -> None:
    assert density.grad is not None and density.hess is not None and density.third is not None
    n_predictors = len(jets)
    places = {key: m for m, key in enumerate(combinations_with_replacement(range(n_predictors), 2))}
    keys = combinations_with_replacement(range(n_predictors), 3)
    for row, (i, j, k) in zip(density.third, keys, strict=True):
        row *= jets[i].slopes[0] * jets[j].slopes[0] * jets[k].slopes[0]
        if i == j == k:
            bend = 3.0 * density.hess[places[i, i]] * jets[i].slopes[0] * jets[i].slopes[1]
            row += bend + density.grad[i] * jets[i].slopes[2]
        elif i == j:
            row += density.hess[places[i, k]] * jets[i].slopes[1] * jets[k].slopes[0]
        elif j == k:
            row += density.hess[places[i, j]] * jets[j].slopes[1] * jets[i].slopes[0]
