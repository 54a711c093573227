"""The log-log link."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.links._base import Jet, Link

__all__ = ["LogLog"]


@final
@dataclass(frozen=True)
class LogLog(Link):
    """Log-log: ``mean = exp(-exp(-eta))``."""

    name: ClassVar[str] = "loglog"
    reach: ClassVar[tuple[float, float]] = (-3.4, 30.0)  # the mirror of cloglog

    def _jet(self, eta: Floats, order: int) -> Jet:
        rate = np.exp(-eta)
        p = np.exp(-rate)
        q = -np.expm1(-rate)
        if order == 0:
            return Jet(p, q, (), None)
        first = rate * p
        second = first * (rate - 1.0)
        third = first * (1.0 - 3.0 * rate + rate * rate)
        return Jet(p, q, (first, second, third)[:order], None)

    def link(self, mean: Floats) -> Floats:
        return np.asarray(-np.log(-np.log(mean)))
