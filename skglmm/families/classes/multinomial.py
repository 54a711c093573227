"""The multinomial family: classes without an order, each against one of reference."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self, final

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.base import Family
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.calculus.reach import within_reach
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Link, LogOdds
from skglmm.response import Support

__all__ = ["Multinomial"]

_LINKS = (LogOdds(),)
_HALF_A_ROW = 0.5  # is added to each class, so that none begins afar


@final
@dataclass(frozen=True)
class Multinomial(Family):
    r"""Classes without an order, numbered from 0: baseline-category logits.

    :math:`P(y = k) = e^{\eta_k} / \sum_j e^{\eta_j}`, with one linear predictor for each class but
    the first, whose :math:`\eta_0` is 0. That of class k is the logit of the probability of k
    against the first. Third derivatives are as many as the cube of the classes.

    Parameters
    ----------
    link : Link
        Of the probability of a class against the first: the logit.
    labels : tuple of str, default=("1", "2", "3")
        Names of the classes, that of reference first.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Multinomial
    >>> family = Multinomial(labels=("bus", "car", "train"))
    >>> family.predictors
    ('car', 'train')
    >>> eta = np.log([2.0]), np.log([7.0])
    >>> family.part_probabilities(eta).round(3).ravel()
    array([0.1, 0.2, 0.7])
    """

    links: tuple[Link, ...] = field(init=False, repr=False, compare=False)
    link: Link = _LINKS[0]
    labels: tuple[str, ...] = ("1", "2", "3")

    def __post_init__(self) -> None:
        object.__setattr__(self, "links", (self.link,) * (len(self.labels) - 1))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self._parameters

    @cached_property
    def _parameters(self) -> tuple[Parameter, ...]:
        return tuple(Parameter(label, Role.LOCATION, _LINKS) for label in self.labels[1:])

    @property
    def is_unordered(self) -> bool:
        return True

    @property
    def support(self) -> Support:
        return Support(0.0, len(self.labels) - 1.0, "counts")

    @property
    def parts(self) -> tuple[str, ...]:
        return self.labels

    @property
    def is_canonical(self) -> bool:
        return True

    def with_link(self, link: Link) -> Self:
        return replace(self, link=link)

    def prepare(self, y: Floats) -> Floats:
        return y[None, :]

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        codes = prepared[0].astype(np.intp)
        near, outside = within_reach(self.links, eta)
        every, rows = _with_reference(near, len(codes)), np.arange(len(codes))
        most = np.argmax(every, axis=0)
        from_most = every - every[most, rows]
        odds = np.exp(from_most)
        odds[most, rows] = 0.0  # 1, which log1p adds
        value = from_most[codes, rows] - np.log1p(odds.sum(axis=0))
        if order == 0:
            found = LogDensity(value)
        else:
            p, q = _probabilities(near, len(codes))
            hit = codes == np.arange(1, len(self.labels))[:, None]
            found = LogDensity(value, np.where(hit, q, -p), *_cumulants(p, q, order))
        if outside is not None:
            leave(found, outside)
        return found

    @property
    def compared(self) -> tuple[int, ...]:
        return tuple(range(len(self.parameters)))

    def comparisons(self, prepared: Floats, moves: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return how far each response's predictor moves away from those of the other classes."""
        codes, none = prepared[0].astype(np.intp), np.zeros_like(moves[0])
        every = np.stack(np.broadcast_arrays(none, *moves))
        if every.shape[1] == 1:
            every = np.broadcast_to(every, (len(every), len(codes), every.shape[2]))
        rows = np.arange(len(codes))
        others = np.arange(len(moves))[:, None]
        return tuple(
            every[codes, rows] - every[places, rows] for places in others + (others >= codes)
        )

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        return -_cumulants(*_probabilities(near, _length(eta)), 2)[0]

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        return _softmax(_with_reference(near, _length(eta)))

    def mean(self, eta: Sequence[Floats]) -> Floats:
        return np.asarray(np.arange(len(self.labels)) @ self.part_probabilities(eta))

    def variance(self, eta: Sequence[Floats]) -> Floats:
        probabilities, codes = self.part_probabilities(eta), np.arange(len(self.labels))
        away = codes[:, None] - codes @ probabilities
        return np.asarray(np.sum(probabilities * away**2, axis=0))

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        up_to = np.arange(len(self.labels))[:, None] <= y
        return _sums(self.part_probabilities(eta), up_to)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        above = np.arange(len(self.labels))[:, None] > y
        return _sums(self.part_probabilities(eta), above)

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        up_to = np.cumsum(self.part_probabilities(eta), axis=0)[:-1]
        return np.asarray(np.sum(up_to < p, axis=0), dtype=np.float64)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        counts = np.bincount(y.astype(np.intp), weights, minlength=len(self.labels)) + _HALF_A_ROW
        return np.asarray(np.log(counts[1:] / counts[0]))

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        return self.quantile(np.asarray(rng.random(_length(eta))), eta)


def _length(eta: Sequence[Floats]) -> int:
    return int(np.broadcast_shapes(*(each.shape for each in eta))[0])


def _with_reference(eta: Sequence[Floats], n: int) -> Floats:
    """Linear predictors of all classes, of which that of the first is 0, (K + 1, n)."""
    out = np.zeros((len(eta) + 1, n))
    for row, each in zip(out[1:], eta, strict=True):
        row[:] = each
    return out


def _sums(probabilities: Floats, which: Bools) -> Floats:
    """Probabilities of some classes together, of all exactly 1."""
    found = np.minimum(np.sum(probabilities * which, axis=0), 1.0)
    return np.where(which.all(axis=0), 1.0, found)


def _softmax(every: Floats) -> Floats:
    odds = np.exp(every - every.max(axis=0))
    return np.asarray(odds / odds.sum(axis=0))


def _probabilities(eta: Sequence[Floats], n: int) -> tuple[Floats, Floats]:
    """Probabilities of the classes but the first, and of all others than each, (K, n)."""
    p = _softmax(_with_reference(eta, n))
    others = 1.0 - np.eye(len(p))  # sums of small ones, which have all their digits
    return p[1:], (others @ p)[1:]


def _cumulants(p: Floats, q: Floats, order: int) -> list[Floats]:
    """Minus the cumulants of which class it is, of the orders 2 and 3, packed."""
    found = []
    if order >= 2:
        pairs = packed_rows(len(p), 2)
        found.append(np.stack([-p[j] * q[j] if j == k else p[j] * p[k] for j, k in pairs]))
    if order >= 3:
        lean, triples = p - q, packed_rows(len(p), 3)
        found.append(np.stack([_third(p, q, lean, *each) for each in triples]))
    return found


def _third(p: Floats, q: Floats, lean: Floats, j: int, k: int, m: int) -> Floats:
    if j == k == m:
        return np.asarray(p[j] * q[j] * lean[j])
    if j == k:
        return np.asarray(-p[j] * p[m] * lean[j])
    if k == m:
        return np.asarray(-p[k] * p[j] * lean[k])
    return np.asarray(-2.0 * p[j] * p[k] * p[m])
