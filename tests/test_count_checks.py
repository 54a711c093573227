"""Checks of counts: dispersion and zeros against exact distributions, and what diagnose says."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import kstest, poisson

from skglmm import (
    BinomialGLMMRegressor,
    ConwayMaxwellPoissonGLMMRegressor,
    GammaGLMMRegressor,
    LMMRegressor,
    PoissonGLMMRegressor,
)
from skglmm.families import (
    Gaussian,
    Hurdle,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    Truncated,
    ZeroInflated,
)
from skglmm.inference.residuals.count_tests import count_tests
from skglmm.inference.residuals.distribution_tests import distribution_tests
from skglmm.inference.residuals.drawn import Drawn
from skglmm.inspection import check_residuals


def rows_of(family, y, *eta):
    n = len(y)
    return Drawn(family, y, np.ones((n, 1)), eta, np.zeros(n), np.ones(n))


def counted(rows, seed=0):
    return {test.name: test for test in count_tests(rows, np.random.default_rng(seed))}


@pytest.fixture(scope="module")
def eta():
    return np.random.default_rng(2).normal(0.3, 0.7, size=400)


def simulated(rng, n_groups=40, size=20):
    n = n_groups * size
    X = pd.DataFrame({"x": rng.normal(size=n), "site": np.arange(n) // size})
    return X, np.exp(0.5 + 0.5 * X["x"] + rng.normal(0, 0.6, n_groups)[X["site"]])


WRONG = {
    "overdispersed": lambda mu, rng: rng.negative_binomial(1.2, 1.2 / (1.2 + mu)),
    "underdispersed": lambda mu, rng: rng.binomial(8, np.minimum(mu / 8, 0.99)),
    "inflated": lambda mu, rng: rng.poisson(mu) * (rng.random(len(mu)) > 0.3),
    "fewer zeros": lambda mu, rng: np.maximum(rng.poisson(mu), rng.random(len(mu)) < 0.7),
}


@pytest.fixture(scope="module")
def told():
    """What diagnose says of Poisson models of counts that have other distributions."""
    found = {}
    for name, draw in WRONG.items():
        rng = np.random.default_rng(0)
        X, mu = simulated(rng)
        y = draw(mu, rng)
        model = PoissonGLMMRegressor("x + (1 | site)", inference=False).fit(X, y)
        found[name] = model.diagnose(X, y)
    return found


# --- the tests ------------------------------------------------------------------------------------


def test_the_dispersion_is_pearson_s_statistic_over_its_mean(eta):
    y = np.random.default_rng(0).poisson(np.exp(eta)).astype(float)
    mu = np.exp(eta)
    found = counted(rows_of(Poisson(), y, eta))["dispersion"]
    assert_allclose(found.effect, np.mean((y - mu) ** 2 / mu))


def test_p_values_of_true_counts_are_uniform(eta):
    rng, values = np.random.default_rng(1), []
    for seed in range(60):
        y = rng.poisson(np.exp(eta)).astype(float)
        found = counted(rows_of(Poisson(), y, eta), seed)
        values.append([found["dispersion"].p_value, found["zeros"].p_value])
    for column in np.array(values).T:
        assert kstest(column, "uniform").pvalue > 1e-3


def test_tails_beyond_all_simulations_are_those_of_the_sum():
    mu = np.full(200, 4.0)
    y = np.where(np.arange(200) % 2, 1.0, 7.0)
    p = counted(rows_of(Poisson(), y, np.log(mu)))["dispersion"].p_value
    rng = np.random.default_rng(0)  # Pearson's statistic is 2.25 times its mean, 11 sd away
    sums = np.sum((rng.poisson(4.0, size=(2000, 200)) - 4.0) ** 2 / 4.0, axis=1)
    assert sums.max() < 0.8 * np.sum((y - 4.0) ** 2 / 4.0)
    assert 0.0 < p < 1e-12


def test_zeros_are_compared_with_the_sum_of_their_probabilities(eta):
    y = np.random.default_rng(0).poisson(np.exp(eta)).astype(float)
    found = counted(rows_of(Poisson(), y, eta))["zeros"]
    expected = poisson.pmf(0, np.exp(eta))
    assert_allclose(found.effect, (np.sum(y == 0) - expected.sum()) / 400)
    reach = 1.96 * np.sqrt(np.sum(expected * (1 - expected)))
    low, high = np.ceil(expected.sum() - reach), np.floor(expected.sum() + reach)
    assert f"({low:.0f} to {high:.0f} in 95" in found.sentence


def test_the_share_of_extra_zeros_is_that_of_a_zero_inflated_fit():
    rng = np.random.default_rng(3)
    y = (rng.poisson(3.0, 2000) * (rng.random(2000) > 0.25)).astype(float)
    plain, inflated = (
        PoissonGLMMRegressor("1", zero=z).fit(np.ones((2000, 1)), y) for z in (None, "1")
    )
    found = counted(rows_of(Poisson(), y, np.full(2000, plain.intercept_)))["zeros"]
    share = float(found.sentence.split("a share of ")[1].split()[0])
    assert share == pytest.approx(expit(inflated.zero_coef_[0]), abs=0.01)


def test_counts_that_make_their_own_zeros_are_not_told_of_extra_ones(eta):
    y, zero = np.zeros(400), np.full(400, -1.0)
    for family in (ZeroInflated(Poisson()), Hurdle(Poisson())):
        found = counted(rows_of(family, y, eta, zero))["zeros"]
        assert found.p_value < 1e-9
        assert "extra zeros" not in found.sentence


def test_counts_from_one_on_have_no_test_of_zeros(eta):
    y = np.random.default_rng(0).poisson(np.exp(eta)) + 1.0
    assert set(counted(rows_of(Truncated(Poisson()), y, eta))) == {"dispersion"}


def test_counts_that_are_certain_have_no_dispersion_to_test():
    found = counted(rows_of(Poisson(), np.zeros(30), np.full(30, -800.0)))
    assert found["dispersion"].p_value == 1.0
    assert found["zeros"].p_value == 1.0


def test_successes_have_a_dispersion_too():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=300)})
    chance = expit(X["x"] + rng.normal(0, 1.0, 300))
    y = rng.binomial(10, chance)
    model = BinomialGLMMRegressor("x", trials=10).fit(X, y)
    found = check_residuals(model, X, y, random_state=0)
    assert found["dispersion"].effect > 1.5
    assert "the successes vary" in found["dispersion"].sentence
    assert "beta-binomial" in str(model.diagnose(X, y))


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda rng, n: rng.standard_t(4, n), "tails"),
        (lambda rng, n: rng.gamma(8.0, 1.0, n), "skewness"),
    ],
)
def test_real_responses_show_the_shape_of_their_distribution(draw, name):
    rng = np.random.default_rng(1)
    y = draw(rng, 1500)
    z = (y - y.mean()) / y.std()
    rows = replace(rows_of(Gaussian(), y, z), residual=z)
    found = {test.name: test for test in distribution_tests(rows)}
    assert found[name].p_value < 1e-9
    assert found[name].effect > 0.3


def test_p_values_of_the_shape_of_normal_residuals_are_uniform():
    rng, values = np.random.default_rng(4), []
    for _ in range(200):
        z = rng.normal(size=100)
        found = distribution_tests(replace(rows_of(Gaussian(), z, z), residual=z))
        values.append([t.p_value for t in found if t.name in {"skewness", "tails"}])
    for column in np.array(values).T:
        assert kstest(column, "uniform").pvalue > 1e-3


# --- what diagnose says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("overdispersed", "the counts vary 2[.]. times as much about their means as the model"),
        ("overdispersed", "Try the negative binomial"),
        ("underdispersed", "Try the generalized Poisson .* or the Conway-Maxwell-Poisson"),
        ("inflated", "370 of 800 responses are 0, where the model expects 2.. [(]2.. to 3.. in 95"),
        ("inflated", "a share of 0.2. of extra zeros"),
        ("inflated", "Add extra zeros, zero='1'"),
        ("fewer zeros", "A hurdle has zeros of its own, .* zero_kind='hurdle'"),
    ],
)
def test_diagnose_names_what_is_wrong_and_what_to_try(told, name, words):
    text = " ".join(str(told[name]).split())
    assert re.search(words, text), text


def test_skewed_severities_and_outliers_are_sent_to_longer_tails():
    rng = np.random.default_rng(0)
    X, mu = simulated(rng)
    y = mu.to_numpy() * np.exp(rng.normal(0, 0.8, 800))
    gamma = GammaGLMMRegressor("x + (1 | site)", inference=False).fit(X, y)
    assert "Try a longer tail to the right: of the gamma" in str(gamma.diagnose(X, y))
    far = np.log(mu).to_numpy() + rng.standard_t(3, 800)
    assert "StudentTGLMMRegressor" in str(LMMRegressor("x").fit(X, far).diagnose(X, far))


def test_counts_of_a_true_model_are_not_talked_about():
    rng = np.random.default_rng(7)
    X, mu = simulated(rng)
    y = rng.poisson(mu)
    assert not PoissonGLMMRegressor("x + (1 | site)").fit(X, y).diagnose(X, y).findings


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the fit is singular")
@pytest.mark.parametrize("zero_kind", [None, "inflated", "hurdle"])
@pytest.mark.parametrize("n_groups", [15, 100])
def test_true_models_of_counts_are_flagged_no_more_often_than_said(zero_kind, n_groups):
    n, flagged = 200, {"dispersion": 0, "zeros": 0}
    zero = {} if zero_kind is None else {"zero": "1", "zero_kind": zero_kind}
    rng = np.random.default_rng(n_groups)
    for _ in range(n):
        X, mu = simulated(rng, n_groups, 6)
        y = rng.poisson(mu)
        if zero_kind == "hurdle":
            y = Truncated(Poisson()).sample((np.log(mu),), rng)
        y = y if zero_kind is None else y * (rng.random(len(y)) > 0.3)
        model = PoissonGLMMRegressor("x + (1 | site)", inference=False, **zero).fit(X, y)
        checks = check_residuals(model, X, y, random_state=rng)
        for name in flagged:
            flagged[name] += checks[name].p_value < 0.05
    assert max(flagged.values()) <= 20  # of 200: 5 % and three standard deviations


@pytest.mark.parametrize("zero", ["1", "x"])
def test_zeros_that_no_response_asks_for_are_named_as_the_cause(zero):
    rng = np.random.default_rng(3)
    X, mean = simulated(rng)
    y = rng.poisson(mean) + 1
    with pytest.warns(UserWarning, match="no more zeros than (their dist|the model has)"):
        model = PoissonGLMMRegressor("x + (1 | site)", zero=zero).fit(X, y)
    found = model.diagnose(X, y).to_frame().set_index("kind")
    assert found.loc["separation", "advice"].endswith("leave it out")


def test_titles_are_words():
    made = ZeroInflated(Poisson()), ZeroInflated(NegativeBinomial()), Hurdle(InverseGaussian())
    assert [family.title for family in made] == [
        "Zero-inflated Poisson",
        "Zero-inflated negative binomial (quadratic)",
        "Hurdle inverse Gaussian",
    ]


def test_counts_that_vary_as_geometric_ones_are_told_of_a_wider_family():
    rng = np.random.default_rng(4)
    y = rng.negative_binomial(0.5, 0.2, size=400)
    with pytest.warns(UserWarning, match="as the counts vary as much as those of a geometric"):
        ConwayMaxwellPoissonGLMMRegressor("1").fit(pd.DataFrame({"x": y * 0.0}), y)


def test_the_spread_of_counts_is_told_before_the_outliers_that_it_makes():
    rng = np.random.default_rng(5)
    X, mean = simulated(rng)
    y = rng.poisson(mean * rng.gamma(0.5, 2.0, len(X)))
    model = PoissonGLMMRegressor("x + (1 | site)").fit(X, y)
    names = [test.name for test in check_residuals(model, X, y, random_state=0).tests]
    assert names[:2] == ["dispersion", "zeros"]
    assert "outliers" in names


def test_a_formula_of_no_zeros_is_none():
    with pytest.raises(ValueError, match="zero=None is the one without"):
        PoissonGLMMRegressor("x", zero="~0").fit(pd.DataFrame({"x": [0.0, 1.0, 2.0]}), [0, 1, 2])
