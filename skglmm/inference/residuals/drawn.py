r"""Residuals of rows given random effects that are drawn from their posterior.

Conditional modes are estimates: residuals about them are too small, the more so the fewer rows a
level has. Effects drawn from their distribution given the data have no such fault: in a true model
they and the responses are jointly one draw of the model, so that the quantile residuals given them
are independent standard normal numbers, whatever the sizes of the levels [1]_.

References
----------
.. [1] Johnson, V. E. (2007). Bayesian model assessment using pivotal quantities. Bayesian
   Analysis, 2(4), 719-734.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Effects, Mode, Modes, Problem
from skglmm.families import Family
from skglmm.fitting import Study
from skglmm.inference.residuals.residuals import normal_score, random_probability

__all__ = ["Drawn", "draw_effects", "drawn"]


@dataclass(frozen=True)
class Drawn:
    """Rows given random effects that are drawn from their posterior, in the study's order.

    Responses and linear predictors are in the units of the user.

    Parameters
    ----------
    family : Family
    y : ndarray, shape (n,)
        Responses on the family's own scale.
    fixed : ndarray, shape (n, p)
        Fixed columns of the location, standardized.
    eta : tuple of ndarray, each of shape (n,)
        Linear predictors.
    residual : ndarray, shape (n,)
        Quantile residuals: independent standard normal numbers in a true model.
    steepness : ndarray, shape (n,)
        By how much a unit of the location's predictor moves a residual, on average: the root
        of the expected information.
    """

    family: Family
    y: Floats
    fixed: Floats
    eta: tuple[Floats, ...]
    residual: Floats
    steepness: Floats

    @cached_property
    def scaled(self) -> Floats:
        """Residuals of unit variance, (n,).

        They are as the fitted dispersion would give them without what the model leaves out.
        """
        return np.asarray(self.residual / (np.sqrt(np.mean(self.residual**2)) or 1.0))

    @property
    def location(self) -> Floats:
        """The linear predictor of the location, (n,)."""
        return self.eta[self.family.location]

    @property
    def score(self) -> Floats:
        """Scores of the location's predictor, of variance steepness**2: (n,)."""
        return np.asarray(self.steepness * self.scaled)


def drawn(study: Study, mode: Mode, rng: np.random.Generator) -> Drawn:
    """Draw effects given the data, and return the rows given them.

    Parameters
    ----------
    study : Study
    mode : Mode
        Of the study at the estimates.
    rng : Generator
    """
    problem, family, units = study.problem, study.problem.family, study.units
    effects = draw_effects(problem, mode, rng)
    eta = _predictors(problem, mode, effects)
    probability = random_probability(family, study.response, eta, rng)
    return Drawn(
        family=family,
        y=study.y,
        fixed=study.design.fixed[family.location],
        eta=tuple(units.user_predictors(eta)),
        residual=normal_score(probability),
        steepness=np.sqrt(family.location_information(eta)) / units.size(family.location),
    )


def draw_effects(problem: Problem, mode: Mode, rng: np.random.Generator) -> Modes:
    """Draw spherical effects from N(mode, inverse of H): (k, L) each, leading factor first."""
    if not problem.order:
        return ()
    noise = problem.split(tuple(rng.standard_normal(size) for size in problem.sizes))
    moves = Effects(*mode.system.draw(noise.nested, noise.crossed))
    return problem.join(mode.point.u.plus(moves))


def _predictors(problem: Problem, mode: Mode, u: Modes) -> tuple[Floats, ...]:
    """Linear predictors given spherical effects, (n,) each, in the order of the design."""
    effects = problem.split(
        tuple(lambda_ @ part for lambda_, part in zip(mode.point.lambdas, u, strict=True))
    )
    crossed = problem.cut_crossed(effects.crossed)
    eta = np.empty((len(problem.shape.n_coefficients), len(problem.rows)))
    start = 0
    for shard, own in zip(problem.shards, effects.nested, strict=True):
        rows = problem.rows[start : start + shard.n_rows]
        for k, part in enumerate(shard.predictors(mode.point.params.beta, (*own, *crossed))):
            eta[k, rows] = part
        start += shard.n_rows
    return tuple(eta)
