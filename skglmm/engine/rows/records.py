"""Records of an evaluation: log density at some effects, conditional mode, objective."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from skglmm.arrays import Floats
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.rows import AnyRows
from skglmm.linalg import LinearSystem
from skglmm.parts import Parts

__all__ = ["DECREMENT_TOL", "Distance", "Mode", "Objective", "Point", "Slopes", "State"]

DECREMENT_TOL = 1e-20  # of a mode: a step of 1e-10 standard deviations

Distance = Literal["far", "some", "near"]
Slopes = Mapping[int, Floats]  # of the third derivatives in some predictors


class State(NamedTuple):
    """Linear predictors and log densities of the rows of a shard at some effects."""

    eta: list[Floats]  # linear predictors, each of shape (n,) or (1,)
    rows: AnyRows


@dataclass(frozen=True)
class Point:
    """The penalized log density at some effects, with its derivatives.

    Parameters
    ----------
    params : Params
    lambdas : tuple of ndarray
        Covariance factors, leading factor first.
    u : Effects
        Spherical effects.
    states : Parts of State
        Linear predictors, log density and its derivatives, for each shard.
    value : float
        ``h(u) = -log f(y | u) + u'u / 2``, or with the penalty of another prior.
    order : int
        Of the derivatives.
    """

    params: Params
    lambdas: tuple[Floats, ...]
    u: Effects
    states: Parts[State]
    value: float
    order: int


@dataclass(frozen=True)
class Mode:
    """A point near the conditional mode, where h is least, and H there.

    How near is what the search was asked for: from a rounding error to a step that lowers h by one.

    Parameters
    ----------
    point : Point
        Its rows hold derivatives up to the third.
    cross_products : Parts of mapping
        Sums of the curvature over levels and pairs of levels, for each shard.
    system : LinearSystem
        H, factorized.
    n_steps : int
        Newton steps taken.
    step : Effects or None
        Newton's next step, to the mode; None where the point counts as the mode.
    decrement : float
        By how much that step would lower h.
    """

    point: Point
    cross_products: Parts[CrossProducts]
    system: LinearSystem
    n_steps: int = 0
    step: Effects | None = None
    decrement: float = 0.0

    def let_go(self) -> None:
        """Give back the memory of what the rows have, where it can be computed again."""
        self.point.states.let_go()

    def unsolve(self) -> None:
        """Give back the memory of what it is solved with, which can be computed again, too."""
        self.cross_products.let_go()
        self.system.let_go()

    def leave(self) -> None:
        """Give back the memory of all that is as large as the rows: the search goes elsewhere."""
        self.let_go()
        self.unsolve()

    @property
    def u(self) -> Effects:
        """The mode: where Newton's step from the point ends."""
        return self.point.u if self.step is None else self.point.u.plus(self.step)


@dataclass(frozen=True)
class Objective:
    """Minus the approximate log likelihood at some parameters.

    Parameters
    ----------
    value : float
    gradient : ndarray, shape (n_params,)
    mode : Mode
    """

    value: float
    gradient: Floats
    mode: Mode
