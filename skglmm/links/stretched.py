"""The link of a mean that is a probability in larger units."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Stretched"]


@final
@dataclass(frozen=True)
class Stretched(Link):
    """The link of a probability, for a parameter between 0 and a width.

    Parameters
    ----------
    link_of_one : Link
        Of parameters between 0 and 1.
    width : float
        Positive.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogOdds, Stretched
    >>> Stretched(LogOdds(), 4.0).inverse(np.array([0.0])).value
    array([2.])
    """

    link_of_one: Link
    width: float

    def __post_init__(self) -> None:
        inner = self.link_of_one
        for name in ("name", "reach", "ratio"):
            object.__setattr__(self, name, getattr(inner, name))
        object.__setattr__(self, "domain", (0.0, self.width))

    def link(self, mu: Floats) -> Floats:
        return self.link_of_one.link(np.asarray(mu) / self.width)

    def _jet(self, eta: Floats, order: int) -> Jet:
        jet = self.link_of_one.inverse(eta, order)
        slopes = tuple(self.width * slope for slope in jet.slopes)
        value = self.width * jet.value
        return Jet(value, 1.0 - value, slopes)
