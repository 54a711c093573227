"""Linear mixed models against closed forms: analysis of variance, least squares, dense algebra."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LinearRegression

from skglmm import LMMRegressor
from skglmm.model_selection import compare, likelihood_ratio_test

pytestmark = pytest.mark.filterwarnings("ignore:.*:skglmm.SingularFitWarning")


def balanced(n_groups=12, n=6, seed=0):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), n)
    X = pd.DataFrame({"x": np.tile(np.linspace(-1, 1, n), n_groups), "g": g})
    y = 5 + 2 * X["x"].to_numpy() + rng.normal(0, 1.5, n_groups)[g] + rng.normal(0, 1, len(X))
    return X, y


def mean_squares(X, y):
    """Between groups, and within them about a common slope, with their degrees of freedom."""
    means = pd.Series(y).groupby(X["g"]).transform("mean").to_numpy()
    n_groups, n = X["g"].nunique(), len(X) // X["g"].nunique()
    between = np.sum((means - y.mean()) ** 2) / (n_groups - 1)
    x = X["x"].to_numpy()
    within = np.sum((y - means - x * (x @ (y - means)) / (x @ x)) ** 2)
    return between, within / (len(X) - n_groups - 1), n


def test_restricted_estimates_of_balanced_groups_are_those_of_the_analysis_of_variance():
    X, y = balanced()
    between, within, n = mean_squares(X, y)
    model = LMMRegressor("x + (1 | g)").fit(X, y)
    assert_allclose(np.exp(model.scale_coef_), np.sqrt(within), rtol=1e-6)
    assert_allclose(model.variance_components()["variance"], (between - within) / n, rtol=1e-5)
    assert_allclose(model.vcov().loc["Intercept", "Intercept"], between / len(y), rtol=1e-5)
    x = X["x"].to_numpy()
    assert_allclose(model.vcov().loc["x", "x"], within / (x @ x), rtol=1e-5)


def test_predicted_effects_are_shrunken_means():
    X, y = balanced()
    between, within, _ = mean_squares(X, y)
    model = LMMRegressor("x + (1 | g)").fit(X, y)
    means = pd.Series(y).groupby(X["g"]).mean().to_numpy()
    shrunken = (1 - within / between) * (means - y.mean())
    assert_allclose(model.random_effects()["mode"], shrunken, rtol=1e-5)


def test_without_random_effects_it_is_least_squares_with_the_unbiased_variance():
    X, y = balanced()
    sklearn = LinearRegression().fit(X[["x"]], y)
    residual = np.sum((y - sklearn.predict(X[["x"]])) ** 2)
    for reml, df in ((True, len(y) - 2), (False, len(y))):
        model = LMMRegressor("x", reml=reml).fit(X, y)
        assert_allclose(model.coef_, sklearn.coef_, rtol=1e-8)
        assert_allclose(np.exp(2 * model.scale_coef_), residual / df, rtol=1e-6)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("factor", "shift"), [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e6), (1e4, -1e8)])
def test_the_units_of_responses_do_not_matter(reml, factor, shift):
    X, y = balanced()
    one, other = (
        LMMRegressor("x + (x | g)", reml=reml).fit(X, each) for each in (y, shift + factor * y)
    )
    assert_allclose(other.coef_, factor * one.coef_, rtol=1e-5)
    assert_allclose(other.intercept_, shift + factor * one.intercept_, rtol=1e-8)
    sds = (model.variance_components()["sd"] for model in (one, other))
    assert_allclose(*(next(sds), next(sds) / factor), rtol=1e-5)
    free = len(y) - 2 * reml
    assert_allclose(
        other.log_likelihood_, one.log_likelihood_ - free * np.log(factor), rtol=0, atol=1e-5
    )
    assert other.n_iter_ <= one.n_iter_ + 2


def test_variances_known_up_to_a_factor_are_an_offset_of_the_log_scale():
    X, y = balanced()
    rng = np.random.default_rng(1)
    w = rng.uniform(0.5, 4, len(y))
    y = 5 + 2 * X["x"].to_numpy() + rng.normal(0, 1 / np.sqrt(w))
    model = LMMRegressor("x", scale="offset(-0.5 * log(w))").fit(X.assign(w=w), y)
    line = LinearRegression().fit(X[["x"]], y, w)
    assert_allclose(model.coef_, line.coef_, rtol=1e-7)
    sigma = np.exp(model.predict_linear(X.assign(w=1.0), "scale"))
    residual = np.sum(w * (y - line.predict(X[["x"]])) ** 2)
    assert_allclose(sigma, np.sqrt(residual / (len(y) - 2)), rtol=1e-6)


def test_a_formula_of_the_scale_finds_who_scatters_more():
    X, y = balanced(n_groups=20, n=20)
    wide = X["g"].to_numpy() % 2 == 1
    y = y + np.random.default_rng(3).normal(0, 3, len(y)) * wide
    X["kind"] = np.where(wide, "wide", "narrow")
    model = LMMRegressor("x + (1 | g)", scale="kind").fit(X, y)
    ratio = np.exp(model.scale_coef_[1])
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)
    limits = model.predict_interval(X, target="response")
    assert np.ptp(limits, axis=1)[wide].mean() > 2 * np.ptp(limits, axis=1)[~wide].mean()


def test_a_log_link_has_positive_means_and_additive_noise():
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"x": rng.uniform(0, 2, 300), "g": np.arange(300) // 10})
    mean = np.exp(1 + 0.8 * X["x"].to_numpy() + rng.normal(0, 0.3, 30)[X["g"]])
    model = LMMRegressor("x + (1 | g)", link="log", reml=False).fit(
        X, mean + rng.normal(0, 0.5, 300)
    )
    assert model.coef_[0] == pytest.approx(0.8, abs=0.08)
    assert model.predict(X).min() > 0


def test_restricted_likelihoods_of_other_fixed_effects_are_not_compared():
    X, y = balanced()
    full, null, flat = (LMMRegressor(f).fit(X, y) for f in ("x + (1 | g)", "1 + (1 | g)", "x"))
    for compared in (compare, likelihood_ratio_test):
        with pytest.raises(ValueError, match="reml=False"):
            compared(null, full)
    assert likelihood_ratio_test(flat, full).p_value < 1e-6  # of the same fixed effects


def test_dates_are_no_responses():
    X, y = balanced()
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.round(y), unit="D")
    for wrong in (dates, dates - dates[0]):
        with pytest.raises(TypeError, match=r"expected numbers; subtract a date and divide by"):
            LMMRegressor("x").fit(X, wrong)


def test_whether_fixed_effects_are_integrated_out_is_a_yes_or_no():
    X, y = balanced()
    with pytest.raises(TypeError, match="reml='REML' must be True or False"):
        LMMRegressor("x", reml="REML").fit(X, y)


@pytest.mark.parametrize("reml", [True, False])
def test_responses_that_are_an_exact_function_have_no_scale(reml):
    X, _ = balanced()
    y = 3 - 2 * X["x"].to_numpy()
    with pytest.warns(UserWarning, match=r"scale stopped at its smallest.*reproduces"):
        model = LMMRegressor("x", reml=reml).fit(X, y)
    assert_allclose(model.coef_, -2.0, rtol=1e-8)
    assert_allclose(model.predict(X), y, rtol=1e-8)


def test_a_response_that_never_changes_is_its_mean():
    X, y = balanced()
    with pytest.warns(UserWarning, match="reproduces the responses almost exactly"):
        model = LMMRegressor("1").fit(X, np.full(len(y), 7.5))
    assert_allclose(model.predict(X), 7.5)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("group", [3, 11])
def test_effects_given_more_rows_are_those_of_the_normal_distribution(group, reml):
    X, y = balanced()
    model = LMMRegressor("x + (1 | g)", reml=reml).fit(X, y)
    more = X[X["g"] == 3].assign(g=group, x=lambda rows: rows["x"] + 0.5)
    seen = np.array([8.0, 9.0, 7.5, 8.2, 9.1, 8.8, 7.9, 8.4])[: len(more)]
    rows = pd.concat([X[X["g"] == group], more])
    error = np.concatenate([y[X["g"] == group], seen]) - model.predict(rows, kind="fixed")
    variance, noise = model.variance_components()["variance"].iloc[0], np.exp(2 * model.scale_coef_)
    covariance = variance + noise * np.eye(len(rows))
    found = model.condition(more, seen).random_effects()
    found = found[found["level"].astype(str) == str(group)].iloc[0]
    assert_allclose(found["mode"], variance * np.linalg.solve(covariance, error).sum(), rtol=1e-8)
    left = 1.0 - variance * np.linalg.inv(covariance).sum()
    assert_allclose(found["std_dev"] ** 2, variance * left, rtol=1e-8)
