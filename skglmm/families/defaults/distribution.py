"""What the defaults need of a family."""

from collections.abc import Sequence
from typing import Protocol

from skglmm.arrays import Floats
from skglmm.families.calculus.log_density import LogDensity
from skglmm.links import Jet, Link
from skglmm.response import Support

__all__ = ["Distribution"]


class Distribution(Protocol):
    """The part of a family that the other methods follow from."""

    @property
    def links(self) -> tuple[Link, ...]:
        """From each parameter to its linear predictor."""

    @property
    def support(self) -> Support:
        """Which responses are possible."""

    @property
    def masses(self) -> tuple[float, ...]:
        """Single values that have a positive probability in a real support."""

    def ends(self, eta: Sequence[Floats]) -> tuple[Floats | float, Floats | float]:
        """Return the least and the largest response of each row."""

    def prepare(self, y: Floats) -> Floats:
        """Return what depends on responses alone."""

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        """Return the log density."""

    def mean(self, eta: Sequence[Floats]) -> Floats:
        """Return the means."""

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities up to `y`."""

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities above `y`."""

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        """Return P(low), P(between), P(high)."""

    def jets(self, eta: Sequence[Floats], order: int = 0) -> list[Jet]:
        """Return the parameters."""
