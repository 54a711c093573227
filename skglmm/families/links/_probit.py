"""The probit link."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import ndtr, ndtri

from skglmm.arrays import Floats
from skglmm.families.links._base import Jet, Link

__all__ = ["Probit"]


@final
@dataclass(frozen=True)
class Probit(Link):
    """Normal quantile: ``mean = Phi(eta)``."""

    name: ClassVar[str] = "probit"
    reach: ClassVar[tuple[float, float]] = (-7.5, 7.5)  # 1 - mean is 3e-14

    def _jet(self, eta: Floats, order: int) -> Jet:
        p, q = ndtr(eta), ndtr(-eta)
        if order == 0:
            return Jet(p, q, (), None)
        first = np.exp(-0.5 * eta * eta) / np.sqrt(2 * np.pi)
        return Jet(p, q, (first, -eta * first, (eta * eta - 1.0) * first)[:order], None)

    def link(self, mean: Floats) -> Floats:
        return np.asarray(ndtri(mean))
