r"""Tests of counts: whether they vary, and are zero, as often as the model expects.

Given drawn effects the responses of a true model are independent draws, too. So Pearson's statistic
:math:`\sum_i (y_i - \mu_i)^2 / V_i` has the mean n, and the variance of its terms is that of
simulated ones [1]_; the number of zeros is a sum of independent successes.

References
----------
.. [1] Hartig, F. (2022). DHARMa: residual diagnostics for hierarchical (multi-level / mixed)
   regression models. R package.
"""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit, gammainc, gammaincc

from skglmm.arrays import Bools, Floats
from skglmm.families import Family, Role
from skglmm.inference.residuals.distribution_tests import ResidualTest, two_sided
from skglmm.inference.residuals.drawn import Drawn

__all__ = ["count_tests", "makes_own_zeros"]

DRAWS, FEWEST, MOST = 2_000_000, 20, 500  # simulated responses in all, and for each row
CELLS = 2**16  # simulated responses at a time
RANKED = 200  # simulations from which on p-values are ranks among them
NORMAL = 1.96  # standard deviations that 95 % of numbers of zeros are within
LEAST = 1e-6  # share of extra zeros, or of others, that the EM algorithm keeps
TINY = 1e-300  # a probability of zero whose logarithm is a number
ROUNDS = 50  # of the EM algorithm for extra zeros
CLOSE = 1e-4  # change of the share of extra zeros that ends it


def makes_own_zeros(family: Family) -> bool:
    """Whether zeros have a linear predictor of their own."""
    return any(parameter.role is Role.MASS for parameter in family.parameters)


def count_tests(rows: Drawn, rng: np.random.Generator) -> Iterator[ResidualTest]:
    """Return the test of the dispersion of counts, and that of zeros where there may be some.

    Parameters
    ----------
    rows : Drawn, n rows
    rng : Generator
        Simulates responses.
    """
    family = rows.family
    if family.counts_something:
        yield _dispersion(rows, rng)
    has_zeros = family.counts_something and family.support.low == 0.0
    if has_zeros or (0.0 in family.masses and np.isinf(family.support.high)):
        test = _zeros(rows)
        if test is not None:
            yield test


def _dispersion(rows: Drawn, rng: np.random.Generator) -> ResidualTest:
    n = len(rows.y)
    mean = np.broadcast_to(rows.family.mean(rows.eta), (n,))
    variance = np.broadcast_to(rows.family.variance(rows.eta), (n,))
    varies = (variance > 0.0) & np.isfinite(variance)
    found, p_value = 1.0, 1.0
    if varies.any():
        found, p_value = _pearson(rows, mean, variance, varies, rng)
    sentence = (
        f"the {_noun(rows.family)} vary {found:.2g} times as much about their means as the model "
        f"({rows.family.title}) expects"
    )
    return ResidualTest("dispersion", "", found, p_value, sentence)


def _pearson(
    rows: Drawn, mean: Floats, variance: Floats, varies: Bools, rng: np.random.Generator
) -> tuple[float, float]:
    """Pearson's statistic over its mean, and its two-sided p-value."""

    def terms(y: Floats) -> Floats:
        return np.asarray((y - mean)[..., varies] ** 2 / variance[varies])

    observed, n = float(terms(rows.y).sum()), int(varies.sum())
    size = int(np.clip(DRAWS // len(rows.y), FEWEST, MOST))
    sums, total, squares = np.empty(size), np.zeros(n), np.zeros(n)
    step = max(1, CELLS // len(rows.y))
    for some in (np.arange(size)[start : start + step] for start in range(0, size, step)):
        eta = [np.tile(part, some.size) if len(part) > 1 else part for part in rows.eta]
        each = terms(rows.family.sample(eta, rng).reshape(some.size, -1))
        sums[some] = each.sum(axis=1)
        total += np.sum(each - 1.0, axis=0)  # their mean is 1
        squares += np.sum((each - 1.0) ** 2, axis=0)
    spread = float(np.sum(squares - total**2 / size)) / (size - 1.0)
    shape = n**2 / spread if spread > 0.0 else np.inf
    rank = _ranked(observed, sums) if size >= RANKED else 0.0
    if rank > 2.0 / (size + 1.0) or not np.isfinite(shape):
        return observed / n, max(rank, 2.0 / (size + 1.0))
    # beyond all simulations: the tails of a gamma with mean and variance of the sum
    half = min(float(each(shape, observed / n * shape)) for each in (gammainc, gammaincc))
    return observed / n, min(1.0, 2.0 * half)


def _ranked(observed: float, simulated: Floats) -> float:
    """Two-sided p-value of a number among simulated ones."""
    above = int(np.count_nonzero(simulated >= observed))
    below = int(np.count_nonzero(simulated <= observed))
    return min(1.0, 2.0 * (1.0 + min(above, below)) / (len(simulated) + 1.0))


def _noun(family: Family) -> str:
    return "successes" if family.known else "counts"


def _zeros(rows: Drawn) -> ResidualTest | None:
    n, family = len(rows.y), rows.family
    chance = np.broadcast_to(family.cdf(np.zeros(n), rows.eta), (n,))
    count, expected = int(np.count_nonzero(rows.y == 0.0)), float(chance.sum())
    if count == 0 and expected == 0.0:
        return None
    p_value = two_sided(count, expected, float(np.sum(chance**2)))
    reach = NORMAL * float(np.sqrt(np.sum(chance * (1.0 - chance))))
    low, high = max(0.0, np.ceil(expected - reach)), min(float(n), np.floor(expected + reach))
    sentence = (
        f"{count} of {n} responses are 0, where the model expects {expected:.3g} ({low:.0f} to "
        f"{high:.0f} in 95 of 100 such data sets)"
    )
    if count > high and family.support.is_discrete and not makes_own_zeros(family):
        share = _extra_zeros(rows, chance)
        sentence += f"; a share of {share:.2g} of extra zeros would make up for them"
    return ResidualTest("zeros", "", (count - expected) / n, p_value, sentence)


def _extra_zeros(rows: Drawn, chance: Floats) -> float:
    """Share of extra zeros, if the means of other counts grow by one constant, as they would.

    By the EM algorithm, which moves the linear predictor of the location by steps of Fisher
    scoring.
    """
    family, y, k = rows.family, rows.y, rows.family.location
    prepared, is_zero = family.prepare(y), y == 0.0
    eta = [np.array(np.broadcast_to(part, (len(y),))) for part in rows.eta]
    share, log_none = 0.5 * float(np.mean(is_zero)), np.log(np.maximum(chance, TINY))
    for _ in range(ROUNDS):
        log_odds = np.log(share) - np.log1p(-share)
        mass = np.where(is_zero, expit(log_none - log_odds), 1.0)  # that it is no extra zero
        density = family.log_density(prepared, eta, 1)
        assert density.grad is not None
        information = float(mass @ family.location_information(eta))
        if information > 0.0:
            step = float(mass @ density.grad[k]) / information
            eta[k] = eta[k] + np.clip(step, -1.0, 1.0)
        log_none = np.where(is_zero, family.log_density(prepared, eta).value, log_none)
        before, share = share, float(np.clip(1.0 - mass.mean(), LEAST, 1.0 - LEAST))
        if abs(share - before) < CLOSE:
            break
    return share
