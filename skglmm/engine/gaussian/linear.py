"""Linear mixed models whose rows are condensed."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance import Known
from skglmm.engine.gaussian.condensed import CondensedShard, condense, without_rows
from skglmm.engine.gaussian.dense import DenseLikelihood, gram_of
from skglmm.engine.gaussian.merge import Merger, with_sums
from skglmm.engine.gaussian.profiled import ProfiledLikelihood
from skglmm.engine.objective.laplace import Laplace
from skglmm.engine.prior import StandardPrior
from skglmm.engine.problem.flat import with_flat
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.params import Sizes
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.parts import Here, Parts

__all__ = ["LinearModel", "ProfiledGaussian", "is_linear"]

DENSE_MAX = 96  # effects whose dense matrix is factorized in the time of a few calls


@dataclass(frozen=True)
class ProfiledGaussian(Laplace):
    """Linear mixed models exactly, with fixed effects and scale profiled out.

    Where the scale has a formula, or the mean another link, it is Laplace's approximation; where
    rows are asked for, too, which is exact for a normal response.
    """


def is_linear(problem: Problem) -> bool:
    """Return whether the response is normal, with a linear mean and one scale for all rows."""
    family, approximation = problem.family, problem.approximation
    if not isinstance(approximation, ProfiledGaussian) or not family.is_normal:
        return False
    location, scale = _predictors(family).values()
    if problem.shape.n_coefficients[scale] != 1 or not problem.shape.n_coefficients[location]:
        return False
    return all(problem.shards.map(_has_one_scale, location=location, scale=scale))


def _predictors(family: Family) -> dict[str, int]:
    """Places of the predictors of a normal family."""
    assert family.dispersion is not None
    return {"location": family.location, "scale": family.predictors.index(family.dispersion)}


def _has_one_scale(shard: Shard, location: int, scale: int) -> bool:
    column = shard.fixed[scale]
    return set(shard.active) <= {location} and bool(np.all(column == column[:1]))


@dataclass(frozen=True)
class LinearModel:
    """A linear mixed model bound to its rows, condensed.

    Parameters
    ----------
    problem : Problem
        With rows, and all parameters.
    rows : Parts of Shard
        The same rows, with the fixed columns of the location as those of a last factor.
    parts : Parts of CondensedShard
        Cross-products of these.
    profile : Problem
        Of the relative covariance parameters alone, without rows.
    gram : ndarray, shape (q, q), or None
        Cross-products of all columns, where effects are few.
    """

    problem: Problem
    rows: Parts[Shard]
    parts: Parts[CondensedShard]
    profile: Problem
    gram: Floats | None

    @classmethod
    def of(cls, problem: Problem) -> "LinearModel":
        """Condense the rows of a problem that is linear."""
        rows = problem.shards.map(with_flat, predictors=(problem.family.location,))
        parts = Here(rows.map(condense, **_predictors(problem.family)))
        merger = Merger(tuple(rows.map(without_rows)))
        condensed = merger.condensed(list(parts))
        n_effects = sum(part.size for part in condensed.sums)
        gram = gram_of(merger.shard, condensed) if n_effects <= DENSE_MAX else None
        return cls(problem, rows, parts, _profile(problem, merger.shard, condensed), gram)

    def with_response(self, problem: Problem) -> "LinearModel":
        """Return the same rows with the response of another problem."""
        rows = self.rows.map(_with_response_of, problem.shards)
        parts = Here(rows.map(condense, self.parts, **_predictors(problem.family)))
        likelihood = self.likelihood
        condensed = with_sums(likelihood.condensed, list(parts), problem.n_nested)
        profile = replace(self.profile, approximation=replace(likelihood, condensed=condensed))
        return LinearModel(problem, rows, parts, profile, self.gram)

    @cached_property
    def search(self) -> Problem:
        """The same problem as a search takes it: in one dense matrix, if effects are few."""
        if self.gram is None:
            return self.profile
        whole = self.likelihood
        dense = DenseLikelihood(
            whole.condensed,
            whole.n_fixed,
            self.gram,
            self.profile.sizes,
            integrated=whole.integrated,
        )
        return replace(self.profile, approximation=dense)

    @cached_property
    def plain(self) -> Problem:
        """The problem of all parameters, without its rows."""
        merger = Merger(tuple(self.problem.shards.map(without_rows)))
        return replace(self.problem, shards=Here((merger.shard,)))

    @property
    def likelihood(self) -> ProfiledLikelihood:
        """The profiled likelihood."""
        approximation = self.profile.approximation
        assert isinstance(approximation, ProfiledLikelihood)
        return approximation

    @property
    def location(self) -> int:
        """Place of the predictor of the mean."""
        return self.problem.family.location

    @property
    def scale(self) -> int:
        """Place of the predictor of the log scale."""
        return _predictors(self.problem.family)["scale"]

    @cached_property
    def scale_column(self) -> float:
        """What the log scale is a multiple of."""
        return float(next(iter(self.problem.shards.some([0]))).fixed[self.scale][0, 0])


def _profile(problem: Problem, shard: Shard, condensed: CondensedShard) -> Problem:
    """Return the problem of the relative covariance parameters."""
    n_fixed = problem.shape.n_coefficients[problem.family.location]
    integrated = problem.approximation.integrated
    return replace(
        problem,
        shape=Sizes((0,) * len(problem.shape.n_coefficients), (*problem.shape.n_theta, 0)),
        covariances=(*problem.covariances, Known(n_fixed)),
        order=(*problem.order, len(problem.covariances)),
        n_levels=(*problem.n_levels, 1),
        shards=Here((shard,)),
        prior=StandardPrior(n_fixed),
        approximation=ProfiledLikelihood(condensed, n_fixed, integrated=integrated),
        flat=np.zeros(n_fixed),
    )


def _with_response_of(shard: Shard, other: Shard) -> Shard:
    return replace(shard, prepared=other.prepared)
