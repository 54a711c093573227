"""The Laplace approximation of a mixed model: mode, objective, exact gradient."""

from skglmm.laplace._clusters import cluster_gradients
from skglmm.laplace._curvature import curvature
from skglmm.laplace._mode import Mode, Point, evaluate, find_mode, observed_moments, score_sums
from skglmm.laplace._objective import Laplace, laplace, laplace_at
from skglmm.laplace._params import Params, Shape
from skglmm.laplace._prior import Curvature, Meeting, Remembered
from skglmm.laplace._problem import Modes, Problem, bind
from skglmm.laplace._sensitivity import (
    fixed_information,
    fixed_score,
    information,
    jacobian,
    level_information,
    tangent,
    theta_information,
)
from skglmm.laplace._shard import Shard
from skglmm.laplace._system import prior_hessian

__all__ = [
    "Curvature",
    "Laplace",
    "Meeting",
    "Mode",
    "Modes",
    "Params",
    "Point",
    "Problem",
    "Remembered",
    "Shape",
    "Shard",
    "bind",
    "cluster_gradients",
    "curvature",
    "evaluate",
    "find_mode",
    "fixed_information",
    "fixed_score",
    "information",
    "jacobian",
    "laplace",
    "laplace_at",
    "level_information",
    "observed_moments",
    "prior_hessian",
    "score_sums",
    "tangent",
    "theta_information",
]
