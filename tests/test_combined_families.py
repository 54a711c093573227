"""Families made of a family: formulas, exact values at extremes, what they refuse."""

from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from count_families import SmallGeometric, SmallPoisson, SmallThinned, SmallZeroInflated
from family_cases import COUNTS, evaluate, moderate, name
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skglmm.families import (
    Beta,
    Family,
    Gaussian,
    Hurdle,
    Log,
    LogDensity,
    OneInflatedBeta,
    Parameter,
    Poisson,
    Role,
    Support,
    Truncated,
    ZeroInflated,
    ZeroInflatedBeta,
    ZeroOneInflatedBeta,
)

counts = pytest.mark.parametrize("family", COUNTS, ids=name)
combinations = pytest.mark.parametrize("kind", [Truncated, ZeroInflated, Hurdle])
P = np.array([1e-9, 0.01, 0.3, 0.5, 0.8, 0.999, 1.0 - 1e-9])


def constant(*values):
    return tuple(np.array([each]) for each in values)


def repeated(n, *values):
    return tuple(np.full(n, each) for each in values)


# Formulas


@counts
def test_truncation_divides_by_the_probability_of_a_positive_count(family):
    eta, y = moderate(family), np.array([1.0, 2.0, 1.0, 5.0, 3.0, 1.0])
    positive = 1.0 - np.exp(evaluate(family, np.zeros(6), eta, 0).value)
    expected = np.exp(evaluate(family, y, eta, 0).value) / positive
    assert_allclose(np.exp(evaluate(Truncated(family), y, eta, 0).value), expected, rtol=1e-12)


def test_positive_geometric_counts_are_geometric_and_one_more():
    eta, y = (np.linspace(-20.0, 20.0, 9),), np.arange(1.0, 10.0)
    found = evaluate(Truncated(SmallGeometric()), y, eta, 3)
    expected = evaluate(SmallGeometric(), y - 1.0, eta, 3)
    for part, same in zip(found, expected, strict=True):
        assert_allclose(part, same, rtol=1e-9, atol=1e-14)
    assert_allclose(Truncated(SmallGeometric()).mean(eta), 1.0 + np.exp(eta[0]), rtol=1e-13)
    assert_allclose(
        Truncated(SmallGeometric()).variance(eta), SmallGeometric().variance(eta), rtol=1e-12
    )


def test_extra_zeros_are_those_of_the_oracle():
    rng = np.random.default_rng(2)
    rate, zero, y = rng.normal(size=50), rng.normal(size=50), rng.poisson(0.7, 50).astype(float)
    found = evaluate(ZeroInflated(SmallPoisson()), y, (rate, zero), 3)
    expected = evaluate(SmallZeroInflated(), y, (zero, rate), 3)
    for part, same in zip(found[1:], expected[1:], strict=True):  # whose predictors are swapped
        assert_allclose(part, same[::-1], rtol=1e-9, atol=1e-13)
    assert_allclose(found.value, expected.value, rtol=1e-12)


@pytest.mark.parametrize("mean", [1e-3, 0.7, 4.0, 250.0])
def test_zero_inflated_poisson_counts_are_a_mixture(mean):
    family, eta = ZeroInflated(Poisson()), repeated(7, np.log(mean), np.log(0.3 / 0.7))
    y, law = np.array([0.0, 1.0, 2.0, 5.0, 40.0, 250.0, 300.0]), stats.poisson(mean)
    expected = np.logaddexp(np.where(y == 0.0, np.log(0.3), -np.inf), np.log(0.7) + law.logpmf(y))
    assert_allclose(evaluate(family, y, eta, 0).value, expected, rtol=1e-12)
    assert_allclose(family.cdf(y, eta), 0.3 + 0.7 * law.cdf(y), rtol=1e-12)
    assert_allclose(family.survival(y, eta), 0.7 * law.sf(y), rtol=1e-12)
    inner = law.ppf(np.clip((P - 0.3) / 0.7, 0.0, 1.0))
    assert_array_equal(family.quantile(P, eta), np.maximum(inner, 0.0))


@counts
def test_a_hurdle_has_its_own_zeros_and_truncated_counts(family):
    eta, y = moderate(Hurdle(family)), np.array([0.0, 2.0, 1.0, 0.0, 3.0, 1.0])
    log_odds, own = eta[-1], eta[:-1]
    positive = evaluate(Truncated(family), np.maximum(y, 1.0), own, 0).value
    zero = 1.0 / (1.0 + np.exp(-log_odds))
    expected = np.where(y == 0.0, zero, (1.0 - zero) * np.exp(positive))
    assert_allclose(np.exp(evaluate(Hurdle(family), y, eta, 0).value), expected, rtol=1e-12)
    mean = (1.0 - zero) * Truncated(family).mean(own)
    assert_allclose(Hurdle(family).mean(eta), mean, rtol=1e-13)


