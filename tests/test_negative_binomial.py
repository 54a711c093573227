"""Negative binomials: R's answers, digits in the limits, and what has no maximum."""

import json
import warnings
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest
from family_cases import evaluate, rows
from numpy.testing import assert_allclose

from skglmm import NegativeBinomialGLMMRegressor, PoissonGLMMRegressor, SingularFitWarning
from skglmm.families import Hurdle, NegativeBinomial, Poisson, Truncated, ZeroInflated

REFERENCE = Path(__file__).parent / "reference"
ANSWERS = json.loads((REFERENCE / "counts.json").read_text(encoding="utf-8"))
GROWTHS = ("quadratic", "linear")
growths = pytest.mark.parametrize("growth", GROWTHS)


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(REFERENCE / "simulated_dispersed_counts.csv")


def simulated(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"x": rng.normal(size=n), "g": np.arange(n) // 10})
    return X, rng.negative_binomial(2.0, 2.0 / (2.0 + np.exp(1.0 + 0.5 * X["x"])))


# The answers of R


def label(case):
    kind = "hurdle-" * case["hurdle"] + "truncated-" * case["truncated"]
    return f"{case['response']}-{kind}{case['family']}"


@pytest.mark.parametrize("case", ANSWERS["fits"], ids=label)
def test_a_fit_is_that_of_glmmtmb(data, case):
    zero = case["zero_formula"].removeprefix("~ ")
    model = NegativeBinomialGLMMRegressor(
        case["mean_formula"].removeprefix("~ ").replace(" + offset(log(hours))", ""),
        exposure="hours",
        variance="linear" if case["family"] == "nbinom1" else "quadratic",
        dispersion=case["dispersion_formula"].removeprefix("~ "),
        zero=None if zero == "0" else zero,
        zero_kind="hurdle" if case["hurdle"] else "inflated",
        truncated=case["truncated"],
    )
    some = data[data[case["response"]] > 0] if case["truncated"] else data
    model.fit(some, some[case["response"]])
    assert model.converged_
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-6)
    sign = 1.0 if case["family"] == "nbinom1" else -1.0  # theta is the inverse of alpha
    for name, way in (("mean", 1.0), ("dispersion", sign), ("zero", 1.0)):
        theirs = {key: np.atleast_1d(part) for key, part in case[name].items()}
        if len(theirs["estimate"]):
            k = model.fit_.family.predictors.index(name)
            errors = np.sqrt(np.diag(model.vcov()))[model.fit_.shape.beta(k)]
            apart = way * model.fit_.beta[k] - theirs["estimate"]
            assert_allclose(apart / theirs["std_error"], 0.0, atol=1e-4)
            assert_allclose(errors, theirs["std_error"], rtol=1e-4)
    theta = [*np.atleast_1d(case["theta"]), *np.atleast_1d(case["zero_theta"])]
    sds = model.variance_components()["sd"].to_numpy(float) if theta else []
    assert_allclose(sds, np.exp(theta), rtol=1e-4)


# Digits


def exact(y, m, d, growth):
    mean = mpmath.exp(m)
    k = mpmath.exp(-d) * (mean if growth == "linear" else 1)
    whole = mpmath.loggamma(y + k) - mpmath.loggamma(k) - mpmath.loggamma(y + 1)
    return whole + k * mpmath.log(k / (k + mean)) + y * mpmath.log(mean / (k + mean))


@growths
@pytest.mark.parametrize("y", [0.0, 1.0, 7.0, 1e8])
@pytest.mark.parametrize("log_alpha", [-18.0, -1.0, 18.0])
def test_log_probabilities_and_derivatives_keep_their_digits(growth, y, log_alpha):
    family, near = NegativeBinomial(growth=growth), np.log(y + 1.0)
    for m in (near + 0.1, near - 6.0):
        eta = (np.array([m]), np.array([log_alpha]))
        found = evaluate(family, np.array([y]), eta, 3)
        pairs = {(): found.value, **rows(found)}
        with mpmath.workdps(50):
            for key, value in pairs.items():
                order = (key.count(0), key.count(1))
                point = (mpmath.mpf(m), mpmath.mpf(log_alpha))
                there = mpmath.diff(lambda a, b: exact(y, a, b, growth), point, order, h=1e-12)
                assert_allclose(value[0], float(there), rtol=1e-8, atol=2e-8)


@growths
def test_tiny_dispersions_are_poisson(growth):
    family, y, m = NegativeBinomial(growth=growth), np.arange(60.0), np.full(60, 2.5)
    found = evaluate(family, y, (m, np.full(60, -25.0)), 2)
    poisson = evaluate(Poisson(), y, (m,), 2)
    assert_allclose(found.value, poisson.value, atol=1e-7)
    assert_allclose(found.grad[0], poisson.grad[0], atol=1e-7)
    assert_allclose(found.grad[1], 0.0, atol=1e-7)


