"""Linear mixed models whose rows are condensed."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.covariance import Known, Lowered
from skglmm.engine.gaussian.condensed import (
    CondensedShard,
    ResponseSums,
    condense,
    response_sums,
)
from skglmm.engine.gaussian.dense import DenseLikelihood, gram_of
from skglmm.engine.gaussian.equations import MixedModelEquations
from skglmm.engine.gaussian.merge import Merger, with_sums
from skglmm.engine.gaussian.profiled import ProfiledLikelihood
from skglmm.engine.objective.laplace import Laplace
from skglmm.engine.prior import StandardPrior
from skglmm.engine.problem.flat import for_sums, with_flat
from skglmm.engine.problem.problem import Problem
from skglmm.engine.problem.within import LevelSquares, constant_by_squares
from skglmm.engine.rows.params import Sizes
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.parts import Here, Parts

__all__ = ["LinearModel", "LinearRows", "ProfiledGaussian", "linear_model"]

DENSE_MAX = 96  # effects whose dense matrix is factorized in the time of a few calls


@dataclass(frozen=True)
class ProfiledGaussian(Laplace):
    """Linear mixed models exactly, with fixed effects and scale profiled out.

    Where the scale has a formula, or the mean another link, it is Laplace's approximation; where
    rows are asked for, too, which is exact for a normal response.
    """


@dataclass(frozen=True)
class LinearRows:
    """What the rows of a linear mixed model say whatever their response is.

    Parameters
    ----------
    problem : Problem
        With rows, and all parameters.
    plain : Problem
        The same without its rows.
    condensed : CondensedShard
    squares : LevelSquares
        Of the fixed columns, see `level_squares`.
    scale_column : float
        What the log scale is a multiple of; 0 where it is known.
    """

    problem: Problem
    plain: Problem
    condensed: CondensedShard
    squares: LevelSquares
    scale_column: float

    @classmethod
    def of(cls, problem: Problem) -> "LinearRows | None":
        """Condense the rows of a problem; None where it is not linear, or scales of rows differ.

        So it is, too, where parameters have priors, which cross-products know nothing of.
        """
        if not _is_linear(problem):
            return None
        rows = list(problem.shards.map(condense, **_predictors(problem.family)))
        parts = [part for part in rows if part is not None]
        if len(parts) < len(rows) or len({part.scale_column for part in parts}) > 1:
            return None
        merger = Merger(tuple(part.levels for part in parts))
        return cls(
            problem=problem,
            plain=replace(problem, shards=Here((merger.shard,))),
            condensed=merger.condensed([part.products for part in parts]),
            squares=Here([part.squares for part in parts]).total(),
            scale_column=parts[0].scale_column,
        )

    @cached_property
    def equations(self) -> MixedModelEquations:
        """The mixed model equations."""
        return MixedModelEquations.of(self.plain, self.condensed)

    @cached_property
    def constant_within(self) -> tuple[tuple[Bools, ...], ...]:
        """Which fixed columns are the same in all rows of a level, see `constant_within`."""
        return constant_by_squares(self.plain, self.squares)

    @cached_property
    def summed(self) -> Parts[Shard]:
        """The rows as sums of other responses take them."""
        return self.problem.shards.map(for_sums, predictors=(self.problem.family.location,))


@dataclass(frozen=True)
class LinearModel:
    """A linear mixed model bound to its rows, condensed.

    Parameters
    ----------
    problem : Problem
        With rows, and all parameters.
    profile : Problem
        Of the relative covariance parameters alone, without rows.
    gram : ndarray, shape (q, q), or None
        Cross-products of all columns, where effects are few.
    shared : LinearRows
        What does not change with the response.
    """

    problem: Problem
    profile: Problem
    gram: Floats | None
    shared: LinearRows

    @classmethod
    def of(cls, problem: Problem) -> "LinearModel | None":
        """Condense the rows of a problem, see `LinearRows.of`; None where the scale is known, too.

        This is the only pass over the rows: what a fit asks for later is in what it returns.
        """
        shared = LinearRows.of(problem) if _n_scales(problem) else None
        if shared is None:
            return None
        (shard,), condensed = shared.plain.shards, shared.condensed
        flat = with_flat(shard, (problem.family.location,))
        n_effects = sum(part.size for part in condensed.sums)
        gram = gram_of(flat, condensed) if n_effects <= DENSE_MAX else None
        return cls(problem, _profile(problem, flat, condensed), gram, shared)

    def with_response(self, problem: Problem) -> "LinearModel":
        """Return the same rows with the response of another problem."""
        rows, likelihood = self.shared.summed, self.likelihood
        sums = list(rows.map(_sums_with, problem.shards, **_predictors(problem.family)))
        condensed = with_sums(likelihood.condensed, sums, problem.n_nested)
        profile = replace(self.profile, approximation=replace(likelihood, condensed=condensed))
        return replace(self, problem=problem, profile=profile)

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

    @property
    def scale_column(self) -> float:
        """What the log scale is a multiple of."""
        return self.shared.scale_column


def linear_model(problem: Problem) -> LinearModel | None:
    """Return the linear mixed model that solves a problem by cross-products; None of others."""
    if isinstance(problem.approximation, ProfiledGaussian) and problem.plan is None:
        return LinearModel.of(problem)
    return None


def _is_linear(problem: Problem) -> bool:
    """Whether the response is normal, with a linear mean and one scale, estimated or left out."""
    if problem.penalty or not problem.family.is_normal:
        return False
    parts = [part for each in problem.covariances for part in each.blocks]
    is_left_out = any(isinstance(part, Lowered) for part in parts)
    has_mean = problem.shape.n_coefficients[problem.family.location] > 0
    return has_mean and (_n_scales(problem) == 1 or (_n_scales(problem) == 0 and is_left_out))


def _n_scales(problem: Problem) -> int:
    """Number of coefficients of the scale of a normal family; 0 of others, too."""
    if not problem.family.is_normal:
        return 0
    return problem.shape.n_coefficients[_predictors(problem.family)["scale"]]


def _predictors(family: Family) -> dict[str, int]:
    """Places of the predictors of a normal family."""
    assert family.dispersion is not None
    return {"location": family.location, "scale": family.predictors.index(family.dispersion)}


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
        shards=Here((replace(shard, chain=shard.chain.briefly_used()),)),
        prior=StandardPrior(n_fixed),
        approximation=ProfiledLikelihood(condensed, n_fixed, integrated=integrated),
        flat=np.zeros(n_fixed),
    )


def _sums_with(shard: Shard, other: Shard, **predictors: int) -> ResponseSums:
    return response_sums(replace(shard, prepared=other.prepared), **predictors)
