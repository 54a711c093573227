"""The Laplace approximation of a mixed model: mode, objective, exact gradient."""

from skglmm.laplace._mode import Mode, evaluate, score_sums
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

__all__ = [
    "Laplace",
    "Mode",
    "Modes",
    "Params",
    "Problem",
    "Shape",
    "bind",
    "evaluate",
    "fixed_information",
    "fixed_score",
    "information",
    "jacobian",
    "laplace",
    "level_information",
    "score_sums",
    "tangent",
    "theta_information",
]
