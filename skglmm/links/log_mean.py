"""The log link of a mean that may be as good as 0."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["LogMean"]


@final
@dataclass(frozen=True)
class LogMean(Link):
    """Logarithm of the mean of counts, which data may separate.

    It is `Log` with a longer reach: the log probability of a count has no trouble with means that
    are as good as 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogMean
    >>> LogMean().inverse(np.array([-600.0, 0.0])).value
    array([2.65039655e-261, 1.00000000e+000])
    """

    name = "log"
    reach = (-700.0, 35.0)  # means from 1e-304 to 1e15
    domain = (0.0, np.inf)
    ratio = "the parameter"

    def link(self, mu: Floats) -> Floats:
        return np.asarray(np.log(mu))

    def rescaled(self, width: float) -> tuple[float, float]:
        return 1.0, math.log(width)

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        zero = np.zeros_like(eta)
        return (np.array(eta), np.ones_like(eta), zero, zero)[: order + 1]

    def _jet(self, eta: Floats, order: int) -> Jet:
        value = np.exp(eta)
        return Jet(value, -np.expm1(eta), (value,) * order)
