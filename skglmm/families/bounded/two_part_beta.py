"""A beta between the bounds 0 and 1, and probabilities of the bounds themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.bounded.beta import Beta
from skglmm.families.combined.masses import PARTS
from skglmm.families.combined.two_part import TwoPart

__all__ = ["TwoPartBeta"]


@dataclass(frozen=True)
class TwoPartBeta(TwoPart):
    """What families that differ in the probabilities of the bounds have in common.

    The log density is the log probability of the part of [0, 1] in which a response lies and, in
    the interior, the log density of a beta.
    """

    parts = PARTS

    @property
    def inner(self) -> Beta:
        return Beta(links=self.links[:2])

    @property
    def neutral(self) -> Floats:
        pairs = zip(self.links[:2], (0.5, 1.0), strict=True)
        return np.array([link.link(np.array(x)) for link, x in pairs])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        """Return the variances, with the digits of means near 1."""
        low, inner, high = self.part_probabilities(eta)
        mean, precision = self.inner.jets(eta[:2])
        spread = mean.value * mean.complement / (1.0 + precision.value)
        center, rest = high + inner * mean.value, low + inner * mean.complement
        between = low * center**2 + inner * (mean.value - center) ** 2 + high * rest**2
        return np.asarray(inner * spread + between)
