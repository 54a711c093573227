"""The contract of an approximation of the integral over the random effects."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Layout
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Objective, Slopes
from skglmm.parts import Parts

if TYPE_CHECKING:
    from skglmm.engine.problem.problem import Problem

__all__ = ["Approximation"]


@dataclass(frozen=True)
class Approximation(ABC):
    """How the integral over the random effects is approximated.

    Parameters
    ----------
    integrated : tuple of int
        Predictors whose fixed effects a fit integrates out, too, as REML does with those of a
        mean, see `Problem.restricted`. Where they are in the vector, they count as known.
    """

    integrated: tuple[int, ...] = field(default=(), kw_only=True)

    @property
    def title(self) -> str:
        """What summaries call it; nothing if it is Laplace's approximation."""
        return ""

    @property
    def needs_chain(self) -> bool:
        """Whether every factor is to be in the chain that is nested in another, however small."""
        return False

    @property
    def is_sharp(self) -> bool:
        """Whether gradients are exact to rounding, and `information` is close to the Hessian."""
        return False

    @abstractmethod
    def evaluate(
        self,
        problem: "Problem",
        vector: Floats,
        start: Effects | None = None,
        tol: float = DECREMENT_TOL,
        distance: Distance = "some",
    ) -> Objective | None:
        """Evaluate the objective and its gradient at a parameter vector.

        Parameters
        ----------
        problem : Problem
        vector : ndarray, shape (n_params,)
            Parameters, see `Params.unpack`.
        start : Effects or None
            Where the search of the mode begins; zero by default.
        tol : float
            How far from the mode it may end: what another step would lower h by. Value and
            gradient are corrected for it.
        distance : {"far", "some", "near"}
            Of `start` from the mode, see `find_mode`; "far" without a start.

        Returns
        -------
        Objective or None
            None where the density is not finite or no mode is found: a rejected step.
        """

    @abstractmethod
    def gradient_near(
        self,
        problem: "Problem",
        here: Objective,
        change: Floats,
        slopes: Parts[Slopes],
        move: Effects | None = None,
    ) -> Floats | None:
        """Return the gradient where the parameters have changed a little, by Taylor's formula.

        Differences of two of these, one of them with a change of zero, are derivatives; a single
        one lacks what is left to the mode. None where the objective does not exist.

        Parameters
        ----------
        problem : Problem
        here : Objective
        change : ndarray, shape (n_params,)
        slopes : Parts
            Of the third derivatives of `here`, see `third_slopes`.
        move : Effects or None
            How the mode moves with such a change, where that is known, see `tangent`.
        """

    @abstractmethod
    def third_slopes(self, problem: "Problem", here: Objective) -> Parts[Slopes] | None:
        """Return what `gradient_near` knows beforehand of all changes; None if it is not finite.

        Parameters
        ----------
        problem : Problem
        here : Objective
        """

    @abstractmethod
    def tangent(self, problem: "Problem", mode: Mode, direction: Floats) -> Effects:
        """Return the derivative of the mode along a direction, (n_params,), of the parameters.

        Parameters
        ----------
        problem : Problem
        mode : Mode
        direction : ndarray, shape (n_params,)
        """

    @abstractmethod
    def information(self, problem: "Problem", mode: Mode) -> tuple[Floats, ...]:
        """Return what is known beforehand of the Hessian of the objective: blocks on its diagonal.

        Parameters
        ----------
        problem : Problem
        mode : Mode
        """

    @abstractmethod
    def cluster_gradients(self, problem: "Problem", mode: Mode, clusters: Ints) -> Floats:
        """Return the gradient of the objective of each cluster of rows, (n_clusters, n_params).

        Parameters
        ----------
        problem : Problem
        mode : Mode
            Of an evaluation.
        clusters : ndarray of int, shape (n,)
            Cluster of each row, from 0, in the order of the design. The rows of a level, of any
            factor, must be of one cluster.
        """

    def gains(self, problem: "Problem", mode: Mode) -> tuple[Floats, ...]:
        """Return by how much log integrals over effects exceed those of Laplace's approximation.

        Of each level of each factor, (L,), leading factor first; the prior may be another than
        that of the model.

        Parameters
        ----------
        problem : Problem
        mode : Mode
        """
        del mode
        return tuple(np.zeros(n) for n in problem.n_levels)

    def check(self, layout: Layout, arranged: tuple[tuple[int, ...], int]) -> None:
        """Raise a DesignError where it does not integrate over the random effects of a layout.

        Parameters
        ----------
        layout : Layout
        arranged : tuple
            The order of its factors, and the length of the chain that it begins with.
        """
        del layout, arranged
