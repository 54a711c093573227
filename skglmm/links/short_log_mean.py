"""The log link of a mean whose dispersion makes other means than those near 0 impossible."""

from dataclasses import dataclass
from typing import final

from skglmm.links.log import Log

__all__ = ["ShortLogMean"]


@final
@dataclass(frozen=True)
class ShortLogMean(Log):
    """Logarithm of the mean of counts whose variance is a multiple of it.

    It is `LogMean` with a shorter reach: derivatives in the dispersion grow with powers of the
    inverse mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import ShortLogMean
    >>> ShortLogMean().inverse(np.array([-600.0, 0.0])).outside
    array([ True, False])
    """

    reach = (-150.0, 35.0)  # means from 1e-65 to 1e15
