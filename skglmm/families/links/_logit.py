"""The logit link."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import logit

from skglmm.arrays import Floats
from skglmm.families.links._base import Jet, Link

__all__ = ["Logit"]


@final
@dataclass(frozen=True)
class Logit(Link):
    """Log odds: ``mean = 1 / (1 + exp(-eta))``."""

    name: ClassVar[str] = "logit"
    reach: ClassVar[tuple[float, float]] = (-30.0, 30.0)  # 1 - mean is 1e-13: y has no more digits

    def _jet(self, eta: Floats, order: int) -> Jet:
        small = np.exp(-np.abs(eta))
        large = 1.0 / (1.0 + small)
        small = small * large
        positive = eta >= 0
        p, q = np.where(positive, large, small), np.where(positive, small, large)
        if order == 0:
            return Jet(p, q, (), None)
        first = small * large
        slopes = (first, first * (q - p), first * (1.0 - 6.0 * first))
        return Jet(p, q, slopes[:order], None)

    def link(self, mean: Floats) -> Floats:
        return np.asarray(logit(mean))
