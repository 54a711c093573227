"""Generalized Poisson and Conway-Maxwell-Poisson: against many digits, limits, R, and bad input."""

import json
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest
from family_cases import evaluate, packed
from numpy.testing import assert_allclose
from scipy import stats

from skglmm import (
    ConwayMaxwellPoissonGLMMRegressor,
    GeneralizedPoissonGLMMRegressor,
    PoissonGLMMRegressor,
)
from skglmm.families import ConwayMaxwellPoisson, GeneralizedPoisson
from skglmm.special import conway_maxwell_terms

REFERENCE = Path(__file__).parent / "reference"
ANSWERS = json.loads((REFERENCE / "dispersed_counts.json").read_text(encoding="utf-8"))
KINDS = {
    "genpois": (GeneralizedPoissonGLMMRegressor, {}),
    "truncated_genpois": (GeneralizedPoissonGLMMRegressor, {"zero_kind": "hurdle"}),
    "compois": (ConwayMaxwellPoissonGLMMRegressor, {}),
}
FAMILIES = [GeneralizedPoisson(), ConwayMaxwellPoisson()]
ESTIMATORS = [GeneralizedPoissonGLMMRegressor, ConwayMaxwellPoissonGLMMRegressor]
kinds = pytest.mark.parametrize("kind", ESTIMATORS)
UP_TO_THIRD = [(m - k, k) for m in range(4) for k in range(m + 1)]
both = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.title)


def found(family, y, mean, dispersion):
    """The log probability of a count with all derivatives, in the order of UP_TO_THIRD."""
    eta = (np.log([mean]), np.log([dispersion]))
    value, grad, hess, third = evaluate(family, np.array([y]), eta, 3)
    return np.concatenate([value, grad[:, 0], hess[:, 0], third[:, 0]])


# In many digits


def consul(y):
    """The log probability by the formula, of y from 1 on."""

    def log_density(mean, dispersion):
        root = mpmath.exp(dispersion / 2)
        rate = y + (mpmath.exp(mean) - y) / root
        power = (y - 1) * mpmath.log(rate) if y > 1 else 0
        return mean - dispersion / 2 + power - rate - mpmath.loggamma(y + 1)

    return log_density


@pytest.mark.parametrize("dispersion", [0.26, 0.9, 1.0, 1.0 + 1e-9, 3.0, 1e4, 1e8])
@pytest.mark.parametrize(
    ("y", "mean"), [(1, 0.3), (2, 1.7), (30, 21.0), (10**6, 1e6), (10**9, 1e9)]
)
def test_the_generalized_poisson_has_the_digits_of_its_formula(y, mean, dispersion):
    with mpmath.workdps(50):
        at = [mpmath.mpf(float(np.log(each))) for each in (mean, dispersion)]
        expected = [float(mpmath.diff(consul(y), at, each)) for each in UP_TO_THIRD]
    atol = 1e-13 * (1.0 + y**0.75)  # of differences of counts to the mean
    assert_allclose(
        found(GeneralizedPoisson(), y, mean, dispersion), expected, rtol=1e-8, atol=atol
    )


def conway(y, last):
    """The log probability by its series up to a number, of which the mean is solved."""

    def log_density(mean, dispersion):
        mu, nu = mpmath.exp(mean), mpmath.exp(-dispersion)
        logs = [-nu * mpmath.loggamma(k + 1) for k in range(last + 1)]
        tilt = nu * mpmath.log(mu + mpmath.mpf(1) / 2)
        for _ in range(100):
            mass = [mpmath.exp(each + k * tilt) for k, each in enumerate(logs)]
            total = mpmath.fsum(mass)
            first = mpmath.fsum(k * p for k, p in enumerate(mass)) / total
            second = mpmath.fsum(k * k * p for k, p in enumerate(mass)) / total - first**2
            step = mpmath.log(mu / first) * first / second
            tilt += max(min(step, 2), -2)
            if abs(step) < mpmath.mpf(10) ** -45:
                break
        return y * tilt - nu * mpmath.loggamma(y + 1) - mpmath.log(total)

    return log_density


