"""The logit of a parameter between two numbers."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link
from skglmm.links.logit import Logit

__all__ = ["ScaledLogit"]


@final
@dataclass(frozen=True)
class ScaledLogit(Link):
    """The logit of where a parameter lies between two numbers, such as a power of 1 to 2.

    Parameters
    ----------
    low, high : float

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import ScaledLogit
    >>> ScaledLogit(1.0, 2.0).inverse(np.array([0.0])).value
    array([1.5])
    """

    name = "logit"
    reach = (-30.0, 30.0)
    domain = (0.0, 1.0)

    low: float
    high: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", (self.low, self.high))

    def link(self, mu: Floats) -> Floats:
        mu = np.asarray(mu)
        return np.asarray(np.log(mu - self.low) - np.log(self.high - mu))

    def _jet(self, eta: Floats, order: int) -> Jet:
        width = self.high - self.low
        share = Logit().inverse(eta, order)
        value = self.low + width * share.value
        return Jet(value, 1.0 - value, tuple(width * slope for slope in share.slopes))