@pytest.mark.parametrize(
    ("family", "at"),
    [
        (ZeroInflatedBeta(), (0.0,)),
        (OneInflatedBeta(), (1.0,)),
        (ZeroOneInflatedBeta(), (0.0, 1.0)),
    ],
    ids=["zero", "one", "both"],
)
def test_inflated_betas_are_hurdles_of_a_beta(family, at):
    eta, hurdle = moderate(family), Hurdle(Beta(), at=at)
    assert hurdle.parameters == family.parameters
    assert (hurdle.support, hurdle.parts) == (family.support, family.parts)
    assert hurdle.interior == family.interior
    y = np.resize([*at, 0.2, 0.7], 6)
    for part, same in zip(evaluate(hurdle, y, eta, 3), evaluate(family, y, eta, 3), strict=True):
        assert_array_equal(part, same)
    assert_allclose(hurdle.variance(eta), family.variance(eta), rtol=1e-13)
    assert_allclose(hurdle.start(y), family.start(y), rtol=1e-13)


@dataclass(frozen=True)
class Exponential(Family):
    """Positive numbers with the logarithm of their mean as predictor."""

    parameters = (Parameter("mean", Role.LOCATION, (Log(),)),)
    support = Support(0.0, np.inf)
    links: tuple = (Log(),)

    def prepare(self, y):
        return y[None]

    def log_density(self, prepared, eta, order=0):
        ratio = prepared[0] * np.exp(-eta[0])
        found = (-ratio - eta[0], (ratio - 1.0)[None], -ratio[None], ratio[None])
        return LogDensity(*found[: order + 1])

    def mean(self, eta):
        return np.exp(eta[0])

    def variance(self, eta):
        return np.exp(2.0 * eta[0])

    def cdf(self, y, eta):
        return -np.expm1(-y * np.exp(-eta[0]))

    def quantile(self, p, eta):
        return -np.log1p(-np.minimum(p, 1.0 - 1e-16)) * np.exp(eta[0])

    def start(self, y, weights=None):
        return np.log([np.average(y, weights=weights)])

    def sample(self, eta, rng):
        return rng.exponential(np.exp(eta[0]))

    def expected_information(self, eta):
        return np.ones_like(eta[0])[None]


def test_a_hurdle_before_positive_numbers_truncates_nothing():
    family, law = Hurdle(Exponential()), stats.expon(scale=2.0)
    assert (family.support.masses, family.parts) == ((0.0,), ("zero", "positive"))
    assert family.inner == family.interior.family == Exponential()
    eta, y = repeated(4, np.log(2.0), np.log(1 / 3)), np.array([0.0, 0.5, 3.0, 9.0])  # P(0) = 1/4
    density = np.where(y == 0.0, 0.25, 0.75 * law.pdf(y))
    assert_allclose(np.exp(evaluate(family, y, eta, 0).value), density, rtol=1e-13)
    assert_allclose(family.mean(eta), 0.75 * 2.0, rtol=1e-13)
    assert_allclose(family.variance(eta), 0.75 * (4.0 + 4.0) - 1.5**2, rtol=1e-13)
    assert_allclose(family.cdf(y, eta), 0.25 + 0.75 * law.cdf(y), rtol=1e-13)
    p = np.array([0.1, 0.2, 0.4, 0.999])
    assert_allclose(family.quantile(p, eta), law.ppf(np.maximum(p - 0.25, 0.0) / 0.75), rtol=1e-12)
    assert_allclose(family.start(y), [np.log(12.5 / 3), np.log(1.5 / 3.5)], rtol=1e-13)
    assert np.isfinite(family.start(np.zeros(2))).all()


# Extremes


def exact(log_probability, point, order):
    """Value and derivatives of one predictor, with as many digits as it takes."""
    with mpmath.workdps(80):
        at = mpmath.mpf(point)
        return [float(mpmath.diff(log_probability, at, k)) for k in range(order + 1)]


def flat(density):
    return np.array([part[(0,) * part.ndim] for part in density.filled])


@pytest.mark.parametrize("mean", [1e-12, 1e-3, 0.06, 0.9, 20.0, 1e3, 1e12])
@pytest.mark.parametrize("y", [1.0, 2.0, 30.0])
def test_truncated_poisson_counts_have_exact_derivatives_whatever_the_mean(mean, y):
    def log_probability(eta):
        rate = mpmath.exp(eta)
        return y * eta - rate - mpmath.loggamma(y + 1) - mpmath.log(-mpmath.expm1(-rate))

    eta = np.log(mean)
    value, first, *higher = flat(evaluate(Truncated(Poisson()), np.array([y]), constant(eta), 3))
    expected = exact(log_probability, eta, 3)
    assert_allclose([value, first], expected[:2], rtol=1e-12, atol=1e-14)
    assert_allclose(higher, expected[2:], rtol=1e-12)  # no digit is lost of 1e-12