@pytest.mark.parametrize(
    ("y", "mean", "nu", "last"),
    [
        pytest.param(0, 1e-3, 0.5, 20, marks=pytest.mark.slow),
        (3, 0.7, 2.5, 25),
        pytest.param(2, 2.3, 40.0, 20, marks=pytest.mark.slow),
        pytest.param(5, 1.5, 0.3, 50, marks=pytest.mark.slow),
        pytest.param(4, 6.0, 8.0, 30, marks=pytest.mark.slow),
    ],
)
def test_the_conway_maxwell_poisson_has_the_digits_of_its_series(y, mean, nu, last):
    with mpmath.workdps(60):
        at = [mpmath.mpf(float(np.log(each))) for each in (mean, 1.0 / nu)]
        expected = [float(mpmath.diff(conway(y, last), at, each)) for each in UP_TO_THIRD]
    assert_allclose(
        found(ConwayMaxwellPoisson(), y, mean, 1.0 / nu), expected, rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("nu", [1e-3, 0.03, 0.4, 1.0, 7.0, 150.0])
@pytest.mark.parametrize("mean", [1e-3, 0.4, 7.5, 45.0, 300.0, 4e3, 9e3, 1.1e4, 1e6, 1e9])
def test_conway_maxwell_derivatives_are_those_of_lower_ones_everywhere(mean, nu):
    family, h = ConwayMaxwellPoisson(), 1e-4
    y = np.round(mean + np.array([-0.7, 1.2]) * np.sqrt(mean / max(nu, 1.0 / (1.0 + mean))))
    y, weights = np.maximum(y, 0.0), np.array([1.0, -8.0, 8.0, -1.0]) / (12.0 * h)
    eta = [np.full(2, np.log(mean)), np.full(2, -np.log(nu))]
    whole = evaluate(family, y, eta, 3)
    narrow = mean / nu < 1.0  # derivatives in the mean are large between whole numbers
    for order, k in ((1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)):
        moved = [
            [row + step * h * (i == k) for i, row in enumerate(eta)] for step in (-2, -1, 1, 2)
        ]
        lower = [evaluate(family, y, each, order - 1)[order - 1] for each in moved]
        slope = np.atleast_2d(np.tensordot(weights, np.array(lower), axes=1))
        for row, index in enumerate(packed(2, order - 1)):
            exact = whole[order][packed(2, order).index(tuple(sorted((*index, k))))]
            size = np.abs(whole[order]).max() + np.abs(lower[0]).max()
            assert_allclose(exact / size, slope[row] / size, atol=1e-4 if narrow else 2e-6)


def test_interpolated_terms_are_the_solved_ones():
    rng = np.random.default_rng(3)
    mean, log_dispersion = np.exp(rng.normal(1.0, 1.0, 4000)), rng.normal(0.0, 0.7, 4000)
    some = slice(0, 20)
    _, many = conway_maxwell_terms(mean, log_dispersion, 3)
    _, few = conway_maxwell_terms(mean[some], log_dispersion[some], 3)
    scale = np.abs(few).max(axis=1)[:, None]
    assert_allclose(many[:, some] / scale, few / scale, atol=1e-9)
    assert_allclose(many[:2, some], few[:2], rtol=1e-11, atol=1e-12)


# Limits and sums


@both
def test_a_dispersion_of_one_is_the_poisson(family):
    y = np.array([0.0, 1.0, 5.0, 40.0, 1000.0])
    for mean in (1e-9, 0.3, 4.0, 900.0):
        eta = (np.log([mean]), np.zeros(1))
        value = evaluate(family, y, eta, 0).value
        assert_allclose(value, stats.poisson.logpmf(y, mean), rtol=1e-12, atol=1e-12)
        assert_allclose(family.cdf(y, eta), stats.poisson.cdf(y, mean), rtol=1e-12, atol=1e-300)
        assert_allclose(family.survival(y, eta), stats.poisson.sf(y, mean), rtol=1e-10)


def test_a_conway_maxwell_poisson_without_factorials_is_geometric():
    y, mean = np.array([0.0, 1.0, 7.0, 300.0]), 12.0
    value = evaluate(ConwayMaxwellPoisson(), y, (np.log([mean]), np.array([30.0])), 0).value
    assert_allclose(value, stats.geom.logpmf(y + 1.0, 1.0 / (1.0 + mean)), rtol=1e-9)


def test_a_conway_maxwell_poisson_of_no_dispersion_has_two_counts():
    eta = (np.log([2.3]), np.array([-6.0]))
    value = evaluate(ConwayMaxwellPoisson(), np.array([2.0, 3.0]), eta, 0).value
    assert_allclose(np.exp(value), [0.7, 0.3], rtol=1e-9)


@both
@pytest.mark.parametrize("dispersion", [0.5, 3.0, 60.0])
@pytest.mark.parametrize("mean", [30.0, 700.0])
def test_tails_of_wide_distributions_are_sums(family, mean, dispersion):
    eta, y = (np.log([mean]), np.log([dispersion])), np.arange(60_000.0)
    mass = np.exp(evaluate(family, y, eta, 0).value)
    assert_allclose(mass.sum(), 1.0, rtol=1e-11)
    below, above = np.cumsum(mass), np.cumsum(mass[::-1])[::-1]
    deviations = np.array([-3.0, -0.5, 0.0, 1.0, 5.0])
    at = np.maximum(mean + deviations * np.sqrt(family.variance(eta)[0]), 0.0).astype(int)
    assert_allclose(family.cdf(at.astype(float), eta), below[at], rtol=1e-10)
    assert_allclose(family.survival(at.astype(float), eta), above[at + 1], rtol=1e-9)


@pytest.mark.parametrize("mean", [0.3, 2.0, 20.0])
def test_the_total_of_an_underdispersed_generalized_poisson_is_what_it_says(mean):
    family, eta, y = GeneralizedPoisson(), (np.log([mean]), np.log([0.4])), np.arange(64.0)
    mass = np.exp(evaluate(family, y, eta, 0).value)
    assert_allclose(family.total(eta), mass.sum(), rtol=1e-13)
    assert_allclose(family.cdf(y, eta), np.cumsum(mass) / mass.sum(), rtol=1e-12)
    assert y[mass > 0.0].max() == family.ends(eta)[1]
    draws = family.sample([np.full(5_000, each[0]) for each in eta], np.random.default_rng(0))
    shares = np.bincount(draws.astype(int), minlength=64)[:64] / 5_000
    assert_allclose(shares, mass / mass.sum(), atol=0.03)


# Fits


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(REFERENCE / "simulated_dispersed.csv")


def fitted(case, data):
    kind, options = KINDS[case["family"]]
    zero = case["zero_formula"].removeprefix("~ ")
    if zero != "0":
        options = {**options, "zero": zero}
    dispersion = case["dispersion_formula"].removeprefix("~ ")
    model = kind("x + (1 | group)", dispersion=dispersion, **options)
    return model.fit(data, data[case["response"]])


@pytest.mark.parametrize(
    "case", ANSWERS["fits"], ids=lambda case: f"{case['response']}-{case['family']}"
)
def test_fits_are_those_of_glmmtmb(case, data):
    model = fitted(case, data)
    assert model.log_likelihood_ > case["log_likelihood"] - 1e-6
    mean = np.array(case["mean"]["estimate"]), np.array(case["mean"]["std_error"])
    miss = np.append(model.intercept_, model.coef_) - mean[0]
    assert (np.abs(miss) < 1e-3 * mean[1]).all()
    assert_allclose(model.dispersion_coef_, case["dispersion"]["estimate"], atol=1e-4)
    assert_allclose(model.variance_components()["sd"], case["sd"], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "kind", [GeneralizedPoissonGLMMRegressor, ConwayMaxwellPoissonGLMMRegressor]
)
def test_equidispersed_counts_have_the_poisson_fit(kind):
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"x": rng.normal(size=400)})
    y = rng.poisson(np.exp(1.0 + 0.4 * X["x"]))
    model, poisson = kind("x").fit(X, y), PoissonGLMMRegressor("x").fit(X, y)
    assert abs(model.dispersion_coef_[0]) < 0.25
    assert_allclose(model.coef_, poisson.coef_, atol=0.02)
    assert 0.0 <= model.log_likelihood_ - poisson.log_likelihood_ < 4.0


