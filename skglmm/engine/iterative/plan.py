"""What stays fixed while a fit moves: probes, a coarse space, and how many of both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.exceptions import DesignError

__all__ = ["NOTHING", "ProbePlan", "Refinement", "Solver", "UnsolvedError", "solver_of"]


DENSE = 1_500  # crossed effects that are factorized in less time than probes take, exactly


class UnsolvedError(DesignError):
    """Conjugate gradients do not come to an end."""


@dataclass(frozen=True)
class Solver:
    """How systems of random effects are to be solved.

    Parameters
    ----------
    kind : {"auto", "direct", "iterative"}
        "auto" is "direct" where that is faster and has room in memory, and so is "iterative" where
        crossed effects are very few.
    seed : int
        Of the probes.
    """

    kind: str = "auto"
    seed: int = 0

    def plan(self, n_crossed: int, limit: int, fits: Callable[[int], bool]) -> "ProbePlan | None":
        """Return how systems with so many crossed effects are solved; None where directly.

        Parameters
        ----------
        n_crossed : int
        limit : int
            Up to so many "auto" factorizes, as that takes less time.
        fits : callable
            Returns whether they have room in memory.
        """
        if self.kind == "direct":
            return None
        is_auto = self.kind == "auto"
        is_direct = n_crossed <= limit and fits(n_crossed) if is_auto else n_crossed <= DENSE
        return None if is_direct else ProbePlan(self.seed)


class Refinement(NamedTuple):
    """A better estimate at some parameters, where probes that vary together still do nearby.

    Parameters
    ----------
    shifts : ndarray, shape (n_probes,), or float
        What is to be added to the remainder of each probe.
    variance : float
        Of the estimate.
    """

    shifts: Floats | float = 0.0
    variance: float = 0.0


NOTHING = Refinement()


@dataclass(frozen=True)
class ProbePlan:
    """What is the same in all systems, so that values can be compared, and differenced.

    Parameters
    ----------
    seed : int
    n_probes : int
    rank : int
        Outer directions of the space, beside small factors.
    space : ndarray, shape (q, r), or None
        Coarse space, which is frozen; without it each system has the one that it knows without
        products.
    refinement : Refinement
        What more probes said where the space was made.
    """

    seed: int = 0
    n_probes: int = 16
    rank: int = 16
    space: Floats | None = None
    refinement: Refinement = NOTHING

    def on(self, n_crossed: int) -> "ProbePlan":
        """Return the plan for so many crossed effects: anew, where its space is of others."""
        return self if self.space is None or len(self.space) == n_crossed else self.anew()

    def anew(self) -> "ProbePlan":
        """Return the plan for other effects: without a space."""
        return ProbePlan(self.seed)

    def probes(self, n_crossed: int) -> Floats:
        """Return vectors of random signs, (q, n_probes); more probes begin with the same ones."""
        return self.others(n_crossed, range(self.n_probes))

    def others(self, n_crossed: int, which: range) -> Floats:
        """Return some vectors of random signs, (q, m)."""
        signs = [np.random.default_rng([self.seed, k]).integers(0, 2, n_crossed) for k in which]
        return np.ascontiguousarray(2.0 * np.stack(signs, axis=1) - 1.0)


def solver_of(plan: ProbePlan | None) -> Solver:
    """Return how systems of other rows are solved as those of a plan; None is factorized."""
    return Solver("direct") if plan is None else Solver("iterative", plan.seed)
