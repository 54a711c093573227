"""The Laplace approximation of a mixed model: mode, objective, exact gradient."""

from skglmm.laplace._bind import arrange, assemble, bind, bind_part, is_nested
from skglmm.laplace._clusters import cluster_gradients
from skglmm.laplace._curvature import curvature, posterior
from skglmm.laplace._mode import Mode, find_mode
from skglmm.laplace._objective import Laplace, gradient_near, laplace
from skglmm.laplace._params import Params, Shape
from skglmm.laplace._point import (
    Point,
    State,
    evaluate,
    expected_moments,
    observed_moments,
    score_sums,
    third_slopes,
)
from skglmm.laplace._prior import Curvature, Meeting, Remembered
from skglmm.laplace._problem import Modes, Problem
from skglmm.laplace._sensitivity import (
    fixed_information,
    fixed_score,
    information,
    jacobian,
    level_totals,
    observed_information,
    tangent,
    theta_information,
)
from skglmm.laplace._shard import Shard
from skglmm.laplace._split import Split
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
    "Split",
    "State",
    "arrange",
    "assemble",
    "bind",
    "bind_part",
    "cluster_gradients",
    "curvature",
    "evaluate",
    "expected_moments",
    "find_mode",
    "fixed_information",
    "fixed_score",
    "gradient_near",
    "information",
    "is_nested",
    "jacobian",
    "laplace",
    "level_totals",
    "observed_information",
    "observed_moments",
    "posterior",
    "prior_hessian",
    "score_sums",
    "tangent",
    "theta_information",
    "third_slopes",
]
