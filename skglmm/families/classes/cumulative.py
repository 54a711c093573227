"""The cumulative family: ordered classes cut out of a continuous variable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, NamedTuple, Self, final

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families.base import Family
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.packing import Packing
from skglmm.families.classes.between_cuts import log_between
from skglmm.families.classes.cut_derivatives import linked
from skglmm.families.classes.thresholds import STRUCTURES, Classes, Thresholds
from skglmm.families.parameter import Parameter, Role
from skglmm.links import (
    Cauchit,
    EventCLogLog,
    EventLogLog,
    EventProbit,
    Identity,
    Link,
    Log,
    LogOdds,
    Stretched,
)
from skglmm.response import Support

__all__ = ["Cumulative"]

_LINKS = (LogOdds(), EventProbit(), EventCLogLog(), EventLogLog(), Cauchit())
_NONE = 1e-9  # a weight that is rounding
_HALF_A_ROW = 0.5  # is added to each class, so that no cut point begins afar


@final
@dataclass(frozen=True)
class Cumulative(Family):
    r"""Ordered classes, numbered from 0: a variable with a location, between cut points.

    :math:`P(y \le k) = F((\tau_k - \eta) / e^s)` with the inverse F of a link of probabilities, cut
    points :math:`\tau_k` that increase, a location :math:`\eta` and the logarithm s of a scale,
    both without an intercept.

    Parameters
    ----------
    link : Link
        Of the probabilities.
    thresholds : {"flexible", "symmetric", "equidistant"}, default="flexible"
        What is known of the distances of cut points.
    labels : tuple of str, default=("1", "2", "3")
        Names of the classes, in their order.
    has_scale : bool, default=False
        Whether the scale has a linear predictor.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Cumulative
    >>> family = Cumulative(labels=("bad", "fair", "good"))
    >>> family.predictors
    ('location', 'bad|fair', 'fair|good')
    >>> eta = np.zeros(1), np.array([-1.0]), np.array([1.0])
    >>> family.part_probabilities(eta).round(3).ravel()
    array([0.269, 0.462, 0.269])
    """

    structures: ClassVar[tuple[str, ...]] = STRUCTURES

    links: tuple[Link, ...] = field(init=False, repr=False, compare=False)
    link: Link = _LINKS[0]
    thresholds: str = "flexible"
    labels: tuple[str, ...] = ("1", "2", "3")
    has_scale: bool = False

    def __post_init__(self) -> None:
        width = float(len(self.labels) - 1)
        others = tuple(parameter.links[0] for parameter in self.parameters[1:])
        object.__setattr__(self, "links", (Stretched(self.link, width), *others))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self._parameters

    @cached_property
    def _parameters(self) -> tuple[Parameter, ...]:
        location = Parameter("location", Role.LOCATION, _LINKS, has_intercept=False)
        scale = Parameter("scale", Role.DISPERSION, (Log(),), has_intercept=False)
        cuts = (
            Parameter(name, Role.SHAPE, (Identity(),), block="thresholds")
            for name in self.cut_points.parameters
        )
        return location, *((scale,) if self.has_scale else ()), *cuts

    @cached_property
    def cut_points(self) -> Thresholds:
        """The structure of the cut points."""
        return Thresholds(self.thresholds, tuple(f"{a}|{b}" for a, b in pairwise(self.labels)))

    @property
    def support(self) -> Support:
        return Support(0.0, len(self.labels) - 1.0, "counts")

    @property
    def parts(self) -> tuple[str, ...]:
        return self.labels

    @property
    def packing(self) -> Packing:
        return self._packing

    @cached_property
    def _packing(self) -> Packing:
        first, size = self._first, len(self.parameters)
        apart = {(first + j, first + k) for j, k in self.cut_points.apart}
        return Packing.sparse(size, range(first, size), apart)

    @property
    def intercepts(self) -> Mapping[int, Mapping[int, float]]:
        weights = self.cut_points.start(np.ones(self.cut_points.size))
        own = {self._first + j: float(w) for j, w in enumerate(weights) if abs(w) > _NONE}
        return {self.location: own}

    @property
    def compared(self) -> tuple[int, ...]:
        return self.location, *range(self._first, len(self.parameters))

    def comparisons(self, prepared: Floats, moves: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return how far both ends of each class move away from the location; 0 for no end."""
        location, *numbers = moves
        found = self.cut_points.ends(prepared[0].astype(np.intp))
        upper, lower = (
            sum((w[:, None] * move for w, move in zip(weights, numbers, strict=True)), 0.0)
            for weights in found
        )
        is_top, is_bottom = (prepared[0] == end for end in self.support.ends[::-1])
        return (
            np.where(is_top[:, None], 0.0, upper - location),
            np.where(is_bottom[:, None], 0.0, location - lower),
        )

    @property
    def _first(self) -> int:
        """Place of the first parameter of the cut points."""
        return 2 if self.has_scale else 1

    def latent_variance(self, eta: Sequence[Floats]) -> Floats:
        n = np.broadcast_shapes(*(row.shape for row in eta))[0]
        scale = np.exp(2.0 * eta[1]) if self.has_scale else np.ones(1)
        return np.broadcast_to(scale * self.link.latent_variance, (n,))

    def contains(self, other: Family) -> bool:
        if not isinstance(other, Cumulative) or other.has_scale > self.has_scale:
            return False
        return self.link == other.link and self.cut_points.contains(other.cut_points)

    def with_link(self, link: Link) -> Self:
        return replace(self, link=link)

    def prepare(self, y: Floats) -> Floats:
        return y[None, :]

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        codes = prepared[0].astype(np.intp)
        cuts = self._standardized(codes, eta)
        value, *found = log_between(self.link, cuts.upper, cuts.lower, order)
        value = np.where(cuts.increase, value, -np.inf)
        if order == 0:
            return LogDensity(value)
        if not np.all(cuts.increase):
            found = [np.where(cuts.increase, each, 0.0) for each in found]
        # Ends beyond the reach of the link, as of a scale next to 0, have derivatives of zero.
        low, high = self.link.reach
        near = [(low <= end) & (end <= high) for end in (cuts.upper, cuts.lower)]
        ends = zip(near, (cuts.upper, cuts.lower), strict=True)
        upper, lower = (np.where(is_near, end, 0.0) for is_near, end in ends)
        per_unit = cuts.per_unit
        if self.has_scale:
            per_unit = np.where(near[0] | near[1], per_unit, 0.0)
        classes = Classes(codes, self.cut_points.size)
        derivatives = linked(
            found, (upper, lower), per_unit, self.cut_points, classes, self.packing
        )
        return LogDensity(value, *derivatives)

    def _standardized(self, codes: Ints, eta: Sequence[Floats]) -> "_Cuts":
        """The cut points about each row's class, less its location, in units of its scale."""
        cuts = self.cut_points.cuts(eta[self._first :])
        increase = np.all(np.diff(cuts, axis=0) > 0.0, axis=0)
        ends = np.full((len(cuts) + 2, cuts.shape[1]), np.inf)
        ends[0], ends[1:-1] = -np.inf, cuts
        rows = np.arange(len(codes)) if cuts.shape[1] > 1 else 0
        upper, lower = ends[codes + 1, rows], ends[codes, rows]
        with np.errstate(over="ignore", invalid="ignore"):
            per_unit = np.exp(-eta[1]) if self.has_scale else np.ones(1)
            upper, lower = (
                np.where(np.isfinite(end), (end - eta[0]) * per_unit, end) for end in (upper, lower)
            )
        return _Cuts(upper, lower, per_unit, increase)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        n = np.broadcast_shapes(*(each.shape for each in eta))[0]
        out = np.zeros((len(self.packing.pairs), n))
        for code in range(len(self.labels)):
            found = self.log_density(np.full((1, n), float(code)), eta, 1)
            assert found.grad is not None
            share, used = np.exp(found.value), self._used(code)
            for (j, k), row in self.packing.pairs.items():
                if j in used and k in used:
                    out[row] += share * found.grad[j] * found.grad[k]
        return out

    def _used(self, code: int) -> set[int]:
        """The predictors on which the probability of a class depends."""
        own = np.flatnonzero(self.cut_points.used[code])
        return {*range(self._first), *(self._first + own).tolist()}

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of the classes, (n_classes, n), small ones with all digits."""
        ends, increase = self._every_cut(eta)
        (value,) = log_between(self.link, ends[1:].ravel(), ends[:-1].ravel(), 0)
        return np.where(increase, np.exp(value).reshape(len(ends) - 1, -1), 0.0)

    def _every_cut(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        """All standardized cut points, infinite ones at the ends, and whether they increase."""
        n = np.broadcast_shapes(*(each.shape for each in eta))[0]
        cuts = self.cut_points.cuts(eta[self._first :])
        ends = np.full((len(cuts) + 2, n), np.inf)
        ends[0] = -np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            ends[1:-1] = (cuts - eta[0]) * (np.exp(-eta[1]) if self.has_scale else 1.0)
        return ends, np.all(np.diff(cuts, axis=0) > 0.0, axis=0)

    def mean(self, eta: Sequence[Floats]) -> Floats:
        return np.asarray(np.arange(len(self.labels)) @ self.part_probabilities(eta))

    def variance(self, eta: Sequence[Floats]) -> Floats:
        probabilities, codes = self.part_probabilities(eta), np.arange(len(self.labels))
        away = codes[:, None] - codes @ probabilities
        return np.asarray(np.sum(probabilities * away**2, axis=0))

    def cumulative(self, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities up to each class but the last, (n_cuts, n)."""
        return self._tails(eta)[0]

    def _tails(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Probabilities up to each class but the last, and above it, (n_cuts, n)."""
        cuts = self._every_cut(eta)[0][1:-1]
        jet = self.link.inverse(cuts.ravel())
        return jet.value.reshape(cuts.shape), jet.complement.reshape(cuts.shape)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._at(y, self._tails(eta)[0], (0.0, 1.0))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._at(y, self._tails(eta)[1], (1.0, 0.0))

    @staticmethod
    def _at(y: Floats, tails: Floats, ends: tuple[float, float]) -> Floats:
        """The rows of tails that belong to responses, (n,); `ends` are those beyond."""
        n = np.broadcast_shapes(y.shape, tails.shape[1:])[0]
        whole = np.empty((len(tails) + 2, n))
        whole[0], whole[1:-1], whole[-1] = ends[0], tails, ends[1]
        places = np.clip(np.floor(np.broadcast_to(y, n)) + 1.0, 0, len(tails) + 1)
        return np.asarray(whole[places.astype(np.intp), np.arange(n)])

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return np.asarray(np.sum(self.cumulative(eta) < p, axis=0), dtype=np.float64)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        counts = np.bincount(y.astype(np.intp), weights, minlength=len(self.labels)) + _HALF_A_ROW
        shares = np.cumsum(counts)[:-1] / counts.sum()
        cuts = self.cut_points.start(self.link.link(shares))
        return np.concatenate([np.zeros(self._first), cuts])

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        n = np.broadcast_shapes(*(each.shape for each in eta))[0]
        return self.quantile(np.asarray(rng.random(n)), eta)


class _Cuts(NamedTuple):
    """Standardized cut points of rows, (n,), and what standardized them, (n,) or (1,)."""

    upper: Floats
    lower: Floats
    per_unit: Floats
    increase: Floats
