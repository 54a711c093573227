"""Real responses: any finite numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.response.base import ResponseScale

__all__ = ["LARGEST", "REAL", "RealScale"]

REAL = "real numbers"  # that have densities
LARGEST = 1e100  # its inverse is the smallest: the fourth powers of others are no numbers any more


@dataclass(frozen=True)
class RealScale(ResponseScale):
    """Responses that may be any number, in the units of their user.

    Examples
    --------
    >>> from skglmm.response import RealScale
    >>> RealScale().described
    'a real response'
    """

    @property
    def described(self) -> str:
        return "a real response"

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset({REAL})

    def _refuse(self, y: Any) -> None:
        """Refuse numbers so large or so small that there are none for their variances."""
        largest = float(np.max(np.abs(y), initial=0.0))
        if largest and not 1.0 / LARGEST <= largest <= LARGEST:
            msg = (
                f"the responses are too {'large' if largest > 1.0 else 'small'}: the largest of "
                f"{len(y)} is {largest:.3g} in size, so that their variances are beyond "
                "floating-point numbers; bring them to ordinary units"
            )
            raise ValueError(msg)
