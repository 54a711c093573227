r"""p-values and intervals of several contrasts at once.

Of k means whose pairs are compared, the largest t statistic is a studentized range over
:math:`\sqrt 2` (Tukey). Of c comparisons with one reference, whose correlations are about 1/2, it
is between such a range, of as many means as have c pairs, and the largest of c independent ones:
the mixture of the two with weights (c - 1) / c and 1 / c, which emmeans calls dunnettx [1]_.
Bonferroni's and Holm's [2]_ hold for any contrasts, Sidak's where none are of one another's
opposite. Holm's go step by step and have no intervals of their own: these are Bonferroni's.

References
----------
.. [1] Lenth, R. V. (2023). emmeans: estimated marginal means, aka least-squares means.
   R package, version 1.8.4.
.. [2] Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian
   Journal of Statistics, 6(2), 65-70.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from skglmm.arrays import Floats
from skglmm.inference.degrees_of_freedom.reference import t_quantile, t_tail
from skglmm.inference.means.studentized_range import range_quantile, range_tail

__all__ = ["ADJUSTMENTS", "Adjusted", "adjusted"]


class Adjusted(NamedTuple):
    """p-values of c contrasts, (c,), and half widths of intervals in standard errors, (c,)."""

    p_value: Floats
    reach: Floats


def adjusted(how: str, statistic: Floats, df: Floats, level: float, n_means: int) -> Adjusted:
    """Return p-values and half widths that hold for all contrasts of a family at once.

    Parameters
    ----------
    how : {"tukey", "dunnett", "sidak", "holm", "bonferroni", "none"}
    statistic : ndarray, shape (c,)
        t or z statistics; NaN ones, which there are no data for, count in the size of the family.
    df : ndarray, shape (c,)
    level : float
        Coverage of all intervals together.
    n_means : int
        Of which the contrasts are.

    Examples
    --------
    >>> found = adjusted("tukey", np.array([2.3]), np.array([np.inf]), 0.95, 3)
    >>> found.p_value.round(4), found.reach.round(4)
    (array([0.0558]), array([2.3437]))
    """
    size = n_means if how == "tukey" else len(statistic)
    known = ~(np.isnan(statistic) | np.isnan(df))
    p_value, reach = np.full(len(df), np.nan), np.full(len(df), np.nan)
    if known.any():
        found = ADJUSTMENTS[how](statistic[known], df[known], level, size)
        p_value[known], reach[known] = found
    return Adjusted(p_value, reach)


def _none(t: Floats, df: Floats, level: float, size: int) -> Adjusted:
    del size
    return Adjusted(t_tail(t, df), t_quantile(level, df))


def _bonferroni(t: Floats, df: Floats, level: float, size: int) -> Adjusted:
    share = 1.0 - (1.0 - level) / size
    return Adjusted(np.minimum(size * t_tail(t, df), 1.0), t_quantile(share, df))


def _sidak(t: Floats, df: Floats, level: float, size: int) -> Adjusted:
    p_value = -np.expm1(size * np.log1p(-np.minimum(t_tail(t, df), 1.0 - 1e-16)))
    return Adjusted(p_value, t_quantile(level ** (1.0 / size), df))


def _holm(t: Floats, df: Floats, level: float, size: int) -> Adjusted:
    plain = t_tail(t, df)
    order = np.argsort(plain, kind="stable")
    steps = np.maximum.accumulate(plain[order] * (size - np.arange(len(plain))))
    p_value = np.empty_like(plain)
    p_value[order] = np.minimum(steps, 1.0)
    return Adjusted(p_value, _bonferroni(t, df, level, size).reach)


def _tukey(t: Floats, df: Floats, level: float, size: int) -> Adjusted:
    root, pairs = np.sqrt(2.0), list(zip(np.abs(t).tolist(), df.tolist(), strict=True))
    widths = {each: range_quantile(level, size, each) / root for each in set(df.tolist())}
    return Adjusted(
        np.array([range_tail(root * each, size, own) for each, own in pairs]),
        np.array([widths[own] for own in df.tolist()]),
    )


def _dunnett(t: Floats, df: Floats, level: float, size: int) -> Adjusted:
    if size == 1:
        return _none(t, df, level, size)
    pairs = zip(np.abs(t).tolist(), df.tolist(), strict=True)
    widths = {each: _dunnett_quantile(level, each, size) for each in set(df.tolist())}
    return Adjusted(
        np.array([_dunnett_tail(each, own, size) for each, own in pairs]),
        np.array([widths[own] for own in df.tolist()]),
    )


def _dunnett_tail(t: float, df: float, size: int) -> float:
    n_means = (1.0 + np.sqrt(1.0 + 8.0 * size)) / 2.0  # which have as many pairs
    of_pairs = range_tail(np.sqrt(2.0) * t, n_means, df)
    alone = np.minimum(t_tail(np.array(t), np.array(df)), 1.0 - 1e-16)
    apart = float(-np.expm1(size * np.log1p(-alone)))
    return ((size - 1) * of_pairs + apart) / size


def _dunnett_quantile(level: float, df: float, size: int) -> float:
    high = float(_bonferroni(np.zeros(1), np.array([df]), level, size).reach[0])
    return float(brentq(lambda t: _dunnett_tail(t, df, size) - (1.0 - level), 0.0, 2.0 * high))


ADJUSTMENTS: Mapping[str, Callable[[Floats, Floats, float, int], Adjusted]] = {
    "tukey": _tukey,
    "dunnett": _dunnett,
    "sidak": _sidak,
    "holm": _holm,
    "bonferroni": _bonferroni,
    "none": _none,
}