@pytest.mark.parametrize(
    "kind", [GeneralizedPoissonGLMMRegressor, ConwayMaxwellPoissonGLMMRegressor]
)
@pytest.mark.parametrize(
    "y",
    [[0.0] * 20, [3.0] * 20, [0.0] * 19 + [900.0], [1e9 + 3e4 * k for k in range(-10, 10)]],
    ids=["zeros", "constant", "outlier", "large"],
)
@pytest.mark.filterwarnings("ignore")
def test_odd_counts_have_a_finite_fit(kind, y):
    X = pd.DataFrame({"x": np.tile([0.0, 1.0], 10)})
    model = kind("x").fit(X, y)
    assert np.isfinite(model.log_likelihood_)
    assert np.isfinite(model.predict(X)).all()


# What has no maximum, in words


@pytest.mark.filterwarnings("ignore::UserWarning")  # other notes on the same fit
@pytest.mark.parametrize(
    ("counts", "options", "text"),
    [
        ([1, 2, 2, 3], {}, "no more zeros than their distribution expects; leave out zero="),
        ([1, 2, 2, 3], {"zero_kind": "hurdle"}, "as no response is 0; leave out zero="),
        ([0], {}, "as zero goes to 1.* as every response is 0, which says nothing of others"),
        ([0], {"zero_kind": "hurdle"}, "as every response is 0, which says nothing of others"),
    ],
)
def test_zeros_that_are_all_or_none_are_told_of_in_words(counts, options, text):
    y = np.resize(counts, 60)
    with pytest.warns(UserWarning, match=text) as told:
        PoissonGLMMRegressor("1", zero="1", **options).fit(pd.DataFrame({"x": np.arange(60.0)}), y)
    assert not any("rows are separated" in str(each.message) for each in told)


def test_a_conway_maxwell_dispersion_without_end_is_told_of_in_words():
    y = np.append(np.zeros(58), [1, 400])
    with pytest.warns(UserWarning, match="try NegativeBinomialGLMMRegressor"):
        ConwayMaxwellPoissonGLMMRegressor("1").fit(pd.DataFrame({"x": np.arange(60.0)}), y)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_mean_that_vanishes_before_zeros_are_taken_out_is_told_of_in_words():
    model = PoissonGLMMRegressor("1", truncated=True)
    with pytest.warns(UserWarning, match="almost all counts are 0 before these are taken out"):
        model.fit(pd.DataFrame({"x": np.arange(60.0)}), np.ones(60))
