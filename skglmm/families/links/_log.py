"""The log link."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.links._base import Jet, Link

__all__ = ["Log"]


@final
@dataclass(frozen=True)
class Log(Link):
    """Logarithm, for positive parameters; the complement is not defined and is NaN."""

    name: ClassVar[str] = "log"
    reach: ClassVar[tuple[float, float]] = (-30.0, 30.0)  # 1e-13 to 1e13

    def _jet(self, eta: Floats, order: int) -> Jet:
        value = np.exp(eta)
        return Jet(value, np.full_like(value, np.nan), (value,) * order, None)

    def link(self, mean: Floats) -> Floats:
        return np.asarray(np.log(mean))
