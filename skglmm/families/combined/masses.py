"""Where a response lies: on the lower end of its support, on no end, or on the upper one."""

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

__all__ = ["ONE", "PARTS", "ZERO", "ZERO_OR_MORE", "MultinomialLogit", "PartProbabilities"]

PARTS = ("lower", "interior", "upper")  # of the interval from 0 to 1
ZERO_OR_MORE = ("zero", "positive")  # of counts, and of positive numbers beside zeros
ZERO = Parameter(
    "zero",
    Role.MASS,
    (LogOdds(),),
    at_limit="every response is 0, which says nothing of others",
    at_other_end="no response is 0; leave out zero=",
)
ONE = Parameter("one", Role.MASS, (LogOdds(),))


class PartProbabilities(ABC):
    """Probabilities of three parts of a support: {0}, what lies off the masses, and {1}.

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
        """Return predictors that go to infinity where these masses occur only, with its sign."""

    @abstractmethod
    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        """Return masses without responses whose probability is 0, given predictors at infinity."""

    @abstractmethod
    def start(self, shares: Floats, inner: Floats) -> Floats:
        """Return all constants, given those off the masses, under which parts have `shares`."""


@final
@dataclass(frozen=True)
class MultinomialLogit(PartProbabilities):
    r"""Logits of their own for the masses; all other responses are the reference.

    With the linear predictors :math:`z_j` of the masses, :math:`P_j = e^{z_j} / (1 + \sum e^z)`.

    Parameters
    ----------
    masses : tuple of float
        Those that have a probability, 0 or 1 or both, increasing.
    first : int
        Place of the predictor of the first one; the others follow.
    """

    masses: tuple[float, ...]
    first: int

    @property
    def predictors(self) -> tuple[int, ...]:
        """The predictors behind those of other responses."""
        return tuple(range(self.first, self.first + len(self.masses)))

    def log_probability(self, y: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
        probability = self.probabilities(eta)
        own = [self._row(mass) for mass in self.masses]
        here = [y == mass for mass in self.masses]
        value = sum(
            z * at for z, at in zip(eta[self.first :], here, strict=True)
        ) - self._log_total(eta)
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
        for mass, each in zip(self.masses, eta[self.first :], strict=True):
            result[self._row(mass)] = np.exp(each - total)
        return result

    def endless_predictors(self, present: Collection[float]) -> Mapping[int, float]:
        pairs = zip(self.predictors, self.masses, strict=True)
        return {k: -1.0 for k, mass in pairs if mass not in present}

    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        pairs = zip(self.predictors, self.masses, strict=True)
        return tuple(mass for k, mass in pairs if mass not in present and k in endless)

    def _log_total(self, eta: Sequence[Floats]) -> Floats:
        """Logarithm of the sum of the odds, that of no mass among them."""
        total = np.logaddexp(0.0, eta[self.first])
        for each in eta[self.first + 1 :]:
            total = np.logaddexp(total, each)
        return np.asarray(total)

    def start(self, shares: Floats, inner: Floats) -> Floats:
        own = shares[[self._row(mass) for mass in self.masses]]
        return np.concatenate([inner, np.log(own / shares[1])])

    @staticmethod
    def _row(mass: float) -> int:
        return 0 if mass == 0.0 else 2


def _others(probability: Floats, j: int) -> Floats:
    """One minus a probability, without the difference."""
    return np.asarray(np.delete(probability, j, axis=0).sum(axis=0))


def _second(probability: Floats, own: Sequence[int]) -> Floats:
    """Minus the covariances of the indicators of the masses."""
    rows = []
    for i, j in packed_rows(len(own), 2):
        p, other = probability[own[i]], own[j]
        rows.append(-p * _others(probability, other) if i == j else p * probability[other])
    return np.stack(rows)


def _third(probability: Floats, own: Sequence[int]) -> Floats:
    """Minus the third cumulants of the indicators of the masses, of which there are two at most."""
    rows = []
    for i, j, k in packed_rows(len(own), 3):
        twice, once = (own[j], own[k]) if i == j else (own[j], own[i])  # i == j or j == k
        p, q = probability[twice], _others(probability, twice)
        rows.append(p * (p - q) * (q if i == k else -probability[once]))
    return np.stack(rows)
