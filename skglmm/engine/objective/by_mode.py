"""Approximations whose parameters move the mode, and that learn from the information there."""

from abc import ABC

from skglmm.arrays import Floats
from skglmm.engine.mode.point import third_slopes
from skglmm.engine.objective.sensitivity import information, tangent, theta_information
from skglmm.engine.problem.approximation import Approximation
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.records import Mode, Objective, Slopes
from skglmm.parts import Parts

__all__ = ["ByMode"]


class ByMode(Approximation, ABC):
    """An approximation at the mode of the random effects, which rows are asked for."""

    def tangent(self, problem: Problem, mode: Mode, direction: Floats) -> Effects:
        return tangent(problem, mode, direction)

    def third_slopes(self, problem: Problem, here: Objective) -> Parts[Slopes] | None:
        return third_slopes(problem, here.mode.point)

    def information(self, problem: Problem, mode: Mode) -> tuple[Floats, ...]:
        """Return the information about fixed effects, and that about covariances by levels."""
        fixed = information(problem, mode)
        return (fixed, theta_information(problem, mode)) if problem.order else (fixed,)
