"""Hurdle models: a probability of zero, and a distribution of positive responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import Family
from skglmm.families.combined.combined import Combined, check_counts
from skglmm.families.combined.masses import ONE, ZERO, ZERO_OR_MORE
from skglmm.families.combined.truncated import Truncated
from skglmm.families.combined.two_part import TwoPart
from skglmm.families.parameter import Parameter
from skglmm.response.support import Support

__all__ = ["Hurdle"]

NAMED = {0.0: ZERO, 1.0: ONE}


@final
@dataclass(frozen=True)
class Hurdle(Combined, TwoPart):
    r"""Zeros with a probability of their own, and positive responses of another family.

    With the last linear predictor z, :math:`P(y = 0) = e^z / (1 + e^z)`. Counts of the other
    family are truncated at zero: all zeros are those of the hurdle [1]_.

    Parameters
    ----------
    family : Family
        Of counts that may be 0, or of real numbers above 0. The link of the probability of 0 is
        always a logit.
    at : tuple of float, default=(0.0,)
        Where the hurdles are: at 0, and for numbers between 0 and 1 also at 1, or at both, each
        with a linear predictor beside that of all other responses.

    References
    ----------
    .. [1] Mullahy, J. (1986). Specification and testing of some modified count data models.
       Journal of Econometrics, 33(3), 341-365.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Hurdle, Poisson
    >>> family, eta = Hurdle(Poisson()), (np.log([2.0]), np.log([1 / 3]))  # P(0) = 1/4
    >>> family.predictors, family.mean(eta).round(4)  # 3/4 of 2 / (1 - e^-2)
    (('mean', 'zero'), array([1.7348]))
    >>> family.part_probabilities(eta).ravel()
    array([0.25, 0.75])
    """

    at: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        support = self.family.support
        ends = tuple(end for end in support.ends if end in NAMED)
        if support.is_discrete:
            check_counts(self.family, "Hurdle")
            ends = (0.0,)
        if not self.at or self.family.masses or self.at not in (ends, ends[:1], ends[-1:]):
            text = (
                f"no hurdle at {self.at} in the support of {type(self.family).__name__}, {support}"
            )
            raise ValueError(text)
        super().__post_init__()

    @property
    def own(self) -> tuple[Parameter, ...]:
        """The probabilities of the masses."""
        return tuple(NAMED[mass] for mass in self.at)

    @property
    def support(self) -> Support:
        low, high = self.family.support.ends
        if self.family.support.is_discrete:
            return Support(low, high, "counts")
        return Support(low, high, masses=self.at)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts of the support: of zero and positive, or of an interval."""
        return self.family.parts or ZERO_OR_MORE

    @property
    def inner(self) -> Family:
        return Truncated(self.family) if self.family.support.is_discrete else self.family

    @property
    def neutral(self) -> Floats:
        low, high = self.family.support.ends
        width = min(1.0, (high - low) / 4.0)
        return self.inner.start(low + width * np.array([1.0, 2.0]))

    def location_information(self, eta: Sequence[Floats]) -> Floats:
        inner = self.inner.location_information(self._own(eta))
        return np.asarray(self._three(eta)[1] * inner)
