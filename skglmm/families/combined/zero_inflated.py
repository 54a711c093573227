"""Zero-inflated counts: any family of counts, and extra zeros."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from scipy.special import expit, log_expit

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.add import add_derivatives, flat
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.compose import compose
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.combined import Combined, check_counts, of_count
from skglmm.families.combined.masses import ZERO, ZERO_OR_MORE
from skglmm.families.combined.truncated import Truncated
from skglmm.families.defaults.whole_quantile import whole_quantile
from skglmm.response import Support

__all__ = ["ZeroInflated"]

EXTRA = replace(
    ZERO,
    at_other_end="the counts have no more zeros than their distribution expects; leave out zero=",
)
HALF_A_ROW = 0.5  # is added to both kinds of counts, so that none begins afar
LEAST = 0.25  # of the zeros begin as extra ones: where none are, the likelihood hardly has a slope
ROUNDS = 20  # of the EM algorithm, for a start


@final
@dataclass(frozen=True)
class ZeroInflated(Combined):
    r"""Counts of another family, and extra zeros with a probability of their own.

    With the last linear predictor z, a count is an extra zero with the probability
    :math:`\pi = e^z / (1 + e^z)`, so that :math:`P(y = 0) = \pi + (1 - \pi) f(0)`, with f the
    probability of the other family [1]_.

    Parameters
    ----------
    family : Family
        Of counts that may be 0. The link of the probability of an extra zero is always a logit.

    References
    ----------
    .. [1] Lambert, D. (1992). Zero-inflated Poisson regression, with an application to defects in
       manufacturing. Technometrics, 34(1), 1-14.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Poisson, ZeroInflated
    >>> family, eta = ZeroInflated(Poisson()), (np.log([2.0]), np.log([1 / 3]))  # pi = 1/4
    >>> family.predictors, family.mean(eta)
    (('mean', 'zero'), array([1.5]))
    >>> family.part_probabilities(eta).ravel().round(4)  # 1/4 + 3/4 e^-2
    array([0.3515, 0.6485])
    """

    own = (EXTRA,)
    parts = ZERO_OR_MORE

    def __post_init__(self) -> None:
        check_counts(self.family, "ZeroInflated")
        super().__post_init__()

    @property
    def support(self) -> Support:
        return self.family.support

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (*self.family.mean_predictors, len(self.family.links))

    def contains(self, other: Family) -> bool:
        return super().contains(other) or self.family.contains(other)

    def ends_in(self, other: Family) -> tuple[str, ...]:
        if super().contains(other):
            return super().ends_in(other)
        return (*self.family.ends_in(other), ZERO.name)

    def prepare(self, y: Floats) -> Floats:
        """Return what the other family prepares, and counts."""
        return np.vstack([self.family.prepare(y), y])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        counts = self.family.log_density(prepared[:-1], near[:-1], order)
        found = self._beside(counts, self.links[-1].log_complement(near[-1], order))
        zero = np.flatnonzero(prepared[-1] == 0.0)
        if zero.size:
            some = LogDensity(*(part[..., zero] for part in counts.filled))
            z = near[-1] if len(near[-1]) == 1 else near[-1][zero]
            mixed = self._mixed(some, z, order)
            for part, here in zip(found.filled, mixed.filled, strict=True):
                part[..., zero] = here
        if outside is not None:
            leave(found, outside)
        return found

    def _beside(self, counts: LogDensity, own: Sequence[Floats]) -> LogDensity:
        """Return the sum of a function of the counts' predictors and one of the last."""
        last = len(self.links) - 1
        found = flat(counts.value + own[0], last + 1, len(own) - 1)
        add_derivatives(found, counts, range(last))
        add_derivatives(found, _of_one(own), (last,))
        return found

    def _mixed(self, counts: LogDensity, z: Floats, order: int) -> LogDensity:
        r"""Return log probabilities of zeros, extra ones or not, from those that are not.

        With :math:`d = \log f(0) - z` it is :math:`\log \pi + \log(1 + e^d)`.
        """
        line = (-z, -np.ones(1), np.zeros(1), np.zeros(1))[: order + 1]
        d, *parts = self._beside(counts, line).filled
        p, q = expit(d), expit(-d)  # of zeros: that they are none or extra ones
        extra = self.links[-1].log_inverse(z, order)
        most = np.where(d < 0.0, extra[0], log_expit(-z) + counts.value)
        slopes = (p, p * q, p * q * (q - p))[:order]
        found = LogDensity(most + np.log1p(np.exp(-np.abs(d))), *compose(slopes, parts))
        add_derivatives(found, _of_one(extra), (len(self.links) - 1,))
        return found

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        r"""Return minus the expected second derivatives.

        They are those of a model that tells extra zeros, less the variance of what only that
        tells: of zeros the share :math:`q = \pi / P(y = 0)` is extra.
        """
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        none, size = of_count(self.family, 0.0, near[:-1], 1), len(self.links)
        assert none.grad is not None
        rows = packed_rows(size, 2)
        extra, other = expit(near[-1]), expit(-near[-1])
        q = expit(near[-1] - none.value)
        shared = other * q * np.exp(none.value)
        inner = other * self.family.expected_information(near[:-1])
        found = np.zeros((len(rows), len(q)))
        for (i, j), row in packed_rows(size - 1, 2).items():
            found[rows[i, j]] = inner[row] - shared * none.grad[i] * none.grad[j]
        for i in range(size - 1):
            found[rows[i, size - 1]] = shared * none.grad[i]
        found[-1] = extra * other * q * -np.expm1(none.value)
        return found

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        none, other = of_count(self.family, 0.0, near[:-1]).value, expit(-near[-1])
        return np.stack([expit(near[-1]) + other * np.exp(none), other * -np.expm1(none)])

    def mean(self, eta: Sequence[Floats]) -> Floats:
        (_, other), own = self._shares(eta)
        return np.asarray(other * self.family.mean(own))

    def variance(self, eta: Sequence[Floats]) -> Floats:
        (extra, other), own = self._shares(eta)
        mean = self.family.mean(own)
        return np.asarray(other * (self.family.variance(own) + extra * mean * mean))

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        (extra, other), own = self._shares(eta)
        return np.where(y < 0.0, 0.0, np.minimum(extra + other * self.family.cdf(y, own), 1.0))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        (_, other), own = self._shares(eta)
        return np.where(y < 0.0, 1.0, other * self.family.survival(y, own))

    def _shares(self, eta: Sequence[Floats]) -> tuple[tuple[Floats, Floats], Sequence[Floats]]:
        """Return the probabilities of extra zeros and of others, and the others' predictors."""
        near, _ = within_reach(self.links, eta)
        return (expit(near[-1]), expit(-near[-1])), near[:-1]

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return whole_quantile(self, p, eta)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return constants that suit positive counts, and the zeros that these leave over.

        Where these are few, as counts that vary expect most zeros, some are taken for extra ones.
        """
        weights = np.ones(len(y)) if weights is None else weights
        if self.family.known:  # of each row, but not here
            return self.start_within(y, np.full(len(y), max(1.0, float(np.max(y)))), weights)
        some, total = (y > 0.0) & (weights > 0.0), weights.sum()
        extra, inner = 0.0, np.empty(0)
        if some.any():
            inner = Truncated(self.family).start(y[some], weights[some])
            log_none = of_count(self.family, 0.0, [np.array([each]) for each in inner]).value[0]
            others = weights[some].sum() / -np.expm1(log_none)
            extra = total - others
        zeros = total - weights[some].sum()
        if not extra > LEAST * zeros:
            extra = LEAST * zeros
            inner = self.family.start(y, np.where(y > 0.0, weights, (1.0 - LEAST) * weights))
        odds = (extra + HALF_A_ROW) / (total - extra + HALF_A_ROW)
        return np.append(inner, np.log(odds))

    def start_within(self, y: Floats, sizes: Floats, weights: Floats | None = None) -> Floats:
        """Return constants after some steps of the EM algorithm from as many extra zeros as others.

        With sizes in each row there is no single number of zeros that counts expect.
        """
        weights = np.ones(len(y)) if weights is None else weights
        none, total = y == 0.0, weights.sum()
        mass, known = np.where(none, 0.5 * weights, weights), self.family.known
        for _ in range(ROUNDS):
            inner = self.family.start_within(y, sizes, mass)
            eta = [sizes if k in known else inner[k : k + 1] for k in range(len(inner))]
            log_none = of_count(self.family, 0.0, eta).value
            extra = max(total - mass.sum(), 0.0)
            log_odds = np.log((extra + HALF_A_ROW) / (total - extra + HALF_A_ROW))
            mass = np.where(none, weights * expit(log_none - log_odds), weights)
        return np.append(inner, log_odds)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        extra = rng.random(len(near[-1])) < expit(near[-1])
        return np.where(extra, 0.0, self.family.sample(near[:-1], rng))


def _of_one(own: Sequence[Floats]) -> LogDensity:
    """Return a function of one predictor as a record."""
    return LogDensity(*(each[None] for each in own))
