"""The complementary log-log link."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.links._base import Jet, Link

__all__ = ["CLogLog"]


@final
@dataclass(frozen=True)
class CLogLog(Link):
    """Complementary log-log: ``mean = 1 - exp(-exp(eta))``."""

    name: ClassVar[str] = "cloglog"
    reach: ClassVar[tuple[float, float]] = (-30.0, 3.4)  # at 3.4 1 - mean is 1e-13

    def _jet(self, eta: Floats, order: int) -> Jet:
        rate = np.exp(eta)
        q = np.exp(-rate)
        p = -np.expm1(-rate)
        if order == 0:
            return Jet(p, q, (), None)
        first = rate * q
        second = first * (1.0 - rate)
        third = first * (1.0 - 3.0 * rate + rate * rate)
        return Jet(p, q, (first, second, third)[:order], None)

    def link(self, mean: Floats) -> Floats:
        return np.asarray(np.log(-np.log1p(-mean)))
