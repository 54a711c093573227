"""Curves that stand for many rows: averages over them, with limits that are right for averages."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import BetaGLMMRegressor, OrderedBetaGLMMRegressor
from skglmm.inspection import PredictionDisplay, data_grid
from skglmm.inspection._marginaleffects import _Mean
from skglmm.inspection._row_averages import MOST

Z = norm.ppf(0.975)


@pytest.fixture(autouse=True)
def _no_figures_left():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def study(seed=0):
    """Twelve bogs, nine of them drained; shade differs within bogs."""
    rng = np.random.default_rng(seed)
    bog = np.repeat(np.arange(12), 10)
    X = pd.DataFrame(
        {
            "bog": [f"bog {k}" for k in bog],
            "water": np.where(bog < 9, "drained", "wet"),
            "depth": np.round(rng.uniform(0, 3, 120), 2),
            "shade": rng.choice(["open", "wood"], 120, p=[0.4, 0.6]),
        }
    )
    eta = 0.5 * X["depth"] - 2.0 * (X["water"] == "wet") + 0.8 * (X["shade"] == "wood")
    mu = expit(eta + rng.normal(0, 0.5, 12)[bog]).to_numpy()
    return X, pd.Series(100 * rng.beta(12 * mu, 12 * (1 - mu)), name="cover")


@pytest.fixture(scope="module")
def bogs():
    X, y = study()
    return BetaGLMMRegressor("depth + water + shade + (1 | bog)", bounds=(0, 100)).fit(X, y), X, y


def texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def averaged(model, X, kind, **values):
    """Mean and limits of the average over rows by differences in each parameter."""
    mean = _Mean(model, kind)
    design = mean.design(X.assign(**values))
    at = mean.params
    steps = 1e-5 * np.eye(len(at))
    gradient = [(mean(at + s, design).mean() - mean(at - s, design).mean()) / 2e-5 for s in steps]
    value = mean(at, design).mean() / 100
    se = np.sqrt(gradient @ mean.covariance @ gradient) / 100
    reach = Z * se / (value * (1 - value))
    return 100 * value, 100 * expit(logit(value) + np.array([-reach, reach]))


@pytest.mark.parametrize("kind", ["marginal", "fixed"])
def test_a_single_curve_is_the_average_over_the_rows_with_its_own_limits(bogs, kind):
    model, X, y = bogs
    display = PredictionDisplay.from_estimator(model, X, y, feature="depth", kind=kind, n_points=3)
    (curve,) = display.curves
    for x, mean, limits in zip(curve.x, curve.mean, curve.limits, strict=True):
        value, ends = averaged(model, X, kind, depth=x)
        assert_allclose(mean, value, rtol=1e-9)
        assert_allclose(limits, ends, rtol=1e-5)
    words = {
        "marginal": "average over groups\nand water, shade",
        "fixed": "typical group, average\nover water, shade",
    }
    assert texts(display)[0] == words[kind]


def test_without_groups_the_limits_are_those_of_the_textbook(bogs):
    _, X, y = bogs
    model = BetaGLMMRegressor("depth * water", bounds=(0, 100)).fit(X, y)
    display = PredictionDisplay.from_estimator(model, X, y, feature="depth", n_points=2)
    assert texts(display)[0] == "average over water"
    V = model.vcov().iloc[:4, :4].to_numpy()
    beta = np.concatenate([[model.intercept_], model.coef_])
    wet = (X["water"] == "wet").to_numpy(dtype=float)
    for x, limits in zip(display.curves[0].x, display.curves[0].limits, strict=True):
        design = np.column_stack([np.ones(120), np.full(120, x), wet, x * wet])
        mu = expit(design @ beta)
        gradient = (mu * (1 - mu)) @ design / 120
        reach = Z * np.sqrt(gradient @ V @ gradient) / (mu.mean() * (1 - mu.mean()))
        assert_allclose(
            limits, 100 * expit(logit(mu.mean()) + reach * np.array([-1, 1])), rtol=1e-6
        )


def test_the_curve_behind_many_groups_is_the_average_of_their_curves(bogs):
    model, X, y = bogs
    display = PredictionDisplay.from_estimator(model, X, y, feature="depth", by="bog", n_points=4)
    grid = data_grid(X, by="bog")
    size = X.groupby("bog").size().loc[grid["bog"]].to_numpy()
    for x, mean in zip(display.overall.x, display.overall.mean, strict=True):
        each = model.predict(grid.assign(depth=x), kind="marginal")
        assert_allclose(mean, np.average(each, weights=size), rtol=1e-9)
    usual = model.predict(data_grid(X, depth=4), kind="marginal")  # the most frequent treatment
    assert (usual - display.overall.mean > 5).all()
    shown = np.mean([np.interp(1.5, c.x, c.mean) for c in display.curves])
    assert_allclose(np.interp(1.5, display.overall.x, display.overall.mean), shown, rtol=0.05)
    assert texts(display)[1] == "average over groups\nand water"
    assert texts(display)[-1] == "at shade = wood"
    assert display.held == {"shade": "wood"}


def test_values_at_which_columns_are_held_are_told_for_each_group_alike(bogs):
    model, X, y = bogs
    few = PredictionDisplay.from_estimator(model, X, y, feature="depth", by="water")
    assert few.held == {"shade": "wood"}
    woodless = X.assign(shade=X["shade"].mask(X["bog"] == "bog 1", "open"))
    display = PredictionDisplay.from_estimator(model, woodless, y, feature="depth", by="bog")
    assert display.held == {"shade": "wood, or usual in the group"}
    single = PredictionDisplay.from_estimator(model, X, y, feature="depth")
    assert single.held == {}


def test_limits_of_a_new_response_are_quantiles_of_the_mixture(bogs):
    model, X, y = bogs
    display = PredictionDisplay.from_estimator(
        model, X, y, feature="depth", interval="response", n_points=2
    )
    shares = X.groupby(["water", "shade"], as_index=False).size()
    z = np.linspace(-5, 5, 2001)
    for x, limits in zip(display.curves[0].x, display.curves[0].limits, strict=True):
        table = model.predict_quantile(shares.assign(depth=x), norm.cdf(z), kind="marginal")
        reached = [
            np.average([norm.cdf(np.interp(end, row, z)) for row in table], weights=shares["size"])
            for end in limits
        ]
        assert_allclose(reached, [0.025, 0.975], atol=2e-5)


def test_a_mixture_with_masses_on_the_bounds_may_end_on_them(bogs):
    _, X, y = bogs
    y = y.mask(X["shade"] == "wood", 100.0).to_numpy().copy()
    y[::7] = 0.0
    model = OrderedBetaGLMMRegressor("depth + shade", bounds=(0, 100)).fit(X, y)
    display = PredictionDisplay.from_estimator(
        model, X, y, feature="depth", interval="response", n_points=2
    )
    assert_array_equal(display.curves[0].limits, [[0, 100], [0, 100]])


def test_rows_that_are_too_many_are_represented_and_the_legend_says_so(bogs, monkeypatch):
    _, X, y = bogs
    again = BetaGLMMRegressor("depth + height", bounds=(0, 100))
    X = X.assign(height=np.linspace(-1, 1, 120))
    again.fit(X, y)
    full = PredictionDisplay.from_estimator(again, X, y, feature="depth", n_points=2)
    monkeypatch.setitem(MOST, "mean", 80)
    some = PredictionDisplay.from_estimator(again, X, y, feature="depth", n_points=2)
    assert texts(some)[0] == "average over 40 of 120 rows"
    assert_allclose(some.curves[0].mean, full.curves[0].mean, rtol=1e-3)
    assert_allclose(some.curves[0].limits, full.curves[0].limits, rtol=1e-2)


def test_a_pipeline_is_averaged_over_its_own_columns(bogs):
    _, X, y = bogs
    wider = FunctionTransformer(lambda X: X.assign(wet=(X["water"] == "wet").astype(float)))
    pipeline = make_pipeline(wider, BetaGLMMRegressor("depth + wet + shade", bounds=(0, 100)))
    pipeline.fit(X, y)
    plain = BetaGLMMRegressor("depth + water + shade", bounds=(0, 100)).fit(X, y)
    found, expected = (
        PredictionDisplay.from_estimator(each, X, y, feature="depth", n_points=3).curves[0]
        for each in (pipeline, plain)
    )
    assert_allclose(found.mean, expected.mean, rtol=1e-4)
    assert_allclose(found.limits, expected.limits, rtol=1e-3)


def test_means_that_are_not_determined_leave_gaps(bogs, monkeypatch):
    model, X, y = bogs
    predict = BetaGLMMRegressor.predict

    def gappy(self, X, *args, **kwargs):
        found = predict(self, X, *args, **kwargs)
        return np.where(X["depth"] > 2, np.nan, found)

    monkeypatch.setattr(BetaGLMMRegressor, "predict", gappy)
    for by in (None, "water", "bog"):
        display = PredictionDisplay.from_estimator(model, X, y, feature="depth", by=by)
        display.figure_.canvas.draw()
        curve = display.curves[0] if by != "bog" else display.overall
        assert_array_equal(np.isnan(curve.mean), curve.x > 2)
        if by != "water":
            assert_array_equal(np.isnan(curve.limits[:, 0]), curve.x > 2)


def test_averages_without_inference_are_refused_in_words(bogs):
    _, X, y = bogs
    model = BetaGLMMRegressor("depth + water", bounds=(0, 100), inference=False).fit(X, y)
    with pytest.raises(ValueError, match="inference"):
        PredictionDisplay.from_estimator(model, X, y, feature="depth")
    display = PredictionDisplay.from_estimator(model, X, y, feature="depth", interval=None)
    assert display.curves[0].limits is None
