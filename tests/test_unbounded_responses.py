"""What follows after a fit of real numbers, counts and classes: no response is a proportion."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from count_families import SmallBernoulli, SmallPoisson, SmallZeroInflated
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian, Term, design
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import kstest, norm, poisson

from skglmm import inference as infer
from skglmm.covariance import Unstructured
from skglmm.families import Hurdle, Identity, Log, Poisson, Truncated
from skglmm.fitting import fit
from skglmm.inference import Plan
from skglmm.inference.prediction.averages import NormalShift
from skglmm.inference.prediction.predict import linear_predictors, shift_of

N, GROUPS = 400, 25
CODES = np.repeat(np.arange(GROUPS), N // GROUPS)
NORMAL = Gaussian(links=(Identity(), Log()))
CASES = ("counts", "inflated", "hurdle", "positive", "classes", "real")


def named(rows, family):
    return replace(rows, layout=replace(rows.layout, predictors=family.predictors))


def positive(rng, eta):
    return Truncated(Poisson()).sample((eta,), rng)


@cache
def fitted(case):
    """A fit, its rows and its responses."""
    rng = np.random.default_rng(5)
    x, one, b = rng.normal(size=N), np.ones(N), rng.normal(0.0, 0.7, GROUPS)
    eta = 1.0 + 0.5 * x + b[CODES]
    columns = [one, x]
    family, y, fixed, feeds = {
        "counts": lambda: (SmallPoisson(), rng.poisson(np.exp(eta)), (columns,), 0),
        "inflated": lambda: (
            SmallZeroInflated(),
            np.where(rng.random(N) < 0.2, 0, rng.poisson(np.exp(eta))),
            ([one], columns),
            1,
        ),
        "hurdle": lambda: (
            Hurdle(Poisson()),
            np.where(rng.random(N) < 0.2, 0.0, positive(rng, eta)),
            (columns, [one]),
            0,
        ),
        "positive": lambda: (Truncated(Poisson()), positive(rng, eta), (columns,), 0),
        "classes": lambda: (SmallBernoulli(), rng.random(N) < expit(eta), (columns,), 0),
        "real": lambda: (NORMAL, 3.0 * eta + rng.normal(0, 2.0, N), (columns, [one]), 0),
    }[case]()
    term = Term("g", CODES, (one,), Unstructured(1), (feeds,))
    rows, y = named(design(fixed, term), family), y.astype(float)
    return fit(family, rows, y), rows, y


def plan(found, kind="conditional", unseen="marginal"):
    return Plan.of(found.layout, kind, unseen)


def sd_of(found):
    return abs(float(found.lambdas[0][0, 0]))


# Means and their limits


def test_the_average_over_normal_intercepts_of_a_log_link_is_lognormal():
    found, rows, _ = fitted("counts")
    eta, s = linear_predictors(found, rows, ())[0], sd_of(found)
    here = infer.predict(found, rows, plan(found, "marginal"), spread=True)
    mean = np.exp(eta + s**2 / 2)
    assert mean.max() > 10.0
    assert_allclose(here.mean, mean, rtol=1e-9)
    assert_allclose(here.std**2, mean + mean**2 * np.expm1(s**2), rtol=1e-7)


def test_limits_of_averaged_counts_exceed_one_and_are_those_of_the_delta_method():
    found, rows, _ = fitted("counts")
    here = infer.mean_interval(found, rows, plan(found, "marginal"), 0.95)
    # log m = x' beta + theta**2 / 2, with theta the standard deviation in the units of the fit
    s, root = sd_of(found), float(found.theta[0][0])
    gradient = np.column_stack([rows.fixed[0], np.full(N, s * s / root)])
    se = np.sqrt(np.sum((gradient @ found.covariance) * gradient, axis=1))
    assert_allclose(here.se, here.mean * se, rtol=1e-5)
    z = norm.ppf(0.975)
    assert_allclose(np.log(here.lower / here.mean), -z * se, rtol=1e-5)
    assert_allclose(np.log(here.upper / here.mean), z * se, rtol=1e-5)
    assert here.upper.max() > 20.0
    assert here.lower.min() > 0.0


def test_limits_of_an_identity_link_are_symmetric():
    found, rows, _ = fitted("real")
    for kind in ("marginal", "conditional"):
        here = infer.mean_interval(found, rows, plan(found, kind), 0.9)
        assert here.mean.min() < 0.0
        assert here.mean.max() > 1.0
        z = norm.ppf(0.95)
        assert_allclose(here.upper - here.mean, z * here.se, rtol=1e-9)
        assert_allclose(here.mean - here.lower, z * here.se, rtol=1e-9)


@pytest.mark.parametrize("case", ["counts", "inflated", "hurdle", "positive"])
def test_limits_of_means_of_counts_are_positive_and_hold_the_means(case):
    found, rows, _ = fitted(case)
    for kind in ("conditional", "fixed", "marginal"):
        here = infer.mean_interval(found, rows, plan(found, kind), 0.95)
        assert here.lower.min() > 0.0
        assert np.all((here.lower < here.mean) & (here.mean < here.upper))
        assert here.upper.max() > 5.0


def test_limits_of_averages_of_means_exceed_one():
    found, rows, _ = fitted("counts")
    places, weights = np.zeros(N, dtype=np.intp), np.full(N, 1.0 / N)
    for kind in ("marginal", "fixed"):
        mean = infer.predict(found, rows, plan(found, kind)).mean.mean()
        lower, upper = infer.average_interval(found, rows, plan(found, kind), places, weights, 0.95)
        assert 1.0 < lower[0] < mean < upper[0] < 2.0 * mean


def test_the_location_need_not_be_the_first_predictor():
    found, rows, _ = fitted("inflated")
    assert found.family.location == 1
    eta = linear_predictors(found, rows, (0,))
    value = infer.predict_linear(found, rows, plan(found)).value
    assert_array_equal(value, eta[1])
    assert shift_of(found, rows, plan(found, "marginal")).first == 1
    s = sd_of(found)
    eta = linear_predictors(found, rows, ())
    mean = infer.predict(found, rows, plan(found, "marginal")).mean
    assert_allclose(mean, expit(-eta[0]) * np.exp(eta[1] + s**2 / 2), rtol=1e-9)


# Distributions


def averaged_cdf(found, rows, y):
    """The probability up to y, over a normal intercept, row by row, by quadrature."""
    eta, family, s = linear_predictors(found, rows, ()), found.family, sd_of(found)

    def at(i):
        def inner(t):
            here = [part[i : i + 1] for part in eta]
            here[family.location] = here[family.location] + s * t
            return float(family.cdf(y[i : i + 1], here)[0]) * norm.pdf(t)

        return quad(inner, -9.0, 9.0, limit=200, epsabs=1e-11)[0]

    return np.array([at(i) for i in range(len(y))])


@pytest.mark.parametrize("case", ["counts", "inflated", "positive", "classes"])
def test_quantiles_of_whole_numbers_are_the_least_that_reach_the_probability(case):
    found, rows, _ = fitted(case)
    found, few = replace(found, uncertainty=None), rows.take(np.arange(0, N, 80))
    levels = (0.025, 0.3, 0.5, 0.975)
    quantiles = infer.predict_quantile(found, few, plan(found, "marginal"), levels)
    assert found.family.support.contains(quantiles.ravel()).all()
    for q, y in zip(levels, quantiles.T, strict=True):
        assert np.all(averaged_cdf(found, few, y) >= q - 1e-6)
        assert np.all(averaged_cdf(found, few, y - 1.0) < q + 1e-6)


@pytest.mark.parametrize("case", ["counts", "inflated", "hurdle", "real"])
def test_intervals_of_new_responses_hold_the_simulated_ones(case):
    found, rows, _ = fitted(case)
    known, few = replace(found, uncertainty=None), rows.take(np.arange(0, N, 20))
    for kind in ("conditional", "marginal"):
        lower, upper = infer.response_interval(known, few, plan(found, kind), 0.8)
        rng = np.random.default_rng(1)
        draws = infer.sample(
            found, few, plan(found, kind), 2000, rng, new_effects=kind == "marginal"
        )
        assert found.family.support.contains(draws.ravel()).all()
        error = 4.0 * np.sqrt(0.1 * 0.9 / 2000)
        assert np.all(np.mean(draws < lower[:, None], axis=1) <= 0.1 + error)
        assert np.all(np.mean(draws <= lower[:, None], axis=1) >= 0.1 - error)
        assert np.all(np.mean(draws < upper[:, None], axis=1) <= 0.9 + error)
        assert np.all(np.mean(draws <= upper[:, None], axis=1) >= 0.9 - error)


def test_quantiles_of_counts_with_huge_means_are_whole_numbers_near_those_of_the_lognormal():
    found, rows, _ = fitted("counts")
    beta = (np.array([25.0, 0.5]),)
    far, few = replace(found, beta=beta, uncertainty=None), rows.take(np.arange(20))
    q = np.array([0.025, 0.5, 0.975])
    quantiles = infer.predict_quantile(far, few, plan(far, "marginal"), q)
    eta, s = linear_predictors(far, few, ())[0], sd_of(far)
    assert_array_equal(quantiles, np.round(quantiles))
    assert quantiles.min() > 1e9
    expected = np.exp(eta[:, None] + s * norm.ppf(q))
    assert_allclose(quantiles, expected, rtol=1e-4)


def test_quantiles_of_known_counts_are_those_of_the_family():
    found, rows, _ = fitted("counts")
    known = replace(found, uncertainty=None)
    levels = [0.01, 0.5, 0.99]
    quantiles = infer.predict_quantile(known, rows, plan(found, "fixed"), levels)
    rate = np.exp(linear_predictors(found, rows, ())[0])
    assert_array_equal(quantiles, poisson.ppf(np.array(levels), rate[:, None]))


def test_probabilities_of_counts_averaged_over_effects_have_the_sum_one():
    for case in ("counts", "inflated", "hurdle", "positive"):
        found, rows, _ = fitted(case)
        row, n = rows.take(np.array([3])), 400
        many = row.take(np.zeros(n, dtype=np.intp))
        y = found.family.support.low + np.arange(n)
        values = infer.log_density(found, many, plan(found, "marginal"), y)
        assert_allclose(np.exp(values).sum(), 1.0, rtol=1e-6)
        cdf = averaged_cdf(found, row, y[2:3])
        assert_allclose(np.exp(values[:3]).sum(), cdf[0], rtol=1e-6)


def test_averages_of_counts_over_rows_have_whole_limits():
    found, rows, _ = fitted("counts")
    places, weights = np.repeat([0, 1], N // 2), np.full(N, 2.0 / N)
    known = replace(found, uncertainty=None)
    how = plan(found, "marginal")
    ends = infer.average_quantiles(known, rows, how, places, weights, 0.9)
    for q, end in zip((0.05, 0.95), ends, strict=True):
        assert_array_equal(end, np.round(end))
        for k in (0, 1):
            half = rows.take(np.flatnonzero(places == k))
            at = [
                infer.predictive_cdf(known, half, how, np.full(N // 2, y)).mean()
                for y in (end[k] - 1.0, end[k])
            ]
            assert at[0] < q <= at[1]


# Parts


@pytest.mark.parametrize("case", ["counts", "inflated", "hurdle", "classes"])
def test_probabilities_of_the_parts_have_errors_and_limits(case):
    found, rows, _ = fitted(case)
    for kind in ("conditional", "marginal"):
        here = infer.part_intervals(found, rows, plan(found, kind), 0.95)
        value = infer.part_probabilities(found, rows, plan(found, kind)).T
        assert value.shape == (2, N)
        assert_allclose(value.sum(axis=0), 1.0, rtol=1e-9)
        assert_allclose(here.value, value, rtol=1e-12)
        assert_allclose(here.se[0], here.se[1], rtol=1e-6)  # of p and of 1 - p
        assert np.all((here.lower <= value) & (value <= here.upper))
        assert np.all((here.lower >= 0.0) & (here.upper <= 1.0) & (here.se > 0.0))


def test_the_averaged_probability_of_zero_is_an_integral():
    found, rows, _ = fitted("inflated")
    few = rows.take(np.arange(0, N, 50))
    zero = infer.part_probabilities(found, few, plan(found, "marginal"))[:, 0]
    assert_allclose(zero, averaged_cdf(found, few, np.zeros(8)), rtol=1e-8)


def test_the_probability_of_a_class_has_the_limits_of_the_mean():
    found, rows, _ = fitted("classes")
    for kind in ("fixed", "conditional", "marginal"):
        mean = infer.mean_interval(found, rows, plan(found, kind), 0.95)
        here = infer.part_intervals(found, rows, plan(found, kind), 0.95)
        assert_allclose(here.value[1], mean.mean, rtol=1e-9)
        assert_allclose(here.se[1], mean.se, rtol=1e-4)
        assert_allclose(here.lower[1], mean.lower, rtol=1e-3)


# Residuals


@pytest.mark.parametrize("case", CASES)
def test_quantile_residuals_of_a_true_model_are_normal(case):
    found, rows, _ = fitted(case)
    how = plan(found)
    y = infer.sample(found, rows, how, 1, np.random.default_rng(2), new_effects=False)[:, 0]
    residual = infer.quantile_residuals(found, rows, y, how, np.random.default_rng(3))
    assert kstest(residual, "norm").pvalue > 0.01


@pytest.mark.parametrize("case", ["counts", "classes"])
def test_the_saturated_model_of_whole_numbers_has_their_largest_probability(case):
    found, rows, y = fitted(case)
    residual = infer.deviance_residuals(found, rows, y, plan(found))
    eta = linear_predictors(found, rows, (0,))
    here = found.family.log_density(found.family.prepare(y), eta).value
    best = poisson.logpmf(y, y) if case == "counts" else np.zeros(N)
    assert np.any(y == 0.0)
    assert_allclose(residual**2, 2.0 * (best - here), rtol=1e-9, atol=1e-11)
    assert_array_equal(np.sign(residual), np.sign(y - found.family.mean(eta)))


def test_deviance_and_pearson_residuals_of_normal_responses_are_standardized():
    found, rows, y = fitted("real")
    eta = linear_predictors(found, rows, (0,))
    expected = (y - eta[0]) * np.exp(0.5 * eta[1])
    how = plan(found)
    assert_allclose(infer.deviance_residuals(found, rows, y, how), expected, rtol=1e-6)
    assert_allclose(infer.pearson_residuals(found, rows, y, how), expected, rtol=1e-9)


def test_shifts_keep_the_place_of_their_first_predictor():
    parts = [NormalShift(np.ones(2), (), np.zeros((2, 1, 0)), 1)] * 2
    assert NormalShift.concatenate(parts).first == 1
