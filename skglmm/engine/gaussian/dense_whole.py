"""All parameters at a maximum that was found in one dense matrix: few calls, the same numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp

import numpy as np
from scipy.linalg.lapack import dpotrs

from skglmm.arrays import Floats
from skglmm.engine.gaussian.dense import DenseLikelihood, DenseMode, pulled
from skglmm.engine.gaussian.linear import LinearModel
from skglmm.engine.gaussian.whole import Maximum
from skglmm.engine.problem.problem import Modes
from skglmm.engine.rows.records import Mode, Objective
from skglmm.parts import Here

__all__ = ["DenseMaximum", "maximum_of"]


def maximum_of(model: LinearModel, here: Objective, *, effects: bool) -> Maximum:
    """Return the maximum of the profiled likelihood where a search has found it.

    Parameters
    ----------
    model : LinearModel
    here : Objective
    effects : bool
        Whether the posterior of the random effects is asked for.
    """
    if isinstance(here.mode, DenseMode):
        return DenseMaximum(model, here, effects)
    return Maximum(model, here)


@dataclass(frozen=True)
class DenseMaximum(Maximum):
    """A maximum that was found in one dense matrix.

    Parameters
    ----------
    by_level : bool
        Whether the mode is to have cross-products and Hessian by level, as a posterior needs them.
    """

    by_level: bool

    @property
    def found(self) -> DenseMode:
        assert isinstance(self.here.mode, DenseMode)
        return self.here.mode

    @cached_property
    def mode(self) -> Mode:
        if self.by_level:
            return super().mode
        return Mode(self._point(self.found), Here(()), self.found.system)

    def jacobian(self) -> Modes:
        if not self.problem.order:
            return ()
        n, rate = len(self._likelihood.gram) - self._n_fixed, exp(-self.log_scale)
        effects = self.found.effects[:n, None]
        fixed = -rate * pulled(self.found.turn, self._likelihood.gram[:, n:])[:n]
        scale = -2.0 * self.model.scale_column * rate * effects
        theta = rate**2 * self._forces_of(self.params.theta)[:n]
        forces = np.hstack([fixed, scale, theta])[:, np.argsort(self._places)]
        solved = dpotrs(self.found.lower[:n, :n], forces, lower=1)[0].T
        pairs = zip(self._likelihood.places, self.problem.sizes, strict=False)
        found = [solved[:, own].reshape(-1, *size) for own, size in pairs]
        for f, order in enumerate(self.problem.levels[0]):  # of nested factors in their only shard
            found[f] = found[f][:, :, np.argsort(order)]
        return tuple(found)

    @property
    def _likelihood(self) -> DenseLikelihood:
        approximation = self.model.search.approximation
        assert isinstance(approximation, DenseLikelihood)
        return approximation

    @property
    def _fixed_information(self) -> Floats:
        last = self.found.lower[-self._n_fixed :, -self._n_fixed :]
        return np.asarray(last @ last.T)

    def _spent(self) -> list[Floats]:
        return self._likelihood.outer(self.found.residuals, self.found.effects)

    @cached_property
    def _fixed_moves(self) -> Floats:
        forces = self._forces_of(self.found.point.params.theta)
        if not forces.size:
            return forces[-self._n_fixed :]
        return np.asarray(dpotrs(self.found.lower, forces, lower=1)[0][-self._n_fixed :])

    def _forces_of(self, thetas: Sequence[Floats]) -> Floats:
        """How the mixed model equations move with covariance parameters, (q, n_theta)."""
        residuals, effects, columns = self.found.residuals, self.found.effects, []
        for f, covariance in enumerate(self.problem.covariances):
            place = self.problem.order.index(f)
            own, size = self._likelihood.places[place], self.problem.sizes[place]
            for change in covariance.moves(thetas[f]):
                pair = np.zeros((2, len(effects)))
                pair[0, own] = (change @ effects[own].reshape(size)).ravel()
                pair[1, own] = (change.T @ residuals[own].reshape(size)).ravel()
                columns.append(pair)
        moved, held = np.reshape(columns, (-1, 2, len(effects))).transpose(1, 2, 0)
        return np.asarray(held - pulled(self.found.turn, self._likelihood.gram @ moved))
