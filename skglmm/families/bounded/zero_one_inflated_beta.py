"""The zero-one-inflated beta family: proportions that may be exactly 0 or 1."""

from dataclasses import dataclass
from typing import final

from skglmm.families.bounded.beta import MEAN, PRECISION
from skglmm.families.bounded.two_part_beta import TwoPartBeta
from skglmm.families.combined.masses import ONE, ZERO
from skglmm.links import Link, Log, Logit, LogOdds
from skglmm.response import Support

__all__ = ["ZeroOneInflatedBeta"]


@final
@dataclass(frozen=True)
class ZeroOneInflatedBeta(TwoPartBeta):
    r"""A beta distribution, and zeros and ones with probabilities of their own.

    With the linear predictors z and o, :math:`P(y = 0) = e^z / (1 + e^z + e^o)` and
    :math:`P(y = 1) = e^o / (1 + e^z + e^o)` [1]_.

    Parameters
    ----------
    links : tuple of four links
        Of the mean and the precision of responses between 0 and 1, and of the probabilities of
        0 and of 1, each beside that of the interior, which are always logits.

    References
    ----------
    .. [1] Ospina, R. & Ferrari, S. L. P. (2012). A general class of zero-or-one inflated beta
       regression models. Computational Statistics & Data Analysis, 56(6), 1609-1623.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import ZeroOneInflatedBeta
    >>> eta = np.zeros(1), np.log([2.0]), np.log([1.0]), np.log([2.0])
    >>> ZeroOneInflatedBeta().part_probabilities(eta).ravel()
    array([0.25, 0.25, 0.5 ])
    """

    parameters = (MEAN, PRECISION, ZERO, ONE)
    support = Support(0.0, 1.0, masses=(0.0, 1.0))

    links: tuple[Link, ...] = (Logit(), Log(), LogOdds(), LogOdds())