@growths
def test_lists_of_counts_are_what_each_of_them_is(growth):
    family = NegativeBinomial(growth=growth)
    rng = np.random.default_rng(2)
    y, m, d = rng.poisson(6.0, 500) * 1.0, rng.normal(size=500), np.array([0.3])
    listed = evaluate(family, y, (m, d), 3)
    each = evaluate(family, y, (m, np.full(500, 0.3)), 3)
    for here, there in zip(listed, each, strict=True):
        assert_allclose(here, there, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("mean", [1e-3, 3.0, 300.0])
@pytest.mark.parametrize("alpha", [1e-10, 1e-6, 0.5, 50.0])
def test_tails_are_sums(mean, alpha):
    eta, y = (np.log([mean]), np.log([alpha])), np.array([-0.5, 0.0, 2.3, np.floor(mean) + 0.5])
    with mpmath.workdps(40):
        near = [mpmath.mpf(row[0]) for row in eta]
        masses = [mpmath.exp(exact(j, *near, "quadratic")) for j in range(int(y.max()) + 1)]
        below = [sum(masses[: int(np.floor(each)) + 1]) for each in y]
        known = np.array([[float(each), float(1 - each)] for each in below]).T
    assert_allclose(NegativeBinomial().cdf(y, eta), known[0], rtol=1e-10)
    assert_allclose(NegativeBinomial().survival(y, eta), known[1], rtol=1e-10)


@growths
@pytest.mark.parametrize("kind", [Truncated, Hurdle, ZeroInflated])
def test_rare_counts_of_huge_dispersion_have_finite_derivatives(kind, growth):
    family = kind(NegativeBinomial(growth=growth))
    y = np.array([1.0, 2.0, 30.0])
    eta = [np.full(3, each) for each in (-20.0, 25.0, 0.5)[: len(family.links)]]
    with np.errstate(all="raise", under="ignore"):
        found = evaluate(family, y, eta, 3)
    assert all(np.isfinite(part).all() for part in found)


@growths
def test_information_on_splines_is_that_of_each_row(growth):
    family, rng = NegativeBinomial(growth=growth), np.random.default_rng(0)
    eta = (rng.uniform(-2.0, 2.0, 600), np.full(600, -0.5))
    found, some = family.expected_information(eta), np.arange(0, 600, 100)
    there = family.expected_information([row[some] for row in eta])
    assert_allclose(found[:, some], there, rtol=1e-3, atol=1e-4)


# What has no maximum, and what is no count


def test_counts_that_vary_less_than_poisson_ones_are_told_so():
    X, _ = simulated()
    y = np.random.default_rng(1).binomial(10, 0.7, 200)
    with pytest.warns(UserWarning, match="vary no more than those of a Poisson distribution"):
        model = NegativeBinomialGLMMRegressor("x").fit(X, y)
    poisson = PoissonGLMMRegressor("x").fit(X, y)
    assert_allclose(model.log_likelihood_, poisson.log_likelihood_, atol=1e-6)
    assert_allclose(model.vcov().iloc[:2, :2], poisson.vcov(), rtol=1e-4)
    assert "Fit the Poisson (PoissonGLMMRegressor) instead" in str(model.summary())


def test_a_logarithmic_series_has_no_maximum_and_is_told_so():
    X, _ = simulated()
    y = np.random.default_rng(5).logseries(0.9, 200)
    with pytest.warns(UserWarning, match="vary as much as those of a logarithmic series"):
        NegativeBinomialGLMMRegressor("1", truncated=True).fit(X, np.append(y[:-1], 500))


@pytest.mark.parametrize(
    ("y", "options", "text"),
    [
        (np.ones(200) / 3.0, {}, r"A rate\? Give the counts"),
        (-np.ones(200), {}, "negative"),
        (np.zeros(200), {"truncated": True}, "less than 1"),
        (np.ones(200), {"variance": "cubic"}, "expected one of 'quadratic', 'linear'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(y, options, text):
    with pytest.raises(ValueError, match=text):
        NegativeBinomialGLMMRegressor("x", **options).fit(simulated()[0], y)


@growths
def test_huge_counts_and_an_outlier_are_fitted(growth):
    X, y = simulated()
    huge = NegativeBinomialGLMMRegressor("x", variance=growth).fit(X, y * 1e8 + 1e9)
    y[5] = 10**9
    beside = NegativeBinomialGLMMRegressor("x", variance=growth).fit(X, y)
    assert huge.converged_
    assert beside.converged_


def test_zeros_of_both_parts_add_up(data):
    model = NegativeBinomialGLMMRegressor("x + (1 | group)", exposure="hours", zero="z")
    model.fit(data, data["quadratic_zeros"])
    share = np.mean(data["quadratic_zeros"] == 0)
    assert model.predict_proba_zero(data).mean() == pytest.approx(share, abs=0.02)
    assert_allclose(model.predict(data), data["hours"] * model.predict_rate(data))


def test_effects_of_mean_and_dispersion_are_correlated_by_a_key(data):
    model = NegativeBinomialGLMMRegressor("x + (1 |p| group)", dispersion="z + (1 |p| group)")
    with pytest.warns(SingularFitWarning):
        model.fit(data, data["varied"])
    assert model.fit_.lambdas[0].shape == (2, 2)
    assert "dispersion(Intercept)" in str(model.summary())


@pytest.mark.slow
@pytest.mark.parametrize("variance", ["quadratic", "linear"])
def test_where_laplaces_normal_would_be_flat_no_likelihood_is_made_of_it(variance):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=200), "g": np.arange(200) // 10})
    rng.uniform(size=200)
    mean = np.exp(0.5 * X["x"] + rng.normal(0.0, 0.5, 20)[X["g"]])
    y = np.where(rng.random(200) < 0.3, 0, rng.negative_binomial(1.5, 1.5 / (1.5 + mean)))
    key = "(1 |k| g)"
    model = NegativeBinomialGLMMRegressor(f"x + {key}", variance=variance, zero=f"1 + {key}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the search, which ends beside it
        model.fit(X, y)
    assert model.log_likelihood_ < -220.0  # -233 without effects of zeros
