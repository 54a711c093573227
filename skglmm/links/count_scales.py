"""Log links of means and dispersions of counts, as far as densities have derivatives."""

from dataclasses import dataclass
from typing import final

from skglmm.links.log import Log

__all__ = ["LogConsulDispersion", "LogConwayDispersion", "ShortLogMean"]


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


@final
@dataclass(frozen=True)
class LogConsulDispersion(Log):
    """Logarithm of the dispersion of a generalized Poisson distribution.

    It is `Log` down to a quarter: below it single counts would have probabilities above 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogConsulDispersion
    >>> LogConsulDispersion().inverse(np.log([0.2, 0.3])).outside
    array([ True, False])
    """

    reach = (-1.3863, 30.0)  # dispersions from 0.24999 to 1e13


@final
@dataclass(frozen=True)
class LogConwayDispersion(Log):
    """Logarithm of the dispersion of a Conway-Maxwell-Poisson distribution.

    It is `Log` down to where derivatives in a whole mean overflow, as the variance there is
    next to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogConwayDispersion
    >>> LogConwayDispersion().inverse(np.log([1e-3, 0.01])).outside
    array([ True, False])
    """

    reach = (-6.0, 30.0)  # dispersions from 1 / 403 to 1e13
