"""Tests of the distribution of residuals: an effect size, a p-value and a sentence each."""

from typing import NamedTuple

import numpy as np
from scipy.special import bdtrc, betainc, chdtr, chdtrc, kolmogorov, ndtr
from scipy.stats import kurtosis, kurtosistest, skew, skewtest

from skglmm.arrays import Floats
from skglmm.inference.residuals.drawn import Drawn

__all__ = ["ResidualTest", "boundary_test", "distribution_tests", "two_sided"]

FEW = 20  # residuals whose third and fourth moments say nothing
RARE = 1e-3  # probability of each tail that holds the outliers


class ResidualTest(NamedTuple):
    """One way in which residuals may differ from those of a true model.

    Parameters
    ----------
    name : str
        What is tested.
    subject : str
        What it is about: a column, a term, a bound; empty for all of the residuals.
    effect : float
        How large the difference is; `sentence` says on which scale.
    p_value : float
        How often a true model has one as large.
    sentence : str
    """

    name: str
    subject: str
    effect: float
    p_value: float
    sentence: str


def distribution_tests(rows: Drawn) -> tuple[ResidualTest, ...]:
    """Return the tests of uniformity, dispersion, spread, shape, outliers, the farthest residual.

    There is no spread along several linear predictors, no shape where responses are whole or lie
    between bounds, and the dispersion of counts is that of `count_tests`.

    Parameters
    ----------
    rows : Drawn, n rows
    """
    alone = len(rows.family.locations) == 1  # there is no line of several linear predictors
    support = rows.family.support
    has_shape = np.isinf(support.high) and not support.is_discrete and len(rows.residual) > FEW
    return (
        _uniformity(rows.residual),
        *([] if rows.family.counts_something else [_dispersion(rows.residual)]),
        *([_spread(rows.residual, rows.location)] if alone else []),
        *(_shape(rows.residual) if has_shape else ()),
        _outliers(rows.residual),
        _farthest(rows.residual),
    )


def _uniformity(residual: Floats) -> ResidualTest:
    """Kolmogorov and Smirnov's test, with Stephens' correction for few rows."""
    n, u = len(residual), np.sort(ndtr(residual))
    steps = np.arange(n)
    distance = float(max((u - steps / n).max(), ((steps + 1) / n - u).max()))
    root = np.sqrt(n)
    p_value = float(kolmogorov((root + 0.12 + 0.11 / root) * distance))
    sentence = f"the distribution of the residuals is {distance:.2g} away from the expected one"
    return ResidualTest("uniformity", "", distance, p_value, sentence)


def _dispersion(residual: Floats) -> ResidualTest:
    square = float(residual @ residual)
    lower = float(chdtr(len(residual), square))
    p_value = 2.0 * min(lower, float(chdtrc(len(residual), square)))
    ratio = square / len(residual)
    sentence = f"the variance of the residuals is {ratio:.2f} times the expected one"
    return ResidualTest("dispersion", "", ratio, min(1.0, p_value), sentence)


def _spread(residual: Floats, eta: Floats) -> ResidualTest:
    """Test of Cook and Weisberg: whether squared residuals change along the linear predictor."""
    centered = eta - eta.mean()
    size = float(np.sqrt(centered @ centered))
    slope = float(centered @ (residual**2 - 1.0)) / (size or 1.0) / np.sqrt(2.0)
    p_value = 2.0 * float(ndtr(-abs(slope)))
    change = slope * np.sqrt(2.0 / len(eta))
    sentence = (
        f"the variance of the residuals changes by {100 * change:+.0f} % of the expected one with "
        "one standard deviation of the linear predictor"
    )
    return ResidualTest("spread", "", change, p_value, sentence)


def _shape(residual: Floats) -> tuple[ResidualTest, ResidualTest]:
    """D'Agostino's test of the skewness, and Anscombe and Glynn's of the kurtosis."""
    if np.ptp(residual) == 0.0:  # of an exact fit, where there is nothing to test
        third, fourth, p_values = 0.0, 0.0, (1.0, 1.0)
    else:
        third, fourth = float(skew(residual)), float(kurtosis(residual))
        p_values = float(skewtest(residual).pvalue), float(kurtosistest(residual).pvalue)
    first = f"the skewness of the residuals is {third:+.2f}, where about 0 is expected"
    second = f"the excess kurtosis of the residuals is {fourth:+.2f}, where about 0 is expected"
    return (
        ResidualTest("skewness", "", third, p_values[0], first),
        ResidualTest("tails", "", fourth, p_values[1], second),
    )


def _outliers(residual: Floats) -> ResidualTest:
    n, tail = len(residual), ndtr(-np.abs(residual))
    count, expected = int(np.count_nonzero(tail < RARE)), 2.0 * RARE * n
    p_value = float(bdtrc(count - 1, n, 2.0 * RARE)) if count else 1.0
    sentence = (
        f"{count} of {n} residuals lie in tails of probability {2.0 * RARE:g}, where "
        f"{expected:.2g} are expected"
    )
    return ResidualTest("outliers", "", count / expected, p_value, sentence)


def _farthest(residual: Floats) -> ResidualTest:
    """Test of the largest of n residuals: a single row may be too far for its count to show it."""
    place = int(np.argmax(np.abs(residual)))
    distance = float(residual[place])
    beyond = 2.0 * ndtr(-abs(distance))
    p_value = 1.0 if beyond == 1.0 else -float(np.expm1(len(residual) * np.log1p(-beyond)))
    sentence = (
        f"the farthest of {len(residual)} residuals, at position {place} counted from 0, is "
        f"{distance:.2g} standard deviations away"
    )
    return ResidualTest("farthest", "", distance, p_value, sentence)


def boundary_test(rows: Drawn, at: float, *, low: bool) -> ResidualTest | None:
    """Test whether too many or too few responses lie on a bound.

    Parameters
    ----------
    rows : Drawn, n rows
    at : float
        The bound, or where the responses on it were moved.
    low : bool
        Whether it is the lower one.

    Returns
    -------
    ResidualTest or None
        None where there are no such responses, and none are expected.
    """
    beyond, where = np.full(len(rows.y), at), "lower" if low else "upper"
    if low:
        count = np.count_nonzero(rows.y <= at)
        probability = rows.family.cdf(beyond, rows.eta)
    else:
        count = np.count_nonzero(rows.y >= at)
        before = rows.family.support.before(beyond)
        probability = 1.0 - rows.family.cdf(before, rows.eta)
    expected = float(probability.sum())
    if count == 0 and expected == 0.0:
        return None
    p_value = two_sided(int(count), expected, float(np.sum(probability**2)))
    sentence = (
        f"{count} of {len(rows.y)} responses lie on the {where} bound, where {expected:.3g} are "
        "expected"
    )
    excess = (count - expected) / len(rows.y)
    return ResidualTest("inflation", f"{where} bound", excess, p_value, sentence)


def two_sided(count: int, expected: float, squares: float) -> float:
    """P-value of a number of successes, by the binomial with the same mean and variance."""
    if squares == 0.0:  # none is expected, or one in 1e160: then the first is that unlikely
        return min(1.0, 2.0 * expected) if count else 1.0
    chance = squares / expected
    trials = expected / chance
    at_least = _at_least(count, trials, chance)
    at_most = _at_least(trials - count, trials, 1.0 - chance)  # failures: no difference to 1
    return float(min(1.0, 2.0 * min(at_least, at_most)))


def _at_least(count: float, trials: float, chance: float) -> float:
    if count <= 0.0:
        return 1.0
    if count > trials:
        return 0.0
    return float(betainc(count, trials - count + 1.0, chance))
