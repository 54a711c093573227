"""The log link."""

import math
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.links.base import Jet, Link

__all__ = ["Log"]


@dataclass(frozen=True)
class Log(Link):
    """Logarithm, for parameters that are positive, such as a precision.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Log
    >>> Log().inverse(np.array([0.0, 2.0])).value.round(4)
    array([1.    , 7.3891])
    """

    name = "log"
    reach = (-30.0, 30.0)  # parameters from 1e-13 to 1e13, whose cubes are far from overflow
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
