"""A covariance that is known, and leaves nothing to be estimated."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance.parameterless import Parameterless

__all__ = ["Known"]


@final
@dataclass(frozen=True)
class Known(Parameterless):
    """Effects whose covariance is the identity: `theta` is empty.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.

    Examples
    --------
    >>> from skglmm.covariance import Known
    >>> Known(2).factor([])
    array([[1., 0.],
           [0., 1.]])
    """

    def factor(self, theta: Floats) -> Floats:
        del theta
        return np.eye(self.size)
