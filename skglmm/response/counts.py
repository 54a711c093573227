"""Counts: whole numbers from 0 on, or from a larger one."""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.response.base import ResponseScale
from skglmm.response.messages import WHOLE_TO, refuse_wrong

__all__ = ["CountScale"]


@dataclass(frozen=True)
class CountScale(ResponseScale):
    """Responses that count something.

    Parameters
    ----------
    least : int, default=0
        The smallest possible count: 1 for counts that are observed from one on.
    whole : bool, default=True
        Whether they have to be whole numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import CountScale
    >>> CountScale().read(np.array([3.0, 0.0]))
    array([3., 0.])
    >>> CountScale().read(np.array([0.5, 2.0]))
    Traceback (most recent call last):
    ...
    ValueError: every response must be a count, 0, 1, 2, ...; 1 of 2 is not whole: 0.5. ...
    """

    least: int = 0
    whole: bool = True

    @property
    def described(self) -> str:
        if not self.whole:
            return "numbers from 0 on"
        return "counts" if self.least == 0 else f"counts from {self.least} on"

    @property
    def remarks(self) -> list[str]:
        return [] if self.whole else [_PSEUDO]

    def _refuse(self, y: Floats) -> None:
        first = f"every response must be a count, {self.least}, {self.least + 1}, {self.least + 2}"
        first = first if self.whole else "every response must be a number from 0 on: 0, 0.5"
        checks = (
            ((y != np.floor(y)) & self.whole, "not whole", _RATE),
            (y < min(self.least, 0), "negative", "Look for a code of missing values"),
            (y < self.least, f"less than {self.least}", _LEAST),
            (y >= WHOLE_TO, "too large to be told from its neighbors", "Count in larger units"),
        )
        refuse_wrong(f"{first}, ...", y, checks)


_RATE = (
    "A rate? Give the counts, and the column of what they are counted in as exposure='column'; a "
    "share of the unit interval? Choose a model for it, such as BetaGLMMRegressor. "
    "PoissonGLMMRegressor(whole=False) takes any numbers from 0 on, for means alone"
)
_PSEUDO = (
    "responses need not be whole (whole=False): the likelihood is that of counts, and these "
    "standard errors, tests and criteria hold for counts alone; confint(X, y, method='sandwich') "
    "does not need them to be"
)
_LEAST = "truncated=True is for data without zeros; leave it out"
