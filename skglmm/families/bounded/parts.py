"""Where a response lies: on the lower bound, between the bounds, or on the upper one."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import LogDensity
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.parameter import Parameter, Role
from skglmm.links import LogOdds

__all__ = ["ONE", "PARTS", "ZERO", "MultinomialLogit", "PartProbabilities"]

PARTS = ("lower", "interior", "upper")  # of the interval from 0 to 1
ZERO = Parameter("zero", Role.MASS, (LogOdds(),))
ONE = Parameter("one", Role.MASS, (LogOdds(),))


class PartProbabilities(ABC):
    """Probabilities of the three parts of [0, 1]: {0}, (0, 1) and {1}.

    In every method `eta` are all linear predictors of a family, each of shape (n,) or (1,) and
    within the reach of its link.
    """

    @property
    @abstractmethod
    def predictors(self) -> tuple[int, ...]:
        """The linear predictors on which the probabilities depend, increasing."""

    @abstractmethod
    def log_probability(self, y: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
        """Return the log probabilities of the parts in which `y` lies, shape (n,).

        Their derivatives are packed, in the order of `predictors`.
        """

    @abstractmethod
    def probabilities(self, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of the parts, shape (3, n) or (3, 1)."""

    @abstractmethod
    def endless_predictors(self, present: Collection[float]) -> Mapping[int, float]:
        """Return predictors that go to infinity where these bounds occur only, with its sign."""

    @abstractmethod
    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        """Return bounds without responses whose probability is 0, given predictors at infinity."""

    @abstractmethod
    def start(self, shares: Floats, inner: Floats) -> Floats:
        """Return all constants, given those of the beta, under which the parts have `shares`."""


@final
@dataclass(frozen=True)
class MultinomialLogit(PartProbabilities):
    r"""Logits of their own for the bounds; the interior is the reference.

    With the linear predictors :math:`z_j` of the bounds, :math:`P_j = e^{z_j} / (1 + \sum e^z)`.

    Parameters
    ----------
    bounds : tuple of float
        The bounds that have a probability, 0 or 1 or both, increasing; their predictors follow
        those of mean and precision.
    """

    bounds: tuple[float, ...]

    @property
    def predictors(self) -> tuple[int, ...]:
        """The predictors behind mean and precision."""
        return tuple(range(2, 2 + len(self.bounds)))

    def log_probability(self, y: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
        probability = self.probabilities(eta)
        own = [self._row(bound) for bound in self.bounds]
        here = [y == bound for bound in self.bounds]
        value = sum(z * at for z, at in zip(eta[2:], here, strict=True)) - self._log_total(eta)
        parts = [np.array(value)]
        if order >= 1:
            parts.append(np.stack([at - probability[j] for at, j in zip(here, own, strict=True)]))
        if order >= 2:
            parts.append(_second(probability, own) * np.ones(len(y)))
        if order >= 3:
            parts.append(_third(probability, own) * np.ones(len(y)))
        return LogDensity(*parts)

    def probabilities(self, eta: Sequence[Floats]) -> Floats:
        total = self._log_total(eta)
        result = np.zeros((3, len(total)))
        result[1] = np.exp(-total)
        for bound, each in zip(self.bounds, eta[2:], strict=True):
            result[self._row(bound)] = np.exp(each - total)
        return result

    def endless_predictors(self, present: Collection[float]) -> Mapping[int, float]:
        pairs = zip(self.predictors, self.bounds, strict=True)
        return {k: -1.0 for k, bound in pairs if bound not in present}

    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        pairs = zip(self.predictors, self.bounds, strict=True)
        return tuple(bound for k, bound in pairs if bound not in present and k in endless)

    @staticmethod
    def _log_total(eta: Sequence[Floats]) -> Floats:
        """Logarithm of the sum of the odds, that of the interior among them."""
        total = np.logaddexp(0.0, eta[2])
        for each in eta[3:]:
            total = np.logaddexp(total, each)
        return np.asarray(total)

    def start(self, shares: Floats, inner: Floats) -> Floats:
        own = shares[[self._row(bound) for bound in self.bounds]]
        return np.concatenate([inner, np.log(own / shares[1])])

    @staticmethod
    def _row(bound: float) -> int:
        return 0 if bound == 0.0 else 2


def _others(probability: Floats, j: int) -> Floats:
    """One minus a probability, without the difference."""
    return np.asarray(np.delete(probability, j, axis=0).sum(axis=0))


def _second(probability: Floats, own: Sequence[int]) -> Floats:
    """Minus the covariances of the indicators of the bounds."""
    rows = []
    for i, j in packed_rows(len(own), 2):
        p, other = probability[own[i]], own[j]
        rows.append(-p * _others(probability, other) if i == j else p * probability[other])
    return np.stack(rows)


def _third(probability: Floats, own: Sequence[int]) -> Floats:
    """Minus the third cumulants of the indicators of the bounds, of which there are two at most."""
    rows = []
    for i, j, k in packed_rows(len(own), 3):
        twice, once = (own[j], own[k]) if i == j else (own[j], own[i])  # i == j or j == k
        p, q = probability[twice], _others(probability, twice)
        rows.append(p * (p - q) * (q if i == k else -probability[once]))
    return np.stack(rows)
