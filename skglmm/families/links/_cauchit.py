"""The cauchit link."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.links._base import Jet, Link

__all__ = ["Cauchit"]


@final
@dataclass(frozen=True)
class Cauchit(Link):
    """Cauchy quantile: ``mean = 1/2 + arctan(eta) / pi``."""

    name: ClassVar[str] = "cauchit"
    reach: ClassVar[tuple[float, float]] = (-1e10, 1e10)  # the mean there is 3e-11

    def _jet(self, eta: Floats, order: int) -> Jet:
        p = np.arctan2(1.0, -eta) / np.pi  # the angle keeps its digits in both tails
        q = np.arctan2(1.0, eta) / np.pi
        if order == 0:
            return Jet(p, q, (), None)
        share = 1.0 / (1.0 + eta * eta)
        first = share / np.pi
        second = -2.0 * eta * share * first
        third = (6.0 * eta * eta - 2.0) * share * share * first
        return Jet(p, q, (first, second, third)[:order], None)

    def link(self, mean: Floats) -> Floats:
        return np.asarray(np.tan(np.pi * (mean - 0.5)))
