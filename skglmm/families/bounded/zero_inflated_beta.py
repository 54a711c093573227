"""The zero-inflated beta family: proportions that may be exactly 0."""

from dataclasses import dataclass
from typing import final

from skglmm.families.bounded.beta import MEAN, PRECISION
from skglmm.families.bounded.two_part_beta import TwoPartBeta
from skglmm.families.combined.masses import ZERO
from skglmm.links import Link, Log, Logit, LogOdds
from skglmm.response import Support

__all__ = ["ZeroInflatedBeta"]


@final
@dataclass(frozen=True)
class ZeroInflatedBeta(TwoPartBeta):
    r"""A beta distribution, and zeros with a probability of their own.

    With the third linear predictor z, :math:`P(y = 0) = e^z / (1 + e^z)` [1]_.

    Parameters
    ----------
    links : tuple of three links
        Of the mean and the precision of responses that are not 0, and of the probability of 0,
        which is always a logit.

    References
    ----------
    .. [1] Ospina, R. & Ferrari, S. L. P. (2012). A general class of zero-or-one inflated beta
       regression models. Computational Statistics & Data Analysis, 56(6), 1609-1623.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import ZeroInflatedBeta
    >>> eta = np.zeros(1), np.log([2.0]), np.log([1 / 3])  # P(0) = 1/4, else uniform
    >>> ZeroInflatedBeta().mean(eta)
    array([0.375])
    """

    parameters = (MEAN, PRECISION, ZERO)
    support = Support(0.0, 1.0, masses=(0.0,))

    links: tuple[Link, ...] = (Logit(), Log(), LogOdds())
