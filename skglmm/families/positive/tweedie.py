"""The Tweedie family: amounts that are sums of none, one or several parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.chain_rule import through_links
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.parameter import Parameter, Role
from skglmm.families.positive.fixed_tweedie import FixedTweedie
from skglmm.families.positive.tweedie_density import DISPERSION, MEAN, TweedieDensity
from skglmm.links import Identity, Link, LogAmount, ScaledLogit

__all__ = ["Tweedie"]

POWERS = (1.01, 1.99)  # beyond which densities are those of counts, or of gamma variables
LOG_ODDS_CEILING = 8.0  # where the power is next to its upper end
MARGIN = 0.1  # of a start from the ends
POWER = 2  # the place of its linear predictor


@final
@dataclass(frozen=True)
class Tweedie(TweedieDensity):
    r"""Tweedie distribution with a mean, a dispersion and a power between 1 and 2.

    The variance is :math:`\phi \mu^p`. A response is the sum of a Poisson number of gamma
    variables, so that it is 0 with the probability
    :math:`\exp(-\mu^{2 - p} / (\phi (2 - p)))` [1]_.

    Parameters
    ----------
    links : tuple of three links
        Of the mean and the dispersion, logarithms, and of the power: the logit of where it lies
        between 1.01 and 1.99.

    References
    ----------
    .. [1] Dunn, P. K. & Smyth, G. K. (2005). Series evaluation of Tweedie exponential dispersion
       model densities. Statistics and Computing, 15, 267-280.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Tweedie
    >>> eta = np.log([4.0]), np.log([2.0]), np.zeros(1)  # a power of 1.5
    >>> Tweedie().variance(eta).round(6), Tweedie().part_probabilities(eta).ravel().round(4)
    (array([16.]), array([0.1353, 0.8647]))
    """

    parameters = (
        MEAN,
        DISPERSION,
        Parameter(
            "power",
            Role.SHAPE,
            (ScaledLogit(*POWERS),),
            LOG_ODDS_CEILING,
            at_limit="the responses are like gamma variables, which are never 0",
            at_other_end="the responses are like multiples of a count",
        ),
    )

    simpler = "a gamma model (GammaGLMMRegressor)"

    links: tuple[Link, ...] = (LogAmount(), LogAmount(), ScaledLogit(*POWERS))

    def powers(self, eta: Sequence[Floats]) -> Floats:
        return self.links[POWER].inverse(eta[POWER]).value

    def contains(self, other: Family) -> bool:
        return self == other or isinstance(other, FixedTweedie)

    def start_power(self, guess: float) -> float:
        low, high = POWERS
        return float(np.clip(guess, low + MARGIN, high - MARGIN))

    def _shape_start(self, power: float) -> tuple[float, ...]:
        return (float(self.links[POWER].link(np.array(power))),)

    def _linked(self, density: LogDensity, eta: Sequence[Floats], order: int) -> LogDensity:
        straight = Identity().inverse(np.zeros(1), order)
        jets = [straight, straight, self.links[POWER].inverse(eta[POWER], order)]
        return through_links(density, jets)

    def _linked_information(self, found: Floats, eta: Sequence[Floats]) -> Floats:
        (slope,) = self.links[POWER].inverse(eta[POWER], 1).slopes
        for key, row in packed_rows(3, 2).items():
            found[row] *= slope ** key.count(POWER)
        return found
