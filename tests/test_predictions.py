"""Uncertainty of predictions, as an estimator gives it."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from skglmm import BetaGLMMRegressor
from skglmm.response import BoundedScale

COLUMNS = ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper", "obs_ci_lower", "obs_ci_upper"]


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"x": rng.normal(size=300), "g": np.repeat(list("abcdefghijklmnopqrst"), 15)},
        index=np.arange(300) + 1000,
    )
    b = rng.normal(0, 0.8, 20)[np.repeat(np.arange(20), 15)]
    mean = 1 / (1 + np.exp(-(0.5 + 0.4 * frame["x"].to_numpy() + b)))
    y = 100 * rng.beta(9 * mean, 9 * (1 - mean))
    return BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100)).fit(frame, y), frame, y


@pytest.mark.parametrize("kind", ["conditional", "fixed", "marginal", {"g"}], ids=str)
def test_a_frame_holds_what_the_methods_say(study, kind):
    model, frame, _ = study
    table = model.predict_frame(frame, level=0.9, kind=kind)
    assert list(table.columns) == COLUMNS
    assert_array_equal(table.index, frame.index)
    assert_allclose(table["mean"], model.predict(frame, kind=kind))
    mean = model.predict_interval(frame, level=0.9, kind=kind)
    assert_allclose(table[["mean_ci_lower", "mean_ci_upper"]], mean)
    response = model.predict_interval(frame, "response", level=0.9, kind=kind)
    assert_allclose(table[["obs_ci_lower", "obs_ci_upper"]], response)
    assert_allclose(model.predict_quantile(frame, [0.05, 0.95], kind=kind), response, atol=1e-6)
    assert np.all((response[:, 0] > 0) & (response[:, 0] < mean[:, 0]))
    assert np.all((response[:, 1] < 100) & (response[:, 1] > mean[:, 1]))


def test_response_limits_cover_the_responses_that_made_them(study):
    model, frame, y = study
    low, high = model.predict_interval(frame, "response", level=0.8).T
    assert 0.74 < np.mean((low < y) & (y < high)) < 0.88


def test_unseen_groups_are_uncertain_as_new_groups_says(study):
    model, frame, _ = study
    new, width = frame.head(4).assign(g="new"), {}
    for choice in ("nan", "fixed", "marginal"):
        limits = model.set_params(new_groups=choice).predict_interval(new)
        width[choice] = np.diff(limits).ravel()
    assert np.all(width["marginal"] > 2 * width["fixed"])
    assert np.isnan(width["nan"]).all()


def test_the_mean_is_the_link_of_the_linear_predictor(study):
    model, frame, _ = study
    value, std = model.predict_linear(frame, return_std=True)
    assert_allclose(100 / (1 + np.exp(-value)), model.predict(frame))
    z = 1.959963984540054
    limits = 100 / (1 + np.exp(-(value[:, None] + z * np.outer(std, [-1, 1]))))
    assert_allclose(model.predict_interval(frame), limits)
    precision = model.predict_linear(frame, predictor="precision")
    assert_allclose(precision, model.precision_coef_[0])


def test_samples_have_the_mean_and_the_spread_of_the_prediction(study):
    model, frame, _ = study
    rows = frame.iloc[[0, 100, 200]]
    mean, std = model.predict(rows, return_std=True)
    draws = model.sample_y(rows, n_samples=4000, random_state=0)
    assert_allclose(draws.mean(axis=1), mean, atol=4 * std.max() / np.sqrt(4000))
    assert_allclose(draws.std(axis=1), std, rtol=0.06)
    assert_array_equal(draws, model.sample_y(rows, n_samples=4000, random_state=0))


def test_rows_of_an_unseen_group_share_its_effect(study):
    model, frame, _ = study
    rows = frame.head(3).assign(x=0.0, g=["new", "new", "other"])
    correlation = np.corrcoef(model.sample_y(rows, n_samples=3000, random_state=1))
    assert correlation[0, 1] > 0.3
    assert abs(correlation[0, 2]) < 0.1


def test_new_random_effects_are_drawn_for_known_groups_on_request(study):
    model, frame, _ = study
    rows = frame.iloc[[0, 1, 20]].assign(x=0.0)
    kept = np.corrcoef(model.sample_y(rows, 3000, random_state=2))
    drawn = np.corrcoef(model.sample_y(rows, 3000, random_state=2, random_effects="new"))
    assert abs(kept[0, 1]) < 0.1
    assert drawn[0, 1] > 0.3
    assert abs(drawn[0, 2]) < 0.1


def test_without_inference_intervals_are_refused_and_quantiles_are_not():
    rng = np.random.default_rng(0)
    level = np.repeat(np.arange(10), 8)
    frame, y = pd.DataFrame({"g": level}), rng.beta(2 + level / 3, 3)
    model = BetaGLMMRegressor("(1 | g)", inference=False).fit(frame, y)
    for method in (model.predict_interval, model.predict_frame):
        with pytest.raises(ValueError, match="inference=True"):
            method(frame)
    assert model.predict_quantile(frame, 0.5).shape == (80, 1)


def test_linear_predictors_of_unseen_groups_are_nan_where_asked(study):
    model, frame, _ = study
    rows = frame.head(4).assign(g=["a", "new", "a", "new"])
    model.set_params(new_groups="nan")
    value, std = model.predict_linear(rows, return_std=True)
    assert_array_equal(np.isnan(value), [False, True, False, True])
    assert_array_equal(np.isnan(std), [False, True, False, True])
    assert_array_equal(np.isnan(model.predict_linear(rows)), np.isnan(value))
    assert np.isfinite(model.predict_linear(rows, "precision")).all()  # which no effect feeds
    model.set_params(new_groups="marginal")


def test_new_effects_are_drawn_for_unseen_groups_even_where_they_are_errors(study):
    model, frame, _ = study
    model.set_params(new_groups="error")
    draws = model.sample_y(frame.head(4).assign(g="new"), random_state=0, random_effects="new")
    model.set_params(new_groups="marginal")
    assert np.isfinite(draws).all()


@pytest.mark.parametrize("bounds", [(0, 1), (-5, 5), (0.1, 0.7), (1e6, 1e6 + 1)])
def test_what_is_inside_the_unit_interval_is_inside_the_bounds(bounds):
    scale = BoundedScale(*map(float, bounds))
    unit = np.array([0.0, 5e-324, 1e-17, 0.5, np.nextafter(1.0, 0.0), 1.0, np.nan])
    y = scale.write(unit)
    assert_array_equal(y[[0, 5]], bounds)
    assert np.all((y[1:5] > bounds[0]) & (y[1:5] < bounds[1]))
    assert np.isnan(y[6])


def test_quantiles_need_a_fit_and_a_probability(study):
    model, frame, _ = study
    with pytest.raises(NotFittedError):
        BetaGLMMRegressor().predict_quantile(frame, 0.5)
    with pytest.raises(ValueError, match="one or several probabilities"):
        model.predict_quantile(frame, [])


@pytest.mark.parametrize(
    ("call", "fragment"),
    [
        (lambda m, X: m.predict_interval(X, level=95), "level=95"),
        (lambda m, X: m.predict_interval(X, target="median"), "target='median'"),
        (lambda m, X: m.predict_quantile(X, [0.5, 1.0]), "above 0 and below 1"),
        (lambda m, X: m.predict_linear(X, predictor="phi"), "predictor='phi'"),
        (lambda m, X: m.sample_y(X, n_samples=0), "n_samples=0"),
        (lambda m, X: m.sample_y(X, random_effects="none"), "random_effects='none'"),
    ],
)
def test_wrong_arguments_are_refused_by_name(study, call, fragment):
    model, frame, _ = study
    with pytest.raises(ValueError, match=re.escape(fragment)):
        call(model, frame)
