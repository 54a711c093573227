"""The Student t family: real numbers, some of them far away."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import final

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.parameter import Parameter, Role
from skglmm.families.real.fixed_student import FixedStudentT
from skglmm.families.real.gaussian import Gaussian
from skglmm.families.real.student_density import MEAN, SCALE, StudentTFamily
from skglmm.links import Identity, Link, Log

__all__ = ["StudentT"]

LOG_DF_CEILING = log(1e6)  # where a response tells less than 1e-6 about the tails
DF = 2  # the place of its linear predictor


@final
@dataclass(frozen=True)
class StudentT(StudentTFamily):
    r"""Student t distribution with a location, a scale and degrees of freedom.

    With z the distance from the location in units of the scale :math:`\sigma`, the density is
    :math:`\Gamma((v + 1) / 2) / (\Gamma(v / 2) \sqrt{v \pi} \sigma) (1 + z^2 / v)^{-(v + 1) / 2}`
    [1]_. The location is the mean where there is one, with more than one degree of freedom, and
    always the median; the variance is :math:`\sigma^2 v / (v - 2)`, infinite up to two.

    Parameters
    ----------
    links : tuple of three links
        Of the location, the scale and the degrees of freedom.

    References
    ----------
    .. [1] Lange, K. L., Little, R. J. A. & Taylor, J. M. G. (1989). Robust statistical modeling
       using the t distribution. Journal of the American Statistical Association, 84, 881-896.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import StudentT
    >>> y, eta = np.array([0.0, 1.0]), (np.zeros(1), np.zeros(1), np.zeros(1))  # the Cauchy
    >>> np.exp(StudentT().log_density(StudentT().prepare(y), eta).value) * np.pi
    array([1. , 0.5])
    """

    parameters = (
        MEAN,
        SCALE,
        Parameter(
            "df",
            Role.SHAPE,
            (Log(),),
            LOG_DF_CEILING,
            at_limit="the tails are no heavier than those of a normal distribution",
        ),
    )
    title = "Student t"
    simpler = "a linear mixed model (LMMRegressor)"

    links: tuple[Link, ...] = (Identity(), Log(), Log())

    def log_df(self, eta: Sequence[Floats]) -> Floats:
        return eta[DF]

    def contains(self, other: Family) -> bool:
        fewer = isinstance(other, FixedStudentT | Gaussian) and self.links[:DF] == other.links
        return self == other or fewer

    def ends_in(self, other: Family) -> tuple[str, ...]:
        return ("df",) if isinstance(other, Gaussian) else ()
