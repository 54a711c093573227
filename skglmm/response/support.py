"""Which responses are possible."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["Support"]


@dataclass(frozen=True)
class Support:
    """The possible responses: an interval of real numbers, or whole numbers in it.

    Parameters
    ----------
    low, high : float
        Ends. Those of an interval belong to it only where they are `masses`; whole numbers
        include them, where they are finite.
    kind : {"real", "counts"}, default="real"
        Real numbers, or whole ones, such as counts and the codes of classes.
    masses : tuple of float
        Single values of positive probability in a real support: there, a log density is the log
        of that probability.

    Examples
    --------
    >>> from skglmm.families import Support
    >>> Support(0.0, 1.0, masses=(0.0,)).contains([0.0, 0.5, 1.0])
    array([ True,  True, False])
    >>> Support(0.0, float("inf"), "counts").before([3.0, 0.0])
    array([  2., -inf])
    """

    low: float
    high: float
    kind: Literal["real", "counts"] = "real"
    masses: tuple[float, ...] = ()

    @property
    def ends(self) -> tuple[float, float]:
        """The lower and the upper end."""
        return self.low, self.high

    @property
    def is_discrete(self) -> bool:
        """Whether every possible response has a positive probability."""
        return self.kind == "counts"

    def contains(self, y: Floats) -> Bools:
        """Return which numbers, (n,), are possible responses."""
        y = np.asarray(y, dtype=np.float64)
        if self.is_discrete:
            whole = (y == np.floor(y)) & np.isfinite(y)
            return np.asarray((y >= self.low) & (y <= self.high) & whole)
        return ((y > self.low) & (y < self.high)) | np.isin(y, self.masses)

    def before(self, y: Floats) -> Floats:
        """Return the largest possible response below each of `y`, (n,); -inf where there is none.

        Of real numbers it is the next smaller one that the computer knows.
        """
        y = np.asarray(y, dtype=np.float64)
        below = np.ceil(y) - 1.0 if self.is_discrete else np.nextafter(y, -np.inf)
        return np.where(y <= self.low, -np.inf, below)
