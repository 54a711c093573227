"""The log link of an amount in the units of its user."""

from dataclasses import dataclass
from typing import final

from skglmm.links.log import Log

__all__ = ["LogAmount"]


@final
@dataclass(frozen=True)
class LogAmount(Log):
    """Logarithm of a mean or a dispersion that has the units of responses, whatever these are.

    It is `Log` with a longer reach: means of amounts that may be zero go to 0 where all of them
    are.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LogAmount
    >>> LogAmount().inverse(np.array([-150.0, 0.0])).value
    array([7.17509597e-66, 1.00000000e+00])
    """

    reach = (-200.0, 60.0)  # up to 1e26
