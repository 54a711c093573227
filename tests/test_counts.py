"""Counts: exposure, zeros of both kinds, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import PoissonRegressor

from skglmm import PoissonGLMMRegressor


def simulated(seed=5):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(20), 15)
    X = pd.DataFrame({"x": rng.normal(size=300), "g": g, "hours": rng.uniform(0.5, 6, 300)})
    mean = X["hours"] * np.exp(0.4 + 0.6 * X["x"] + rng.normal(0, 0.5, 20)[g])
    return X, rng.poisson(mean)


@pytest.fixture(scope="module")
def data():
    return simulated()


@pytest.fixture(scope="module")
def model(data):
    return PoissonGLMMRegressor("x + (1 | g)", exposure="hours").fit(*data)


def test_an_exposure_is_an_offset_of_its_logarithm(data, model):
    X, y = data
    shifted = PoissonGLMMRegressor("x + (1 | g)", offset="log_hours")
    shifted.fit(X.assign(log_hours=np.log(X["hours"])), y)
    written = PoissonGLMMRegressor("x + offset(log(hours)) + (1 | g)").fit(X, y)
    for other in (shifted, written):
        assert_allclose(model.log_likelihood_, other.log_likelihood_, rtol=1e-12)
        assert_allclose(model.coef_, other.coef_, rtol=1e-9)
    assert model.formula_ == "1 + x + (1 | g)"
    assert "means are proportional to the exposure 'hours'" in str(model.summary())


def test_rates_are_counts_of_one_unit_and_need_no_exposure(data, model):
    X, _ = data
    rate = model.predict_rate(X.drop(columns="hours"))
    assert_allclose(model.predict(X), rate * X["hours"])
    mean, std = model.predict_rate(X, return_std=True)
    assert_allclose(mean, rate)
    assert_allclose(std, np.sqrt(rate))


def test_rates_are_those_of_the_exposure_that_was_fitted(data):
    X, y = data
    model = PoissonGLMMRegressor("x + (1 | g)", exposure="hours").fit(X, y)
    rate = model.predict_rate(X)
    model.set_params(exposure=None)
    assert_array_equal(model.predict_rate(X), rate)
    assert "proportional to the exposure 'hours'" in str(model.summary())
    with pytest.raises(ValueError, match="exposure 'hours' must be positive"):
        model.predict(X.assign(hours=0.0))


def test_a_fit_without_zeros_forgets_the_coefficients_of_an_earlier_one(data):
    model = PoissonGLMMRegressor("x", zero="1").fit(*data)
    assert hasattr(model, "zero_coef_")
    assert not hasattr(model.set_params(zero=None).fit(*data), "zero_coef_")


def test_zeros_are_as_probable_as_a_poisson_count_has_them(data, model):
    X, _ = data
    probability, error = model.predict_proba_zero(X, return_std=True)
    mean = model.predict(X)
    assert_allclose(probability, np.exp(-mean))
    # by the delta method, from that of the log mean
    spread = model.predict_linear(X, return_std=True)[1]
    assert_allclose(error, probability * mean * spread, rtol=1e-6)


def test_every_column_but_the_exposure_is_a_covariate():
    X, y = simulated()
    model = PoissonGLMMRegressor(groups="g", exposure="hours").fit(X, y)
    assert model.formula_ == "1 + x + (1 | g)"


def test_arrays_have_an_exposure_by_position(data):
    X, y = data
    array = X[["x", "hours"]].to_numpy()
    model = PoissonGLMMRegressor("x0", exposure="x1").fit(array, y)
    named = PoissonGLMMRegressor("x", exposure="hours").fit(X, y)
    assert_allclose(model.predict_rate(array), named.predict_rate(X))


@pytest.mark.parametrize("kind", ["inflated", "hurdle"])
def test_zeros_have_a_formula_with_random_effects(kind):
    X, y = simulated()
    rng = np.random.default_rng(0)
    y = np.where(rng.random(300) < expit(-1 + X["x"]), 0, y)
    model = PoissonGLMMRegressor(
        "x + (1 | g)", zero="x + (1 | g)", zero_kind=kind, exposure="hours"
    )
    with np.errstate(all="raise"):
        model.fit(X, y)
    assert model.zero_coef_.shape == (2,)
    assert [bar.predictor for bar in model.random_terms_] == ["mean", "zero"]
    assert model.predict_proba_zero(X).mean() == pytest.approx(np.mean(y == 0), abs=0.03)
    draws = model.sample_y(X, 2000, random_state=0)
    assert_allclose(model.predict(X), draws.mean(axis=1), rtol=0.25, atol=0.05)
    assert_allclose(model.predict(X).mean(), draws.mean(), rtol=0.01)


def test_hurdles_see_all_zeros_and_extra_zeros_only_some(data):
    X, y = data
    y = np.where(np.random.default_rng(1).random(300) < 0.3, 0, y)
    hurdle = PoissonGLMMRegressor("x", zero="1", zero_kind="hurdle").fit(X, y)
    extra = PoissonGLMMRegressor("x", zero="1").fit(X, y)
    assert_allclose(expit(hurdle.zero_coef_), np.mean(y == 0), rtol=1e-6)
    assert expit(extra.zero_coef_) < np.mean(y == 0)


def test_truncated_counts_have_a_larger_mean_than_their_poisson(data):
    X, y = data
    X, y = X[y > 0], y[y > 0]
    truncated = PoissonGLMMRegressor("x + (1 | g)", truncated=True).fit(X, y)
    rate = np.exp(truncated.predict_linear(X))
    assert_allclose(truncated.predict(X), rate / -np.expm1(-rate))
    assert_array_equal(truncated.predict_proba_zero(X), 0.0)


def test_numbers_that_are_not_whole_have_the_means_of_pseudo_likelihood():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(200, 2))
    y = np.exp(0.5 * X[:, 0]) * rng.gamma(3, 1 / 3, 200)
    model = PoissonGLMMRegressor(whole=False).fit(X, y)
    sklearn = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(X, y)
    assert_allclose(model.coef_, sklearn.coef_, rtol=1e-5)
    assert np.isfinite(model.confint(X, y, method="sandwich")).to_numpy().all()
    assert "hold for counts alone" in str(model.summary())


@pytest.mark.parametrize("factor", [1e-3, 1e6])
def test_the_unit_of_the_exposure_moves_the_intercept_alone(data, model, factor):
    X, y = data
    other = PoissonGLMMRegressor("x + (1 | g)", exposure="hours")
    other.fit(X.assign(hours=X["hours"] * factor), y)
    assert_allclose(other.coef_, model.coef_, rtol=1e-6)
    assert_allclose(other.intercept_, model.intercept_ - np.log(factor), rtol=1e-6)
    assert_allclose(other.log_likelihood_, model.log_likelihood_, rtol=1e-9)


def test_a_response_among_the_columns_is_no_missing_factor(data, model):
    X, y = data
    report = model.diagnose(X.assign(seen=y), y)
    assert "seen" not in str(report)


def test_hurdles_say_that_zeros_do_not_follow_the_exposure(data):
    X, y = data
    hurdle = PoissonGLMMRegressor("x", zero="1", zero_kind="hurdle", exposure="hours").fit(X, y)
    assert "zeros do not: put log(hours) into zero=" in str(hurdle.summary())


REFUSED = {
    "an offset that is an expression": (
        {"offset": "log(hours)"},
        lambda y: y,
        r"expected the name of a column; write offset\(log\(hours\)\) in the formula",
    ),
    "rates": ({}, lambda y: y / 3, r"not whole: .*exposure='column'"),
    "negative counts": ({}, lambda y: y - 1, r"negative: -1.*missing values"),
    "zeros that cannot be": ({"truncated": True}, lambda y: y, r"are less than 1: 0.*truncated"),
    "extra zeros of truncated counts": (
        {"truncated": True, "zero": "1"},
        lambda y: y,
        "truncated=True is for counts without zeros, and zero='1'",
    ),
    "another kind of zeros": (
        {"zero": "1", "zero_kind": "inflation"},
        lambda y: y,
        r"zero_kind='inflation' is unknown.*did you mean 'inflated'",
    ),
    "an exposure with another link": (
        {"exposure": "hours", "link": "sqrt"},
        lambda y: y,
        "take link='log'",
    ),
    "numbers with zeros": (
        {"whole": False, "zero": "1"},
        lambda y: y,
        "whole=False takes numbers that count nothing",
    ),
    "an unknown link": (
        {"link": "logit"},
        lambda y: y,
        "expected one of 'log', 'identity', 'sqrt'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_what_to_do(data, name):
    options, change, message = REFUSED[name]
    X, y = data
    with pytest.raises(ValueError, match=message):
        PoissonGLMMRegressor("x", **options).fit(X, change(y))


@pytest.mark.parametrize("value", [0.0, -2.0])
def test_exposures_are_positive(data, value):
    X, y = data
    X = X.assign(hours=X["hours"].where(X.index != 7, value))
    with pytest.raises(ValueError, match=r"exposure 'hours' must be positive; 1 of 300 .*row 7"):
        PoissonGLMMRegressor("x", exposure="hours").fit(X, y)


def test_huge_and_few_counts_fit():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=60)})
    large = PoissonGLMMRegressor("x").fit(X, rng.poisson(1e9 * np.exp(0.1 * X["x"])))
    assert large.coef_[0] == pytest.approx(0.1, abs=1e-4)
    single = PoissonGLMMRegressor("x").fit(X, (np.arange(60) == 3).astype(int))
    assert np.isfinite(single.log_likelihood_)


def test_an_exposure_is_not_added_twice(data):
    model = PoissonGLMMRegressor("x + offset(log(hours))", exposure="hours")
    with pytest.raises(ValueError, match=r"exposure='hours' adds log\(hours\) .*leave one"):
        model.fit(*data)


@pytest.mark.parametrize("kind", ["str", "category"])
def test_exposures_are_numbers(data, kind):
    X, y = data
    with pytest.raises(ValueError, match=r"'hours' holds \w+ values, expected positive numbers"):
        PoissonGLMMRegressor("x", exposure="hours").fit(X.astype({"hours": kind}), y)


def test_a_column_in_place_of_its_name_is_not_printed_whole(data):
    X, y = data
    with pytest.raises(TypeError, match="of type ndarray, expected the name") as caught:
        PoissonGLMMRegressor("x", exposure=X["hours"].to_numpy()).fit(X, y)
    assert len(str(caught.value)) < 120
