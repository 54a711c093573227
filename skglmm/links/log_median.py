"""The log link of a median of positive numbers of any size."""

from dataclasses import dataclass
from typing import final

from skglmm.links.log import Log

__all__ = ["LogMedian"]


@final
@dataclass(frozen=True)
class LogMedian(Log):
    """Logarithm of the median of positive numbers, which may be as good as 0, or huge.

    It is `Log` with a longer reach: the density of the logarithm of a response has no trouble with
    either.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogMedian
    >>> LogMedian().inverse(np.array([-200.0, 200.0])).value
    array([1.38389653e-87, 7.22597377e+86])
    """

    reach = (-300.0, 300.0)  # medians from 1e-130 to 1e130, whose squares are far from overflow
