"""Counts truncated at zero: any family of counts, given that they are positive."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from scipy.optimize import brentq

from skglmm.arrays import Floats, Ints
from skglmm.families.base import LogDensity
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.compose import compose
from skglmm.families.calculus.packing import packed_products, packed_rows
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.combined import Combined, check_counts, of_count
from skglmm.families.defaults.whole_quantile import whole_quantile
from skglmm.families.parameter import Parameter
from skglmm.response import Support
from skglmm.special import log_hazard

__all__ = ["Truncated"]

SURELY = 0.999  # probability of 1 above which differences of moments lose digits, and sums do not
FEW = 8.0  # the largest count of such a sum: nothing is left above it
RARELY = -0.7  # log probability of 0 above which the upper tail has more digits than the lower one
ROUNDS = 8  # in which zeros are drawn anew; of counts that are rarely positive some are left
TOLERANCE = 1e-13  # of the log probability of a positive count
VANISHING = (
    "positive counts are as small, or vary as much, as where almost all counts are 0 before these "
    "are taken out, the limit of such distributions"
)


@final
@dataclass(frozen=True)
class Truncated(Combined):
    r"""Counts of another family that are not 0.

    The probability of a count is :math:`f(y) / (1 - f(0))`, with f that of the other family [1]_.

    Parameters
    ----------
    family : Family
        Of counts that may be 0, with the parameters and links of their distribution before zeros
        are left out: the mean is that of all counts.

    References
    ----------
    .. [1] Cameron, A. C. & Trivedi, P. K. (2013). Regression Analysis of Count Data, 2nd ed.,
       section 4.3. Cambridge University Press.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Poisson, Truncated
    >>> family, eta = Truncated(Poisson()), (np.log([2.0]),)
    >>> y = np.array([1.0, 3.0])
    >>> np.exp(family.log_density(family.prepare(y), eta).value).round(4)  # e^-2 2^y / y! / 0.865
    array([0.313 , 0.2087])
    """

    def __post_init__(self) -> None:
        check_counts(self.family, "Truncated")
        super().__post_init__()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Those of the family; a mean before zeros are taken out may fall for ever."""
        found = list(self.family.parameters)
        for k in self.family.locations:
            found[k] = replace(found[k], at_other_end=VANISHING)
        return tuple(found)

    @property
    def support(self) -> Support:
        return Support(1.0, self.family.support.high, "counts")

    def prepare(self, y: Floats) -> Floats:
        return self.family.prepare(y)

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        every = self.family.log_density(prepared, near, order)
        pairs = zip(every.filled, self._log_positive(near, order), strict=True)
        found = LogDensity(*(part - positive for part, positive in pairs))
        if outside is not None:
            leave(found, outside)
        return found

    def _log_positive(self, eta: Sequence[Floats], order: int) -> list[Floats]:
        r"""Return :math:`\log(1 - f(0))` and its derivatives, packed.

        It is :math:`\log(1 - e^{-x})`, smooth in :math:`\log x`, with :math:`x = -\log f(0)`,
        whose relative derivatives keep the digits of means that are as good as 0.
        """
        value, *parts = of_count(self.family, 0.0, eta, order).filled
        relative = [part / value for part in parts]
        log_x = compose((1.0, -1.0, 2.0)[:order], relative)
        positive, *slopes = log_hazard(np.log(-value), order)
        return [positive, *compose(slopes, log_x)]

    def _positive(self, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of counts that are not 0, before truncation."""
        return np.asarray(-np.expm1(of_count(self.family, 0.0, eta).value))

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        r"""Return minus the expected second derivatives.

        What all counts tell is the sum of what zeros among them tell, and positive counts.
        """
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        none = of_count(self.family, 0.0, near, 1)
        assert none.grad is not None
        positive = -np.expm1(none.value)
        of_zeros = packed_products(none.grad) * np.exp(none.value) / positive
        found = np.asarray((self.family.expected_information(near) - of_zeros) / positive)
        squares = [row for (i, j), row in packed_rows(len(near), 2).items() if i == j]
        found[squares] = np.maximum(found[squares], 0.0)  # but for rounding
        rows = self._ones(near, positive)
        if rows.size:
            _, density = self._few(near, rows, 1)
            assert density.grad is not None
            products = np.exp(density.value) * packed_products(density.grad)
            found[:, rows] = products.reshape(len(found), -1, len(rows)).sum(axis=1)
        return found

    def mean(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        return np.maximum(self.family.mean(near) / self._positive(near), 1.0)  # but for rounding

    def variance(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        none, mean = of_count(self.family, 0.0, near).value, self.family.mean(near)
        positive = -np.expm1(none)
        of_zeros = mean * mean * np.exp(none) / positive
        found = np.asarray((self.family.variance(near) - of_zeros) / positive)
        rows = self._ones(near, positive)
        if rows.size:
            y, density = self._few(near, rows, 0)
            away = y - np.tile((mean / positive)[rows], len(y) // len(rows))
            found[rows] = (np.exp(density.value) * away**2).reshape(-1, len(rows)).sum(axis=0)
        return found

    def _ones(self, eta: Sequence[Floats], positive: Floats) -> Ints:
        """Return the rows of which nearly every positive count is 1."""
        one = of_count(self.family, 1.0, eta).value
        return np.flatnonzero(np.exp(one - np.log(positive)) > SURELY)

    def _few(self, eta: Sequence[Floats], rows: Ints, order: int) -> tuple[Floats, LogDensity]:
        """Return the first counts of some rows, those of one count side by side."""
        last = min(FEW, self.family.support.high)
        y = np.repeat(np.arange(1.0, last + 1.0), len(rows))
        many = [np.tile(row[rows], int(last)) for row in eta]
        return y, self.log_density(self.prepare(y), many, order)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities, from the upper tail where positive counts are rare."""
        near, _ = within_reach(self.links, eta)
        y, *near = np.broadcast_arrays(y, *near)
        none = of_count(self.family, 0.0, near).value
        found = (self.family.cdf(y, near) - np.exp(none)) / -np.expm1(none)
        rare = np.flatnonzero(none > RARELY)
        if rare.size:
            found[rare] = 1.0 - self.survival(y[rare], [row[rare] for row in near])
        return np.where(y < 1.0, 0.0, found)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        above = self.family.survival(y, near) / self._positive(near)
        return np.where(y < 1.0, 1.0, np.minimum(above, 1.0))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        return whole_quantile(self, p, eta)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return constants that suit the counts beside as many zeros as these constants expect."""
        values, places = np.unique(y, return_inverse=True)
        sums = np.bincount(places.ravel(), weights=weights).astype(np.float64)
        some = sums > 0.0
        values, sums = np.append(values[some], 0.0), np.append(sums[some], 0.0)
        total = float(sums.sum())

        def constants(log_positive: float) -> Floats:
            sums[-1] = total * np.expm1(-log_positive)
            return self.family.start(values, sums)

        def miss(log_positive: float) -> float:
            eta = [np.array([each]) for each in constants(log_positive)]
            return float(np.log(self._positive(eta)[0]) - log_positive)

        rarest = -float(np.log1p(total))  # one positive count among as many again
        if not miss(rarest) > 0.0:
            return constants(rarest)
        return constants(brentq(miss, rarest, 0.0, xtol=TOLERANCE))

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        draws = np.zeros(len(near[0]))
        for _ in range(ROUNDS):
            rows = np.flatnonzero(draws == 0.0)
            draws[rows] = self.family.sample([row[rows] for row in near], rng)
        rows = np.flatnonzero(draws == 0.0)
        draws[rows] = self.quantile(rng.random(len(rows)), [row[rows] for row in near])
        return draws
