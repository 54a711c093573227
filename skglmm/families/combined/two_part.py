"""Probabilities of single values, and a distribution of all other responses."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.base import DensityFactor, Family, Interior, LogDensity
from skglmm.families.calculus.add import add_derivatives, add_packed, flat
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.packing import packed_products
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import MultinomialLogit, PartProbabilities
from skglmm.families.defaults.whole_quantile import whole_quantile

__all__ = ["TwoPart"]

TINY = np.finfo(np.float64).tiny
HALF_A_ROW = 0.5  # is added to the counts of the parts, so that none that occurs begins afar
NEVER = 1e-12  # share of masses that do not occur: the way there, to infinity, has no end


@dataclass(frozen=True)
class TwoPart(Family):
    """What families have in common that give the ends of a support probabilities of their own.

    The log density is the log probability of the part of the support in which a response lies and,
    off the masses, the log density of another family, whose linear predictors come first.
    """

    @property
    @abstractmethod
    def inner(self) -> Family:
        """The distribution of responses off the masses."""

    @property
    @abstractmethod
    def neutral(self) -> Floats:
        """Constants of the inner family to start from where all responses are on the masses."""

    @property
    def at(self) -> tuple[float, ...]:
        """The masses: the lower end of the support, the upper one, or both."""
        return self.masses

    @property
    def part_model(self) -> PartProbabilities:
        """Probabilities of the masses and of all other responses."""
        return MultinomialLogit(self.at, len(self.places))

    @property
    def places(self) -> tuple[int, ...]:
        """Places of the linear predictors of the inner family."""
        return tuple(range(len(self.inner.links)))

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return tuple(sorted({*self.inner.mean_predictors, *self.part_model.predictors}))

    @property
    def part_predictors(self) -> tuple[int, ...]:
        return self.part_model.predictors

    def endless_predictors(self, present: Collection[float]) -> Mapping[int, float]:
        return self.part_model.endless_predictors(present) if self.masses else {}

    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        return self.part_model.vanishing(present, endless) if self.masses else ()

    @property
    def factors(self) -> tuple[DensityFactor, ...]:
        family = self.inner

        def inner(prepared: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
            return family.log_density(prepared[:-1], self._own(eta), order)

        return (
            DensityFactor(self.part_model.predictors, self._part),
            DensityFactor(self.places, inner, self._is_off),
        )

    @property
    def interior(self) -> Interior | None:
        return None if self.support.is_discrete else Interior(self.places, self.inner)

    def _is_off(self, y: Floats) -> Bools:
        """Whether responses, (n,), are off the masses."""
        low, high = self.support.ends
        return np.asarray((y > low) & ((y < high) | self.support.is_discrete))

    def _part(self, prepared: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
        """Return the log probabilities of the parts in which responses lie."""
        where = self.part_model.predictors
        near, outside = within_reach([self.links[k] for k in where], [eta[k] for k in where])
        inner = list(eta)
        for k, row in zip(where, near, strict=True):
            inner[k] = row
        found = self.part_model.log_probability(prepared[-1], inner, order)
        if outside is not None:
            leave(found, outside)
        return found

    def prepare(self, y: Floats) -> Floats:
        """Return what the inner family prepares of responses off the masses, and responses."""
        off = self._is_off(y)
        inner = self.inner.prepare(y[off])
        result = np.zeros((len(inner) + 1, len(y)))
        result[:-1, off] = inner
        result[-1] = y
        return result

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        eta, outside = within_reach(self.links, eta)
        y = prepared[-1]
        part = self.part_model.log_probability(y, eta, order)
        whole = flat(part.value, len(self.links), order)
        add_derivatives(whole, part, self.part_model.predictors)
        off = self._is_off(y)
        if off.any():
            rows = slice(None) if off.all() else off
            own = [row if len(row) == 1 else row[rows] for row in self._own(eta)]
            inner = self.inner.log_density(prepared[:-1, rows], own, order)
            whole.value[rows] += inner.value
            add_derivatives(whole, inner, self.places, rows)
        if outside is not None:
            leave(whole, outside)
        return whole

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        eta, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        size, n = len(self.links), len(eta[0])
        probability = self._three(eta)
        result = np.zeros((size * (size + 1) // 2, n))
        inner = self.inner.expected_information(self._own(eta))
        add_packed(result, probability[1] * inner, self.places, 2)
        where = self.part_model.predictors
        for y, share in zip((0.0, 0.5, 1.0), probability, strict=True):
            part = self.part_model.log_probability(np.full(n, y), eta, 1)
            assert part.grad is not None
            add_packed(result, share * packed_products(part.grad), where, 2)
        return result

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        return self._three(eta)[: len(self.parts)]

    def _three(self, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of the lower end, of what is off the masses, and of the upper.

        Shape (3, n), 0 for ends that are no masses.
        """
        eta, _ = within_reach(self.links, eta)
        n = np.broadcast_shapes(*(each.shape for each in eta))[0]
        return np.array(np.broadcast_to(self.part_model.probabilities(eta), (3, n)))

    def _own(self, eta: Sequence[Floats]) -> Sequence[Floats]:
        """Return the linear predictors of the inner family."""
        return eta[: len(self.places)]

    def mean(self, eta: Sequence[Floats]) -> Floats:
        low, inner, high = self._three(eta)
        start, end = self._ends
        return np.asarray(start * low + end * high + inner * self.inner.mean(self._own(eta)))

    @property
    def _ends(self) -> tuple[float, float]:
        """The ends of the support, 0 for those that are no masses."""
        start, end = self.support.ends
        return start if start in self.at else 0.0, end if end in self.at else 0.0

    def variance(self, eta: Sequence[Floats]) -> Floats:
        """Return the variances: within, and by distances between two parts each."""
        low, inner, high = self._three(eta)
        start, end = self._ends
        mean = self.inner.mean(self._own(eta))
        within = inner * self.inner.variance(self._own(eta))
        between = inner * (low * (mean - start) ** 2 + high * (end - mean) ** 2)
        return np.asarray(within + between + low * high * (end - start) ** 2)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        low, inner, _ = self._three(eta)
        start, end = self.support.ends
        below = low + inner * self.inner.cdf(np.clip(y, start, end), self._own(eta))
        return np.where(y < start, 0.0, np.where(y < end, np.minimum(below, 1.0), 1.0))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        _, inner, high = self._three(eta)
        start, end = self.support.ends
        above = high + inner * self.inner.survival(np.clip(y, start, end), self._own(eta))
        return np.where(y < start, 1.0, np.where(y < end, np.minimum(above, 1.0), 0.0))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        if self.support.is_discrete:
            return whole_quantile(self, p, eta)
        low, inner, _ = self._three(eta)
        between = np.clip((p - low) / np.maximum(inner, TINY), 0.0, 1.0)
        y = self.inner.quantile(between, self._own(eta))
        start, end = self.support.ends
        return np.where(p <= low, start, np.where(p > low + inner, end, y))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        weights = np.ones(len(y)) if weights is None else weights
        off = self._is_off(y) & (weights > 0.0)
        inner = self.inner.start(y[off], weights[off]) if off.any() else self.neutral
        start, end = self.support.ends
        sums = np.array([weights @ (y == start), weights @ off, weights @ (y == end)])
        never = (sums == 0.0) & (sums.sum() > 0.0) & [True, False, True]
        shares = np.where(never, NEVER * sums.sum(), sums + HALF_A_ROW)
        return self.part_model.start(shares, inner)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        low, inner, _ = self._three(eta)
        part = rng.random(len(low))
        y = self.inner.sample(self._own(np.broadcast_arrays(*eta)), rng)
        start, end = self.support.ends
        return np.where(part < low, start, np.where(part < low + inner, y, end))
