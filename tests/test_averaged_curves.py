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

from skglmm import BetaGLMMRegressor, OrderedBetaGLMMRegressor, PoissonGLMMRegressor
from skglmm.inspection import PredictionDisplay, data_grid
from skglmm.inspection.data.marginaleffects import _Mean
from skglmm.inspection.data.row_averages import MOST

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


def test_the_curve_behind_many_groups_is_the_average_over_all_rows(bogs):
    model, X, y = bogs
    display = PredictionDisplay.from_estimator(model, X, y, feature="depth", by="bog", n_points=4)
    for x, mean in zip(display.overall.x, display.overall.mean, strict=True):
        expected = model.predict(X.assign(depth=x), kind="marginal").mean()
        assert_allclose(mean, expected, rtol=1e-9)
    usual = model.predict(data_grid(X, depth=4), kind="marginal")  # the most frequent treatment
    assert (usual - display.overall.mean > 5).all()
    shown = np.mean([np.interp(1.5, c.x, c.mean) for c in display.curves])
    assert_allclose(np.interp(1.5, display.overall.x, display.overall.mean), shown, rtol=0.05)
    assert texts(display)[1] == "average over groups\nand water, shade"
    assert texts(display)[-1] == "each averaged over\n    shade"


def test_curves_of_groups_are_averages_over_their_own_rows(bogs):
    model, X, y = bogs
    display = PredictionDisplay.from_estimator(model, X, y, feature="depth", by="bog", n_points=3)
    for curve in display.curves[::5]:
        rows = X[X["bog"] == curve.group[0]]
        assert_allclose(curve.x[[0, -1]], rows["depth"].agg(["min", "max"]))
        expected = [model.predict(rows.assign(depth=x)).mean() for x in curve.x]
        assert_allclose(curve.mean, expected, rtol=1e-9)
        assert curve.averaged == ("shade",)


def test_an_exposure_is_averaged_over_as_other_columns_are():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=40), "hours": np.repeat([5, 1, 2, 1], 10)})
    model = PoissonGLMMRegressor("x", exposure="hours").fit(X, rng.poisson(X["hours"]))
    display = PredictionDisplay.from_estimator(model, X, feature="x", n_points=2)
    for x, mean in zip(display.curves[0].x, display.curves[0].mean, strict=True):
        assert_allclose(mean, model.predict(X.assign(x=x)).mean())
    assert display.curves[0].averaged == ("hours",)


@pytest.mark.parametrize("kind", [None, "fixed"])
def test_limits_of_a_groups_average_are_those_of_one_row_by_the_slopes_of_all(kind):
    # sum_i w_i s_i d eta_i, with the slopes s_i = m_i (1 - m_i), is S d eta at z = sum w s z / S
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(8), 15)
    X = pd.DataFrame({"g": g, "x": rng.uniform(0, 1, 120), "z": rng.normal(0, 1, 120) + 0.2 * g})
    b, slope = rng.normal(0, 0.7, 8)[g], 0.4 + rng.normal(0, 0.6, 8)[g]
    mu = expit(X["x"] + slope * X["z"] + b).to_numpy()
    y = rng.beta(20 * mu, 20 * (1 - mu)).clip(1e-6, 1 - 1e-6)
    model = BetaGLMMRegressor("x + z + (z | g)").fit(X, y)
    display = PredictionDisplay.from_estimator(
        model, X, y, feature="x", by="g", kind=kind, n_points=2
    )
    assert display.kind == (kind or "conditional")
    for k, curve in enumerate(display.curves):
        for x, mean, limits in zip(curve.x, curve.mean, curve.limits, strict=True):
            rows = X[g == k].assign(x=x)
            m = model.predict(rows, kind=kind)
            s = m * (1 - m)
            at = pd.DataFrame({"g": [k], "x": [x], "z": [np.average(rows["z"], weights=s)]})
            _, (std,) = model.predict_linear(at, return_std=True, kind=kind)
            reach = Z * s.mean() * std / (m.mean() * (1 - m.mean()))
            assert_allclose(mean, m.mean(), rtol=1e-12)
            assert_allclose(limits, expit(logit(m.mean()) + reach * np.array([-1, 1])), rtol=1e-6)


def test_limits_of_a_groups_average_lie_between_those_of_its_rows_and_widen_with_few(bogs):
    model, X, y = bogs
    display = PredictionDisplay.from_estimator(model, X, y, feature="depth", by="water", n_points=2)
    bog = X[X["bog"] == "bog 3"].reset_index(drop=True)
    one = PredictionDisplay.from_estimator(model, bog, feature="depth", by="bog", n_points=2)
    (curve,) = one.curves
    for x, (low, high) in zip(curve.x, curve.limits, strict=True):
        rows = model.predict_interval(bog.assign(depth=x))
        assert rows[:, 0].min() < low < rows[:, 0].max()
        assert rows[:, 1].min() < high < rows[:, 1].max()
    assert [curve.averaged for curve in display.curves] == [("shade",)] * 2


def test_typical_values_of_other_columns_can_be_chosen_and_are_told(bogs):
    model, X, y = bogs
    few = PredictionDisplay.from_estimator(
        model, X, y, feature="depth", by="water", others="typical", n_points=5
    )
    assert few.held == {"shade": "wood"}
    assert texts(few)[-1] == "at shade = wood"
    grid = data_grid(X, by="water", depth=5)
    means = np.concatenate([curve.mean for curve in few.curves])
    assert_allclose(means, model.predict(grid, kind="marginal"), rtol=1e-12)
    many = PredictionDisplay.from_estimator(
        model, X, y, feature="depth", by="bog", others="typical", n_points=5
    )
    rows, size = data_grid(X, by="bog"), X.groupby("bog").size()
    for x, mean in zip(many.overall.x, many.overall.mean, strict=True):
        each = model.predict(rows.assign(depth=x), kind="marginal")
        assert_allclose(mean, np.average(each, weights=size.loc[rows["bog"]]), rtol=1e-9)
    assert texts(many)[1] == "average over groups\nand water"
    one = PredictionDisplay.from_estimator(model, X, y, feature="depth", others="typical")
    assert one.held == {"water": "drained", "shade": "wood"}
    assert texts(one)[-1] == "at water = drained\n    shade = wood"
    with pytest.raises(ValueError, match="others='mean' is unknown"):
        PredictionDisplay.from_estimator(model, X, y, feature="depth", others="mean")


def test_typical_values_that_a_group_has_not_are_told(bogs):
    model, X, y = bogs
    woodless = X.assign(shade=X["shade"].mask(X["bog"] == "bog 1", "open"))
    display = PredictionDisplay.from_estimator(
        model, woodless, y, feature="depth", by="bog", others="typical"
    )
    assert display.held == {"shade": "wood, or usual in the group"}


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
    means = BetaGLMMRegressor._means

    def gappy(self, X, *args, **kwargs):
        found = means(self, X, *args, **kwargs)
        return np.where(X["depth"] > 2, np.nan, found)

    monkeypatch.setattr(BetaGLMMRegressor, "_means", gappy)
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
