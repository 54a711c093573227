"""A beta between the bounds 0 and 1, and probabilities of the bounds themselves."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.base import DensityFactor, Family, Interior, LogDensity
from skglmm.families.bounded.beta import Beta
from skglmm.families.bounded.parts import PARTS, PartProbabilities
from skglmm.families.calculus.add import add_derivatives, add_packed
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.packing import packed_products, packed_rows
from skglmm.families.calculus.reach import within_reach

__all__ = ["TwoPartBeta"]

BETA = (0, 1)  # its predictors
TINY = np.finfo(np.float64).tiny
HALF_A_ROW = 0.5  # is added to the counts of the parts, so that none that occurs begins afar
NEVER = 1e-12  # share of bounds that do not occur: the way there, to infinity, has no end


@dataclass(frozen=True)
class TwoPartBeta(Family):
    """What families that differ in the probabilities of the bounds have in common.

    The log density is the log probability of the part of [0, 1] in which a response lies and, in
    the interior, the log density of a beta.
    """

    parts = PARTS

    @property
    @abstractmethod
    def part_model(self) -> PartProbabilities:
        """Probabilities of the bounds and of the interior."""

    @property
    def beta(self) -> Beta:
        """The distribution of responses between the bounds."""
        return Beta(links=self.links[:2])

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return tuple(sorted({0, *self.part_model.predictors}))

    @property
    def part_predictors(self) -> tuple[int, ...]:
        return self.part_model.predictors

    def endless_predictors(self, present: Collection[float]) -> Mapping[int, float]:
        return self.part_model.endless_predictors(present)

    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        return self.part_model.vanishing(present, endless)

    @property
    def factors(self) -> tuple[DensityFactor, ...]:
        beta = self.beta

        def inner(prepared: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
            return beta.log_density(prepared, eta[:2], order)

        return DensityFactor(self.part_model.predictors, self._part), DensityFactor(
            BETA, inner, _is_inside
        )

    @property
    def interior(self) -> Interior:
        return Interior(BETA, self.beta)

    def _part(self, prepared: Floats, eta: Sequence[Floats], order: int) -> LogDensity:
        """Return the log probabilities of the parts in which responses lie."""
        where = self.part_model.predictors
        near, outside = within_reach([self.links[k] for k in where], [eta[k] for k in where])
        inner = list(eta)
        for k, row in zip(where, near, strict=True):
            inner[k] = row
        found = self.part_model.log_probability(prepared[2], inner, order)
        if outside is not None:
            leave(found, outside)
        return found

    def prepare(self, y: Floats) -> Floats:
        result = np.zeros((3, len(y)))
        inside = _is_inside(y)
        result[:, inside] = self.beta.prepare(y[inside])
        result[2] = y
        return result

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        eta, outside = within_reach(self.links, eta)
        y, size = prepared[2], len(self.links)
        part = self.part_model.log_probability(y, eta, order)
        shapes = [(len(packed_rows(size, m)), len(y)) for m in range(1, order + 1)]
        whole = LogDensity(part.value, *(np.zeros(shape) for shape in shapes))
        add_derivatives(whole, part, self.part_model.predictors)
        inside = _is_inside(y)
        if inside.any():
            rows = slice(None) if inside.all() else inside
            inner = [row if len(row) == 1 else row[rows] for row in eta[:2]]
            beta = self.beta.log_density(prepared[:, rows], inner, order)
            whole.value[rows] += beta.value
            add_derivatives(whole, beta, BETA, rows)
        if outside is not None:
            leave(whole, outside)
        return whole

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        eta, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        size, n = len(self.links), len(eta[0])
        probability = self.part_probabilities(eta)
        result = np.zeros((size * (size + 1) // 2, n))
        inner = self.beta.expected_information(eta[:2])
        add_packed(result, probability[1] * inner, BETA, 2)
        where = self.part_model.predictors
        for y, share in zip((0.0, 0.5, 1.0), probability, strict=True):
            part = self.part_model.log_probability(np.full(n, y), eta, 1)
            assert part.grad is not None
            add_packed(result, share * packed_products(part.grad), where, 2)
        return result

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        eta, _ = within_reach(self.links, eta)
        n = np.broadcast_shapes(*(each.shape for each in eta))[0]
        return np.array(np.broadcast_to(self.part_model.probabilities(eta), (3, n)))

    def mean(self, eta: Sequence[Floats]) -> Floats:
        _, inner, high = self.part_probabilities(eta)
        return np.asarray(high + inner * self.beta.mean(eta[:2]))

    def variance(self, eta: Sequence[Floats]) -> Floats:
        low, inner, high = self.part_probabilities(eta)
        mean, precision = self.beta.jets(eta[:2])
        spread = mean.value * mean.complement / (1.0 + precision.value)
        center, rest = high + inner * mean.value, low + inner * mean.complement
        between = low * center**2 + inner * (mean.value - center) ** 2 + high * rest**2
        return np.asarray(inner * spread + between)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        low, inner, _ = self.part_probabilities(eta)
        below = low + inner * self.beta.cdf(np.clip(y, 0.0, 1.0), eta[:2])
        return np.where(y < 0.0, 0.0, np.where(y < 1.0, np.minimum(below, 1.0), 1.0))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        low, inner, _ = self.part_probabilities(eta)
        between = np.clip((p - low) / np.maximum(inner, TINY), 0.0, 1.0)
        y = self.beta.quantile(between, eta[:2])
        return np.where(p <= low, 0.0, np.where(p > low + inner, 1.0, y))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        weights = np.ones(len(y)) if weights is None else weights
        inside = _is_inside(y) & (weights > 0.0)
        pairs = zip(self.links[:2], (0.5, 1.0), strict=True)
        inner = np.array([link.link(np.array(x)) for link, x in pairs])
        if inside.any():
            inner = self.beta.start(y[inside], weights[inside])
        sums = np.array([weights @ (y == 0.0), weights @ inside, weights @ (y == 1.0)])
        never = (sums == 0.0) & (sums.sum() > 0.0) & [True, False, True]
        shares = np.where(never, NEVER * sums.sum(), sums + HALF_A_ROW)
        return self.part_model.start(shares, inner)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        low, inner, _ = self.part_probabilities(eta)
        part = rng.random(len(low))
        y = self.beta.sample(np.broadcast_arrays(*eta)[:2], rng)
        return np.where(part < low, 0.0, np.where(part < low + inner, y, 1.0))


def _is_inside(y: Floats) -> Bools:
    return (y > 0.0) & (y < 1.0)
