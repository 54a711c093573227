"""The likelihood problem of a fit: family, rows in shards, covariances, approximation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from skglmm.arrays import Bools, Floats, Ints, keep_freed_memory
from skglmm.covariance import Covariance, Known
from skglmm.design import Layout
from skglmm.engine.iterative.plan import ProbePlan
from skglmm.engine.penalty import Penalty
from skglmm.engine.prior import Prior, StandardPrior
from skglmm.engine.problem.approximation import Approximation
from skglmm.engine.problem.flat import with_flat
from skglmm.engine.rows.effects import CrossedEffects, Effects
from skglmm.engine.rows.params import Params, Sizes
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Objective, Slopes
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.linalg import Elimination, NestedEffects
from skglmm.parts import Crew, Here, Owned, Parts

__all__ = ["Modes", "Problem"]

T = TypeVar("T")
NO_PENALTY = Penalty()
Modes = tuple[Floats, ...]  # spherical effects, (k, L) for each factor, leading factor first


@dataclass(frozen=True)
class Problem:
    """A mixed model bound to its rows: all that the objective needs beside the parameters.

    Parameters
    ----------
    family : Family
    shape : Sizes
        Lengths of the parameter vector.
    covariances : tuple of Covariance
        One for each factor, in the order of the layout.
    order : tuple of int
        The factors of the layout: first the chain, each nested in the next, whose levels shards
        own; it begins with the largest factor, the leading one.
    n_nested : int
        Length of the chain.
    n_levels : tuple of int
        Levels of each factor, leading one first.
    shards : Parts of Shard
    prior : Prior
        Of the spherical effects.
    rows : ndarray of int, shape (n,)
        Places of the sorted rows in the design.
    approximation : Approximation
        Of the integral over the random effects.
    flat : ndarray, shape (p,)
        Where the search for fixed effects begins that are integrated out, see `restricted`.
    penalty : Penalty
        Minus the log prior of the parameters, which the objective has beside the likelihood.
    plan : ProbePlan or None
        Of systems that are solved by iterations; None where they are factorized.
    """

    family: Family
    shape: Sizes
    covariances: tuple[Covariance, ...]
    order: tuple[int, ...]
    n_nested: int
    n_levels: tuple[int, ...]
    shards: Parts[Shard]
    prior: Prior
    rows: Ints
    approximation: Approximation
    flat: Floats = field(default_factory=partial(np.zeros, 0))
    penalty: Penalty = NO_PENALTY
    plan: ProbePlan | None = None

    def renewably(
        self, function: Callable[..., Any], *others: Parts[Any], **common: Any
    ) -> Parts[Any]:
        """Apply a function to the shards; of very many rows what it makes can be made again."""
        make = self.shards.map if self.plan is None else self.shards.renewably
        return make(function, *others, **common)

    def evaluate(
        self,
        vector: Floats,
        start: Effects | None = None,
        tol: float = DECREMENT_TOL,
        distance: Distance = "some",
    ) -> Objective | None:
        """Evaluate the objective and its gradient, see `Approximation.evaluate`.

        The objective is infinite, None, where a prior is zero.
        """
        added = self.penalized(vector) if self.penalty else (0.0, 0.0)
        if added is None:
            return None
        here = self.approximation.evaluate(self, vector, start, tol, distance)
        if here is None or not (self.penalty or self.plan):
            return here
        gradient = self._settled(here.gradient + added[1], vector)
        return replace(here, value=here.value + added[0], gradient=gradient)

    def gradient_near(
        self,
        here: Objective,
        change: Floats,
        slopes: Parts[Slopes],
        move: Effects | None = None,
    ) -> Floats | None:
        """Return the gradient after a small change, see `Approximation.gradient_near`."""
        gradient = self.approximation.gradient_near(self, here, change, slopes, move)
        if gradient is None or not (self.penalty or self.plan):
            return gradient
        vector = here.mode.point.params.pack() + change
        added = self.penalized(vector) if self.penalty else (0.0, 0.0)
        return None if added is None else self._settled(gradient + added[1], vector)

    def _settled(self, gradient: Floats, vector: Floats) -> Floats:
        """Slopes without those along which the prior of correlations jumps: there is no way.

        By probes, which know nothing of the symmetry of an effect that vanishes, also without
        slopes that it makes zero.
        """
        for places, values in self.penalty.uncorrelated(self.covariances, vector, self.shape):
            if not values.any():
                gradient[places] = 0.0
        if self.plan is not None:
            pairs = zip(self.covariances, self.shape.thetas, strict=True)
            for covariance, own in pairs:
                gradient[own][covariance.zeros(vector[own])] = 0.0
        return gradient

    def penalized(self, vector: Floats) -> tuple[float, Floats] | None:
        """Return minus the log prior and its gradient; None where the prior is zero."""
        return self.penalty.at(self.covariances, vector, self.shape)

    def tangent(self, mode: Mode, direction: Floats) -> Effects:
        """Return the derivative of the mode, see `Approximation.tangent`."""
        return self.approximation.tangent(self, mode, direction)

    def third_slopes(self, here: Objective) -> Parts[Slopes] | None:
        """Return what `gradient_near` takes, see `Approximation.third_slopes`."""
        return self.approximation.third_slopes(self, here)

    def information(self, mode: Mode) -> tuple[Floats, ...]:
        """Return the information about the parameters, see `Approximation.information`."""
        blocks = self.approximation.information(self, mode)
        if not self.penalty:
            return blocks
        vector = mode.point.params.pack()
        added, ends = self.penalty.hessian(self.covariances, vector, self.shape), 0
        found = []
        for block in blocks:
            start, ends = ends, ends + len(block)
            found.append(block + added[start:ends, start:ends])
        return tuple(found)

    def cluster_gradients(self, mode: Mode, clusters: Ints) -> Floats:
        """Return the gradient of each cluster, see `Approximation.cluster_gradients`.

        Without priors, which belong to no cluster.
        """
        return self.approximation.cluster_gradients(self, mode, clusters)

    def approximated(self, approximation: Approximation, layout: Layout) -> "Problem":
        """Return the problem with another approximation, for random effects of a layout.

        Raises
        ------
        DesignError
            If it does not integrate over such effects.
        """
        approximation.check(layout, (self.order, self.n_nested))
        return replace(self, approximation=approximation)

    def alike(self, other: "Problem", layout: Layout) -> "Problem":
        """Return the problem with the approximation and the priors of another one."""
        return replace(self.approximated(other.approximation, layout), penalty=other.penalty)

    def with_response(self, y: Floats) -> "Problem":
        """Return the problem with another response, shape (n,), in the order of the design."""
        prepared = self.family.prepare(y[self.rows])
        ends = np.cumsum([shard.n_rows for shard in self.shards])[:-1]
        pieces = Here(np.split(prepared, ends, axis=1))
        return replace(self, shards=self.shards.map(_with_prepared, pieces))

    def with_turned(self, k: int, turn: Floats) -> "Problem":
        """Return the problem with the fixed columns of predictor k multiplied by a matrix."""
        shards = self.shards.map(_with_turned, k=k, turn=turn)
        return replace(self, shards=shards, penalty=self.penalty.turned(k, turn))

    def restricted(self, beta: Sequence[Floats]) -> "Problem":
        r"""Return the problem whose integrated fixed effects are no parameters any more.

        They are the effects of one more factor, the last, with a single level and a flat prior:
        what is left to be minimized is minus the log of a restricted likelihood, but for
        :math:`\tfrac p2 \log 2 \pi` and the units of their columns.

        Parameters
        ----------
        beta : sequence of ndarray, each of shape (p_k,)
            Fixed effects of all predictors, near the mode.
        """
        approximation, lengths = (
            replace(self.approximation, integrated=()),
            self.shape.n_coefficients,
        )
        predictors = self._integrated
        if not predictors:
            return replace(self, approximation=approximation)
        assert self.prior == StandardPrior()  # remembered effects go with parameters as they are
        flat = np.concatenate([beta[k] for k in predictors])
        left = tuple(0 if k in predictors else length for k, length in enumerate(lengths))
        return replace(
            self,
            shape=Sizes(left, (*self.shape.n_theta, 0)),
            covariances=(*self.covariances, Known(len(flat))),
            order=(*self.order, len(self.covariances)),
            n_levels=(*self.n_levels, 1),
            shards=self.shards.map(with_flat, predictors=predictors),
            prior=StandardPrior(len(flat)),
            approximation=approximation,
            flat=flat,
            plan=None if self.plan is None else self.plan.anew(),
        )

    @property
    def searched(self) -> Bools:
        """Which parameters those of the restricted problem are, shape (n_params,)."""
        found = np.ones(self.shape.n_params, dtype=np.bool_)
        for k in self._integrated:
            found[self.shape.beta(k)] = False
        return found

    @property
    def _integrated(self) -> tuple[int, ...]:
        """Predictors that have fixed effects, which are integrated out."""
        pairs = enumerate(self.shape.n_coefficients)
        return tuple(k for k, n in pairs if n and k in self.approximation.integrated)

    @cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Columns and levels of each factor, leading one first."""
        columns = (self.covariances[f].size for f in self.order)
        return tuple(zip(columns, self.n_levels, strict=True))

    @cached_property
    def n_crossed(self) -> int:
        """Number of spherical effects of all crossed factors."""
        return sum(k * n for k, n in self.sizes[self.n_nested :])

    @cached_property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.shards.map(_n_rows).total())

    @cached_property
    def total_weight(self) -> float:
        """Sum of the weights of the rows."""
        return float(self.shards.map(_weight).total())

    def kept(self) -> "Problem":
        """Return the problem with shards for many evaluations, see `Parts.kept`."""
        return replace(self, shards=self.shards.kept())

    def shared(self, crew: Crew) -> "Problem":
        """Return the problem with ranges of the shards owned by this process and those of a crew.

        They have about as many rows each. Parts of this problem and of that one do not mix.
        """
        ends = np.cumsum([shard.n_rows for shard in self.shards])
        n = crew.n_others + 1
        owners = np.minimum((ends - 1) * n // max(1, ends[-1]), n - 1)
        counts = np.bincount(owners, minlength=n).tolist()
        shards: Parts[Shard] = Owned.of(crew, self.shards, counts)
        return replace(self, shards=shards.map(_evaluated_often))

    def some(self, shards: Iterable[int]) -> "Problem":
        """Return the problem of some of the shards; only these levels have effects."""
        return replace(self, shards=self.shards.some(shards))

    def zero(self) -> Effects:
        """Spherical effects that are all zero, but for fixed effects that are integrated out."""
        crossed = np.zeros(self.n_crossed)
        crossed[self.n_crossed - len(self.flat) :] = self.flat
        return self._effects(self.shards.map(_zero), crossed)

    def _effects(self, nested: Parts[NestedEffects], crossed: Floats) -> Effects:
        return Effects(nested, crossed) if self.n_nested else CrossedEffects(nested, crossed)

    @cached_property
    def no_chain(self) -> Parts[Elimination]:
        """What is eliminated of each shard where all effects are crossed: nothing."""
        return self.shards.map(_nothing)

    def lambdas(self, params: Params) -> list[Floats]:
        """Factors of the covariances, (k, k), leading one first."""
        return [self.covariances[f].factor(params.theta[f]) for f in self.order]

    def cut_crossed(self, crossed: Floats) -> list[Floats]:
        """Cut a vector of crossed effects into (k, L) for each crossed factor."""
        pieces, start = [], 0
        for k, n in self.sizes[self.n_nested :]:
            pieces.append(crossed[start : start + k * n].reshape(k, n))
            start += k * n
        return pieces

    def join(self, effects: Effects) -> Modes:
        """Return effects as arrays (k, L), one for each factor, leading factor first."""
        joined = [np.empty(size) for size in self.sizes[: self.n_nested]]
        for levels, nested in zip(self.levels, effects.nested, strict=True):
            for whole, place, part in zip(joined, levels, nested, strict=True):
                whole[:, place] = part
        return (*joined, *self.cut_crossed(effects.crossed))

    def split(self, modes: Modes) -> Effects:
        """Return arrays (k, L), one for each factor, as a vector of effects: undo `join`."""
        nested = self.shards.map(_own_part, whole=modes[: self.n_nested])
        crossed = np.concatenate([np.zeros(0), *(u.ravel() for u in modes[self.n_nested :])])
        return self._effects(nested, crossed)

    def gather(self, sums: Parts[Any]) -> Effects:
        """Return level sums of each shard, (k, L) for each factor, as one vector."""
        nested = sums.map(_first, count=self.n_nested)
        if not self.n_crossed:
            return self._effects(nested, np.zeros(0))
        crossed = (sums.map(_last, count=self.n_nested) if self.n_nested else sums).total()
        return self._effects(nested, np.concatenate([part.ravel() for part in crossed]))

    @cached_property
    def levels(self) -> list[tuple[Ints, ...]]:
        """The levels that each shard owns, of each factor of the chain."""
        return list(self.shards.map(_levels))

    def in_layout_order(self, parts: Sequence[T]) -> tuple[T, ...]:
        """Reorder parts, one for each factor, that begin with the leading factor."""
        return tuple(parts[self.order.index(f)] for f in range(len(parts)))


def _evaluated_often(shard: Shard) -> Shard:
    keep_freed_memory()
    return shard


def _with_prepared(shard: Shard, prepared: Floats) -> Shard:
    return replace(shard, prepared=np.ascontiguousarray(prepared))


def _with_turned(shard: Shard, k: int, turn: Floats) -> Shard:
    fixed = list(shard.fixed)
    fixed[k] = np.asfortranarray(fixed[k] @ turn)
    return replace(shard, fixed=tuple(fixed))


def _n_rows(shard: Shard) -> int:
    return shard.n_rows


def _weight(shard: Shard) -> float:
    return float(shard.n_rows if shard.weights is None else shard.weights.sum())


def _zero(shard: Shard) -> NestedEffects:
    pairs = zip(shard.factors, shard.levels, strict=False)
    return tuple([np.zeros((factor.n_columns, len(levels))) for factor, levels in pairs])


def _levels(shard: Shard) -> tuple[Ints, ...]:
    return shard.levels


def _own_part(shard: Shard, whole: Modes) -> NestedEffects:
    return tuple([part[:, levels] for part, levels in zip(whole, shard.levels, strict=True)])


def _nothing(shard: Shard) -> Elimination:
    return Elimination(shard.chain, ())


def _first(sums: list[Floats], count: int) -> NestedEffects:
    return tuple(sums[:count])


def _last(sums: list[Floats], count: int) -> list[Floats]:
    return sums[count:]
