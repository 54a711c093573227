r"""Degrees of freedom by counting: of all rows, or of groups and rows within them.

A fixed effect of a column that is the same in all rows of a group is estimated from differences
between groups, and has at most as many degrees of freedom as these; one that varies within groups
has those of the rows. For groups nested in each other, :math:`m_i` of level i from the outside
(:math:`m_0 = 0`), and :math:`p_i` columns, the intercept among them, that are constant within the
groups of level i, but not within those of the level before, an effect among them has

.. math:: m_i - m_{i-1} - p_i

degrees of freedom, the last level being the rows [1]_. With one grouping factor these are the
"between-within" ones of [2]_, which keep the size of Wald tests also of generalized linear mixed
models with few groups. The intercept has those of the outermost groups.

References
----------
.. [1] Pinheiro, J. C. & Bates, D. M. (2000). Mixed-Effects Models in S and S-PLUS. Springer,
   section 2.4.2.
.. [2] Li, P. & Redden, D. T. (2015). Comparing denominator degrees of freedom approximations for
   the generalized linear mixed model in analyzing binary outcome in small sample cluster-randomized
   trials. BMC Medical Research Methodology, 15, 38.
"""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.reference import Denominator, Reference

__all__ = ["BetweenWithin", "Residual"]


@dataclass(frozen=True)
class _Counted(Reference):
    """Degrees of freedom of each coefficient; those of a contrast are the least of its own."""

    @cached_property
    def _of_coefficients(self) -> Floats:
        """Degrees of freedom of the fixed effects of all locations, one after another, (p,)."""
        locations = self.fit.family.locations
        return np.concatenate([self._of_location(k) for k in locations])

    @abstractmethod
    def _of_location(self, k: int) -> Floats:
        """Degrees of freedom of the fixed effects of one location, (p,)."""

    def estimated_df(self, contrasts: Floats) -> Floats:
        found = np.full(len(contrasts), np.inf)
        own = self.of_locations
        alone = self.concerns_location(contrasts)
        used = contrasts[alone][:, own] != 0.0
        found[alone] = np.where(used, self._of_coefficients, np.inf).min(axis=1, initial=np.inf)
        return found

    def estimated_denominator(self, contrasts: Floats) -> Denominator:
        return Denominator(float(self.estimated_df(contrasts).min(initial=np.inf)))


@dataclass(frozen=True)
class Residual(_Counted):
    """Student's t and F distributions with rows less fixed effects as degrees of freedom."""

    @property
    def title(self) -> str:
        return "residual"

    def _of_location(self, k: int) -> Floats:
        p = len(self.fit.beta[k])
        left = _n_rows(self.fit) - p + len(self.fit.aliased[k])
        return np.full(p, left if left > 0.0 else np.nan)


@dataclass(frozen=True)
class BetweenWithin(_Counted):
    """Student's t and F distributions with the degrees of freedom of groups, or of rows."""

    @property
    def title(self) -> str:
        return "between-within"

    def _of_location(self, k: int) -> Floats:
        fit = self.fit.original
        kept = [j for j in range(len(fit.beta[k])) if j not in fit.aliased[k]]
        factors = fit.layout.factors
        grouping = [f for f, factor in enumerate(factors) if not factor.is_smooth]
        outer = sorted(grouping, key=lambda f: factors[f].n_levels)
        counts = [float(factors[f].n_levels) for f in outer] + [_n_rows(fit)]
        level = np.full(len(fit.beta[k]), len(outer))  # the rows; or groups, outermost first
        for place in reversed(range(len(outer))):
            level[fit.constant_within[outer[place]][k]] = place
        n_columns = np.bincount(level[kept], minlength=len(counts))
        left = np.diff([0.0, *counts]) - n_columns
        return np.where(left[level] > 0.0, left[level], np.nan)


def _n_rows(fit: Fit) -> float:
    """Number of rows, or the sum of their weights where a fit has that."""
    return float(fit.n_samples) if fit.equations is None else fit.equations.weight