@pytest.mark.parametrize("mean", [1e-12, 1e-3, 0.9, 20.0, 1e3, 1e12])
@pytest.mark.parametrize("log_odds", [-1e3, -20.0, 0.3, 20.0])
@pytest.mark.parametrize("which", [0, 1])
def test_mixed_zeros_have_exact_derivatives_whatever_the_mean(mean, log_odds, which):
    point = np.log(mean), log_odds

    def log_probability(eta):
        rate, odds = (mpmath.exp(eta if k == which else point[k]) for k in (0, 1))
        return mpmath.log(odds + mpmath.exp(-rate)) - mpmath.log1p(odds)

    value, *parts = evaluate(ZeroInflated(Poisson()), np.zeros(1), constant(*point), 3).filled
    found = [value[0], *(part[-which, 0] for part in parts)]  # all in one predictor: an end
    assert_allclose(found, exact(log_probability, point[which], 3), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("mean", [1e-300, 1e-12, 1e-4, 1e-3, 2e-3, 0.3, 30.0])
def test_moments_of_positive_counts_keep_their_digits(mean):
    with mpmath.workdps(700):
        rate = mpmath.mpf(mean)
        positive = -mpmath.expm1(-rate)
        first = rate / positive
        second = float((rate + rate**2) / positive - first**2)
    family, eta = Truncated(Poisson()), constant(np.log(mean))
    assert_allclose(family.mean(eta), float(first), rtol=1e-14)
    assert_allclose(family.variance(eta), second, rtol=1e-12)
    assert_allclose(family.expected_information(eta), [[second]], rtol=1e-12)  # a canonical link


def test_tails_of_rarely_positive_counts_keep_their_digits():
    family, eta = Truncated(Poisson()), repeated(3, np.log(1e-12))
    assert_allclose(family.survival(np.array([0.0, 1.0, 2.0]), eta), [1.0, 5e-13, 1e-24 / 6])
    assert_array_equal(family.quantile(np.array([0.5, 1.0 - 1e-12, 1.0]), eta), [1.0, 1.0, np.inf])
    huge = repeated(2, np.log(1e3))
    y = np.array([500.0, 1500.0])
    assert_allclose(family.cdf(y, huge), stats.poisson(1e3).cdf(y), rtol=1e-12)


@counts
def test_draws_of_rarely_positive_counts_end(family):
    n, low = 2000, max(np.log(1e-12), family.links[0].reach[0])
    rest = -20.0 if family.dispersion else 0.0  # counts of which a second one is as rare
    eta = [np.full(n, low), *(np.full(n, rest) for _ in family.links[1:])]
    draws = Truncated(family).sample(eta, np.random.default_rng(0))
    assert_array_equal(draws, 1.0)


# Starts


@pytest.mark.parametrize("kind", [Truncated, ZeroInflated, Hurdle])
@pytest.mark.parametrize("mean", [0.05, 2.0, 300.0])
def test_a_start_is_a_maximum_of_the_likelihood(kind, mean):
    family, rng = kind(Poisson()), np.random.default_rng(4)
    eta = repeated(4000, *[np.log(mean), 0.5][: len(family.links)])
    y = family.sample(eta, rng)
    score = evaluate(family, y, constant(*family.start(y)), 1).grad.sum(axis=1)
    information = family.expected_information([row[:1] for row in eta])[[0, -1], 0]
    assert_allclose(score / np.sqrt(4000 * information[: len(score)]), 0.0, atol=0.05)


@pytest.mark.parametrize("y", [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0, 2.0], [3.0, 3.0]], ids=str)
def test_a_start_without_extra_zeros_is_finite(y):
    family = ZeroInflated(Poisson())
    start = family.start(np.array(y))
    assert np.isfinite(start).all()
    assert np.isfinite(evaluate(family, np.array(y), constant(*start), 1).value).all()


def test_a_hurdle_without_positive_counts_starts():
    assert np.isfinite(Hurdle(Poisson()).start(np.zeros(3))).all()
    assert np.isfinite(Hurdle(Poisson()).start(np.array([0.0, 2.0]), np.zeros(2))).all()


# What is made of what


@combinations
def test_parameters_of_the_family_come_first(kind):
    family = kind(SmallThinned())
    assert family.predictors[:2] == ("mean", "seen")
    assert family.predictors[2:] == (() if kind is Truncated else ("zero",))
    assert family.links[:2] == SmallThinned().links
    assert family.location == 0


def test_zeros_that_are_missing_are_found_by_the_likelihood_where_responses_are_counts():
    assert Hurdle(Poisson()).endless_predictors(()) == {}
    assert Hurdle(Poisson()).vanishing((), (1,)) == ()
    assert Hurdle(Beta()).endless_predictors(()) == {2: -1.0}
    assert Hurdle(Beta()).vanishing((), (2,)) == (0.0,)


@pytest.mark.parametrize("kind", [Truncated, ZeroInflated])
@pytest.mark.parametrize("family", [Gaussian(), Beta(), Truncated(Poisson())], ids=name)
def test_what_has_no_zeros_is_refused(kind, family):
    with pytest.raises(ValueError, match=f"{kind.__name__} is made of a family of counts"):
        kind(family)


@pytest.mark.parametrize(
    ("family", "at"),
    [(Gaussian(), (0.0,)), (Beta(), (0.5,)), (Beta(), ()), (ZeroInflatedBeta(), (1.0,))],
)
def test_hurdles_are_at_ends_without_a_probability(family, at):
    with pytest.raises(ValueError, match="no hurdle at"):
        Hurdle(family, at=at)
