r"""The distribution that estimates are compared with: normal, t, or F.

A contrast c of fixed effects is compared with the t distribution of its own degrees of freedom; of
the normal one these are infinite. Several contrasts L at once have

.. math:: F = \tfrac{1}{q} (L \hat\beta)^T (L C L^T)^{-1} L \hat\beta,

with q their rank, which is compared with the F distribution, of infinite denominator degrees of
freedom a chi-square one divided by q.

Degrees of freedom are estimated, and may be below 1 where variances are hardly determined, although
no sum of squares has less than one: these count as 1. Quantiles of the t distribution leave all
bounds there, 13 at 1 degree of freedom, 165 at a half, 10 to the 12th at a tenth; and that of 1 is
wide enough: in 250 studies each of 2 and of 3 groups with random slopes, and in 80 of fields of 50
places, it held the truth in all 317 intervals with estimates below 1.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc, ndtr, ndtri, stdtr, stdtrit
from scipy.stats import chi2

from skglmm.arrays import Bools, Floats, Ints
from skglmm.fitting import Fit

__all__ = ["FEWEST", "Denominator", "Normal", "Reference", "f_tail", "t_quantile", "t_tail"]

FEWEST = 1.0  # degrees of freedom


class Denominator(NamedTuple):
    """What the F statistic of several contrasts is compared with.

    Parameters
    ----------
    df : float
        Denominator degrees of freedom, infinite for a chi-square test.
    scaling : float
        What the statistic is multiplied by first.
    """

    df: float
    scaling: float = 1.0


@dataclass(frozen=True)
class Reference(ABC):
    """How the uncertainty of fixed effects is measured, and what they are compared with.

    Parameters
    ----------
    fit : Fit
        With inference.
    """

    fit: Fit

    @property
    @abstractmethod
    def title(self) -> str:
        """What tables call it."""

    @property
    def has_df(self) -> bool:
        """Whether there are degrees of freedom, so that statistics are t and F."""
        return True

    @property
    def location_covariance(self) -> Floats | None:
        """Covariance of the fixed effects of the location, (p, p); None for that of the fit."""
        return None

    @abstractmethod
    def estimated_df(self, contrasts: Floats) -> Floats:
        """Return the degrees of freedom of contrasts of all fixed effects, (m, n_beta), as (m,).

        They may be below those that count, see `df`.
        """

    @abstractmethod
    def estimated_denominator(self, contrasts: Floats) -> Denominator:
        """Return what the F statistic of independent contrasts, (q, n_beta), is compared with.

        Its degrees of freedom may be below those that count, see `denominator`.
        """

    def df(self, contrasts: Floats) -> Floats:
        """Return the degrees of freedom of contrasts, (m, n_beta), as (m,), of at least 1."""
        return np.maximum(self.estimated_df(contrasts), FEWEST)

    def denominator(self, contrasts: Floats) -> Denominator:
        """Return what the F statistic of contrasts is compared with, of at least 1 df."""
        found = self.estimated_denominator(contrasts)
        return found._replace(df=max(found.df, FEWEST))

    def applied(self) -> Fit:
        """Return the fit with this covariance of its fixed effects."""
        block, known = self.location_covariance, self.fit.uncertainty
        if block is None or known is None:
            return self.fit
        own = self.fit.shape.beta(self.fit.family.location)
        covariance = known.covariance.copy()
        covariance[own] = 0.0  # given the variances, of which they are independent
        covariance[:, own] = 0.0
        covariance[own, own] = block
        return replace(self.fit, uncertainty=replace(known, covariance=covariance))

    @property
    def of_locations(self) -> Ints:
        """Places of the fixed effects of all locations."""
        places = np.arange(self.fit.shape.n_beta)
        return np.concatenate([places[self.fit.shape.beta(k)] for k in self.fit.family.locations])

    def concerns_location(self, contrasts: Floats) -> Bools:
        """Return which contrasts, (m, n_beta), are of fixed effects of the location alone, (m,).

        There may be several locations.
        """
        own = self.of_locations
        others = np.delete(contrasts, own, axis=1)
        return np.asarray(contrasts[:, own].any(axis=1) & ~others.any(axis=1))


@dataclass(frozen=True)
class Normal(Reference):
    """The normal and the chi-square distribution, of large samples."""

    @property
    def title(self) -> str:
        return "normal"

    @property
    def has_df(self) -> bool:
        return False

    def estimated_df(self, contrasts: Floats) -> Floats:
        return np.full(len(contrasts), np.inf)

    def estimated_denominator(self, contrasts: Floats) -> Denominator:
        del contrasts
        return Denominator(np.inf)


def t_tail(t: Floats, df: Floats) -> Floats:
    """Return two-sided p-values of t statistics; infinite degrees of freedom are the normal's."""
    t, df = np.broadcast_arrays(-np.abs(t), df)
    finite = np.where(np.isinf(df), 1.0, df)
    return np.asarray(2.0 * np.where(np.isinf(df), ndtr(t), stdtr(finite, t)))


def t_quantile(level: float, df: Floats) -> Floats:
    """Return the half widths of intervals, in standard errors."""
    probability, df = 0.5 + level / 2.0, np.asarray(df, dtype=np.float64)
    finite = np.where(np.isinf(df), 1.0, df)
    return np.where(np.isinf(df), ndtri(probability), stdtrit(finite, probability))


def f_tail(f: float, q: int, df: float) -> float:
    """Return the p-value of an F statistic; of infinite denominator it is that of chi-square."""
    return float(chi2.sf(q * f, q) if np.isinf(df) else fdtrc(q, df, f))
