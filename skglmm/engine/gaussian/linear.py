"""Linear mixed models whose rows are condensed."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm.covariance import Known
from skglmm.engine.gaussian.condensed import CondensedShard, condense, without_rows
from skglmm.engine.gaussian.profiled import Profile
from skglmm.engine.objective.laplace import Laplace
from skglmm.engine.prior import StandardPrior
from skglmm.engine.problem.flat import with_flat
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.params import Sizes
from skglmm.engine.rows.shard import Shard
from skglmm.families import Family
from skglmm.parts import Here, Parts

__all__ = ["LinearModel", "ProfiledGaussian", "is_linear"]


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
    condensed : Parts of CondensedShard
    """

    problem: Problem
    rows: Parts[Shard]
    condensed: Parts[CondensedShard]

    @classmethod
    def of(cls, problem: Problem) -> "LinearModel":
        """Condense the rows of a problem that is linear."""
        rows = problem.shards.map(with_flat, predictors=(problem.family.location,))
        return cls(problem, rows, Here(rows.map(condense, **_predictors(problem.family))))

    def with_response(self, problem: Problem) -> "LinearModel":
        """Return the same rows with the response of another problem."""
        rows = self.rows.map(_with_response_of, problem.shards)
        condensed = rows.map(condense, self.condensed, **_predictors(problem.family))
        return LinearModel(problem, rows, Here(condensed))

    @cached_property
    def profile(self) -> Problem:
        """The problem of the relative covariance parameters alone."""
        problem, location = self.problem, self.problem.family.location
        n_fixed = problem.shape.n_coefficients[location]
        square, weight, log_size = self.condensed.map(_scalars).total()
        approximation = Profile(
            condensed=self.condensed,
            n_fixed=n_fixed,
            square=square,
            weight=weight,
            log_size=log_size,
            integrated=problem.approximation.integrated,
        )
        return replace(
            problem,
            shape=Sizes((0,) * len(problem.shape.n_coefficients), (*problem.shape.n_theta, 0)),
            covariances=(*problem.covariances, Known(n_fixed)),
            order=(*problem.order, len(problem.covariances)),
            n_levels=(*problem.n_levels, 1),
            shards=Here(self.rows.map(without_rows)),
            prior=StandardPrior(n_fixed),
            approximation=approximation,
            flat=np.zeros(n_fixed),
        )

    @cached_property
    def plain(self) -> Problem:
        """The problem of all parameters, without its rows."""
        return replace(self.problem, shards=Here(self.problem.shards.map(without_rows)))

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

    @property
    def relative(self) -> Profile:
        """The profiled likelihood."""
        approximation = self.profile.approximation
        assert isinstance(approximation, Profile)
        return approximation


def _with_response_of(shard: Shard, other: Shard) -> Shard:
    return replace(shard, prepared=other.prepared)


def _scalars(condensed: CondensedShard) -> tuple[float, float, float]:
    return condensed.square, condensed.weight, condensed.log_size
