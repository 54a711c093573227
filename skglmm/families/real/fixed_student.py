"""The Student t family with known degrees of freedom."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.real.student_density import MEAN, SCALE, StudentTFamily
from skglmm.links import Identity, Link, Log

__all__ = ["FixedStudentT"]


@final
@dataclass(frozen=True)
class FixedStudentT(StudentTFamily):
    r"""Student t distribution with a location, a scale and known degrees of freedom.

    Parameters
    ----------
    links : tuple of two links
        Of the location and the scale.
    df : float, default=4.0
        Degrees of freedom, positive.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import FixedStudentT
    >>> FixedStudentT(df=4.0).variance((np.zeros(1), np.zeros(1)))
    array([2.])
    """

    parameters = (MEAN, SCALE)
    title = "Student t"

    links: tuple[Link, ...] = (Identity(), Log())
    df: float = 4.0

    def __post_init__(self) -> None:
        if not 0.0 < self.df < inf:
            msg = f"degrees of freedom must be positive and finite, got {self.df!r}"
            raise ValueError(msg)

    def log_df(self, eta: Sequence[Floats]) -> Floats:
        del eta
        return np.log([self.df])
