"""The Laplace approximation of a mixed model: mode, objective, exact gradient."""

from skglmm.laplace._mode import Mode, Point, evaluate, observed_moments, score_sums
from skglmm.laplace._objective import Laplace, laplace
from skglmm.laplace._params import Params, Shape
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

__all__ = [
    "Laplace",
    "Mode",
    "Modes",
    "Params",
    "Point",
    "Problem",
    "Shape",
    "Shard",
    "bind",
    "evaluate",
    "fixed_information",
    "fixed_score",
    "information",
    "jacobian",
    "laplace",
    "level_information",
    "observed_moments",
    "score_sums",
    "tangent",
    "theta_information",
]
