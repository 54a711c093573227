"""The log link of a mean that may be as good as 0."""

from dataclasses import dataclass
from typing import final

from skglmm.links.log import Log

__all__ = ["LogMean"]


@final
@dataclass(frozen=True)
class LogMean(Log):
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

    reach = (-700.0, 35.0)  # means from 1e-304 to 1e15
