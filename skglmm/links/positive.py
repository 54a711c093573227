"""The identity link of a parameter that has to be positive."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.links.identity import Identity

__all__ = ["Positive"]


@final
@dataclass(frozen=True)
class Positive(Identity):
    """No transformation, for parameters that are positive, such as a mean of counts.

    It is `Identity` with the reach of positive numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Positive
    >>> Positive().inverse(np.array([0.5, -3.0])).outside
    array([False,  True])
    """

    reach = (1e-30, 1e15)
    domain = (0.0, np.inf)
