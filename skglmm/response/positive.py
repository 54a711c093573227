"""Positive responses: amounts, durations, sizes, perhaps beside zeros."""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.response.base import ResponseScale
from skglmm.response.messages import refuse_wrong
from skglmm.response.real import LARGEST, REAL

__all__ = ["PositiveScale"]

FROM_ZERO = "numbers from 0 on"


@dataclass(frozen=True)
class PositiveScale(ResponseScale):
    """Responses that are positive, in the units of their user.

    Parameters
    ----------
    zero : bool, default=False
        Whether they may be 0, too.
    unseen : tuple of float
        0, where that has an estimated probability of 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import PositiveScale
    >>> PositiveScale(zero=True).read(np.array([0.0, 2.5]))
    array([0. , 2.5])
    >>> PositiveScale().read(np.array([0.0, 2.5]))
    Traceback (most recent call last):
    ...
    ValueError: every response must be positive; 1 of 2 is zero: 0. ...
    """

    zero: bool = False
    unseen: tuple[float, ...] = ()

    def knowing(self, unseen: tuple[float, ...]) -> "PositiveScale":
        return replace(self, unseen=unseen)

    @property
    def missing(self) -> list[str]:
        """What there is to say of zeros with a probability, where there is none."""
        text = (
            "no response is 0: the probability of zeros is estimated as 0, and what describes it "
            "has no finite estimate; leave out zero="
        )
        return [text] * len(self.unseen)

    @property
    def kinds(self) -> frozenset[str]:
        """Real numbers, and numbers from 0 on; where zeros have a probability, the latter only."""
        return frozenset({FROM_ZERO} if self.zero else {FROM_ZERO, REAL})

    @property
    def described(self) -> str:
        return "a response from 0 on" if self.zero else "a positive response"

    def tally(self, y: Floats) -> tuple[int, ...]:
        return len(y), int(np.count_nonzero(y > 0.0))

    def settled(self, n: int, n_positive: int) -> "PositiveScale":
        """Refuse responses of which none is positive."""
        if self.zero and n and not n_positive:
            msg = (
                f"all {n} responses are 0, which says nothing of positive ones: neither their mean "
                "nor their spread can be estimated"
            )
            raise ValueError(msg)
        return self

    def _refuse(self, y: Floats) -> None:
        first = f"every response must be {'positive or 0' if self.zero else 'positive'}"
        is_zero = y == 0.0
        checks = (
            (y < 0.0, "negative", _NEGATIVE),
            (is_zero & (not self.zero), "zero", _ZERO),
            (y > LARGEST, "beyond 1e100", _UNITS),
            (~is_zero & (y < 1.0 / LARGEST), "below 1e-100", _UNITS),
        )
        refuse_wrong(first, y, checks)


_NEGATIVE = "Look for a code of missing values; LMMRegressor is for responses of either sign"
_ZERO = (
    "If zeros are what they are, zero='1' gives them a probability of their own, and "
    "TweedieGLMMRegressor takes amounts that are sums of none or some parts; if they are small "
    "numbers that were rounded or not detected, they need a model of that"
)
_UNITS = "Floating-point numbers end near there: bring them to ordinary units"
