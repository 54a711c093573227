r"""The Laplace objective: minus the approximate log likelihood.

With :math:`h(u) = -\log f(y \mid u) + \lVert u \rVert^2 / 2`, mode :math:`\hat u` and Hessian
:math:`H`, the objective is :math:`h(\hat u) + \tfrac12 \log\det H`; the powers of
:math:`2\pi` cancel.
"""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.mode.mode import find_mode, mode_at
from skglmm.engine.mode.point import nearby
from skglmm.engine.objective.by_mode import ByMode
from skglmm.engine.objective.clusters import cluster_gradients
from skglmm.engine.objective.gradient import gradient
from skglmm.engine.objective.sensitivity import tangent
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Objective, Slopes
from skglmm.linalg import IndefiniteError, NestedEffects
from skglmm.parts import Parts

__all__ = ["Laplace"]

FLAT = -1.15  # log of the root of a precision that is a tenth of the prior's


@dataclass(frozen=True)
class Laplace(ByMode):
    """Laplace's approximation: a normal density at the mode, with the curvature there."""

    def evaluate(
        self,
        problem: Problem,
        vector: Floats,
        start: Effects | None = None,
        tol: float = DECREMENT_TOL,
        distance: Distance = "some",
    ) -> Objective | None:
        params = Params.unpack(vector, problem.shape)
        if start is None:
            start, distance = problem.zero(), "far"
        try:
            mode = find_mode(problem, params, start, tol, distance)
            if mode is None or _is_flat(problem, mode):
                return None
            slopes, end, rise = gradient(problem, mode)
            return Objective(end + mode.system.half_logdet + rise, slopes, mode)
        except IndefiniteError:
            return None

    def gradient_near(
        self,
        problem: Problem,
        here: Objective,
        change: Floats,
        slopes: Parts[Slopes],
        move: Effects | None = None,
    ) -> Floats | None:
        point = here.mode.point
        if not np.any(change):
            return gradient(problem, replace(here.mode, step=None))[0]
        params = Params.unpack(point.params.pack() + change, problem.shape)
        move = tangent(problem, here.mode, change) if move is None else move
        mode = mode_at(problem, nearby(problem, point, params, point.u.plus(move), slopes, move))
        try:
            return None if mode is None else gradient(problem, mode)[0]
        except IndefiniteError:
            return None

    def cluster_gradients(self, problem: Problem, mode: Mode, clusters: Ints) -> Floats:
        return cluster_gradients(problem, mode, clusters)


def _is_flat(problem: Problem, mode: Mode) -> bool:
    """Whether some effect has hardly any curvature left at the mode, less than its prior has.

    There a normal density has a volume without bound, and is no approximation: of effects of extra
    zeros, say, whose densities need not be concave.
    """
    if problem.family.is_canonical or not problem.order:
        return False
    parts, crossed = mode.system.log_diagonal
    known = problem.prior.penalized(Effects(parts, crossed)).crossed  # 0 where a prior is flat
    least = min([*parts.map(_least), float(known.min(initial=0.0))])
    return bool(least < FLAT)


def _least(nested: NestedEffects) -> float:
    return min((float(part.min(initial=0.0)) for part in nested), default=0.0)
