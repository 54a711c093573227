"""Displays: what they compute, what they draw, and where; as scikit-learn tests its own."""

from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skglmm import BetaGLMMRegressor
from skglmm.datasets import load_petrol
from skglmm.exceptions import SingularFitWarning
from skglmm.inspection import (
    ClassProbabilityDisplay,
    CoefficientDisplay,
    InteractionDisplay,
    MarginalMeansDisplay,
    PredictionDisplay,
    ProfileDisplay,
    RandomEffectsDisplay,
    data_grid,
)


@pytest.fixture(autouse=True)
def _no_windows_and_no_figures_left(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a display must not show"))
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def simulated(n_groups, n_rows, seed=0):
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(n_groups), n_rows)
    x = rng.normal(size=len(code)) + rng.normal(size=n_groups)[code]
    b, s = rng.normal(0, 0.8, n_groups), rng.normal(0, 0.4, n_groups)
    mu = expit(0.5 * x + b[code] + s[code] * x)
    y = 100 * rng.beta(8 * mu, 8 * (1 - mu)).clip(1e-9, 1 - 1e-9)
    names = np.array([f"g{k:03d}" for k in range(n_groups)])
    X = pd.DataFrame({"x": x, "z": rng.normal(size=len(x)), "g": names[code], "half": code % 2})
    return X, pd.Series(y, name="yield")


@pytest.fixture(scope="module")
def few():
    X, y = simulated(6, 30)
    return BetaGLMMRegressor("x + (x | g)", bounds=(0, 100)).fit(X, y), X, y


@pytest.fixture(scope="module")
def many():
    X, y = simulated(300, 6)
    return BetaGLMMRegressor("x + (x | g)", bounds=(0, 100)).fit(X, y), X, y


@pytest.fixture(scope="module")
def scaled(few):
    _, X, y = few
    scale = ColumnTransformer(
        [("scaled", StandardScaler(), ["x"])], remainder="passthrough"
    ).set_output(transform="pandas")
    scale.set_params(verbose_feature_names_out=False)
    model = BetaGLMMRegressor("x + (x | g)", bounds=(0, 100))
    return make_pipeline(scale, model).fit(X, y), X, y


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


# --- predictions ----------------------------------------------------------------------------------


def test_curves_are_the_predictions_within_each_groups_own_range(few):
    model, X, y = few
    display = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g", n_points=20)
    assert len(display.curves) == len(display.lines_) == len(display.bands_) == 6
    grid = data_grid(X, by="g", x=20)
    for curve, line, name in zip(display.curves, display.lines_, sorted(set(X["g"])), strict=True):
        rows = grid[grid["g"] == name]
        assert curve.group == (name,)
        assert_array_equal(line.get_xdata(), rows["x"])
        assert_allclose(line.get_ydata(), model.predict(rows), rtol=1e-12)
        assert_allclose(curve.limits, model.predict_interval(rows), rtol=1e-12)
        assert_array_equal(curve.data, [X.loc[X["g"] == name, "x"], y[X["g"] == name]])
    assert sum(len(s.get_offsets()) for s in display.scatters_) == len(X)


def test_axes_and_legend_say_what_is_drawn(few):
    model, X, y = few
    display = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g", level=0.9)
    assert display.ax_.get_xlabel() == "x"
    assert display.ax_.get_ylabel() == "yield"
    expected = [f"g{k:03d}" for k in range(6)] + ["90 % limits of the mean", "data"]
    assert texts(display.legend_) == expected
    assert display.legend_.get_title().get_text() == "g"
    assert display.figure_ is display.ax_.figure
    assert len({line.get_color() for line in display.lines_}) == 6


def test_without_data_the_axis_says_that_it_is_the_mean(few):
    model, X, _ = few
    display = PredictionDisplay.from_estimator(model, X, feature="x", interval=None)
    assert display.ax_.get_ylabel() == "mean of y"
    assert texts(display.legend_) == ["average over groups"]
    assert display.bands_ == display.scatters_ == []


def test_the_formula_names_a_response_without_a_name(few):
    _, X, y = few
    model = BetaGLMMRegressor("score ~ x", bounds=(0, 100)).fit(X, y.to_numpy())
    display = PredictionDisplay.from_estimator(model, X, y.to_numpy(), feature="x")
    assert display.ax_.get_ylabel() == "score"
    assert texts(display.legend_) == ["mean", "95 % limits of the mean", "data"]


@pytest.mark.parametrize("kind", ["fixed", "marginal"])
def test_a_kind_can_be_chosen(few, kind):
    model, X, y = few
    display = PredictionDisplay.from_estimator(model, X, y, feature="x", kind=kind, n_points=9)
    rows = data_grid(X, x=9)
    assert_allclose(display.curves[0].mean, model.predict(rows, kind=kind), rtol=1e-12)
    words = {"fixed": "typical group", "marginal": "average over groups"}
    assert texts(display.legend_)[0] == words[kind]


def test_effects_of_factors_outside_by_are_zero(few):
    _, X, y = few
    model = BetaGLMMRegressor("x + (1 | g) + (1 | half:g)", bounds=(0, 100), max_iter=50)
    X = X.assign(half=np.arange(len(X)) % 2)
    model.fit(X, y + 30 * X["half"] * (100 - y) / 100)
    grid = data_grid(X, by="g", x=5)
    display = PredictionDisplay.from_estimator(model, X, feature="x", by="g", n_points=5)
    means = np.concatenate([curve.mean for curve in display.curves])
    assert_allclose(means, model.predict(grid, kind={"g"}), rtol=1e-12)
    both = PredictionDisplay.from_estimator(model, X, feature="x", by=["half", "g"], n_points=5)
    rows = data_grid(X, by=["half", "g"], x=5)
    means = np.concatenate([curve.mean for curve in both.curves])
    assert_allclose(means, model.predict(rows), rtol=1e-12)


def test_bands_of_new_responses_are_wider_and_within_the_bounds(few):
    model, X, y = few
    mean = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g")
    new = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g", interval="response")
    assert "95 % limits of a new response" in texts(new.legend_)
    for inner, outer in zip(mean.curves, new.curves, strict=True):
        assert (outer.limits[:, 0] < inner.limits[:, 0]).all()
        assert (outer.limits[:, 1] > inner.limits[:, 1]).all()
        assert outer.limits.min() >= 0
        assert outer.limits.max() <= 100


def test_three_hundred_groups_are_thin_lines_behind_their_average(many):
    model, X, y = many
    display = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g", n_points=10)
    assert len(display.lines_) == 300
    assert display.bands_ == []
    (points,) = display.scatters_
    assert_array_equal(np.sort(points.get_offsets()[:, 1]), np.sort(y))
    assert max(line.get_linewidth() for line in display.lines_) < 1
    (average,) = display.overall_lines_
    assert average.get_zorder() > max(line.get_zorder() for line in display.lines_)
    assert_allclose(average.get_ydata(), model.predict(data_grid(X, x=10), kind="marginal"))
    assert texts(display.legend_) == [
        "300 groups of\ng",
        "average over groups",
        "95 % limits of the mean",
        "data",
    ]


def test_facets_have_a_panel_for_each_label_and_colors_for_the_rest(few):
    model, X, y = few
    X = X.assign(half=np.where(np.arange(len(X)) % 2, "odd", "even"))
    display = PredictionDisplay.from_estimator(
        model, X, y, feature="x", by=["g", "half"], facet="g", reference="fixed"
    )
    assert [axis.get_title() for axis in display.axes_] == [f"g{k:03d}" for k in range(6)]
    assert display.ax_ is display.axes_[0]
    assert texts(display.legend_)[:3] == ["even", "odd", "typical group"]
    assert len(display.overall_lines_) == 6
    colors = [line.get_color() for line in display.lines_]
    assert colors == colors[:2] * 6


def test_given_axes_are_used(few):
    model, X, y = few
    figure, axes = plt.subplots(2, 3)
    PredictionDisplay.from_estimator(model, X, y, feature="x", ax=axes[0, 1])
    display = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g", facet="g", ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes.ravel())
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="ax has 1 axes, expected 6"):
        display.plot(axes[0, 0])


def test_a_display_draws_again_on_other_axes(few):
    model, X, y = few
    display = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g")
    before = display.lines_
    _, axis = plt.subplots()
    assert display.plot(axis) is display
    assert display.ax_ is axis
    assert isinstance(display.ax_, Axes)
    assert all(
        np.array_equal(a.get_xydata(), b.get_xydata())
        for a, b in zip(before, display.lines_, strict=True)
    )


def test_arguments_reach_matplotlib(few):
    model, X, y = few
    display = PredictionDisplay.from_estimator(
        model,
        X,
        y,
        feature="x",
        line_kwargs={"color": "red", "linewidth": 7},
        fill_kwargs={"alpha": 0.9},
        scatter_kwargs={"s": 99},
    )
    assert display.lines_[0].get_color() == "red"
    assert display.lines_[0].get_linewidth() == 7
    assert display.bands_[0].get_alpha() == 0.9
    assert_array_equal(display.scatters_[0].get_sizes(), [99])


def test_a_pipeline_is_drawn_over_the_feature_as_it_came(few, scaled):
    pipeline, X, y = scaled
    model, _, _ = few
    display = PredictionDisplay.from_estimator(pipeline, X, y, feature="x", by="g", n_points=7)
    plain = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g", n_points=7)
    for found, expected in zip(display.curves, plain.curves, strict=True):
        assert_array_equal(found.x, expected.x)
        assert_allclose(found.mean, expected.mean, rtol=1e-4)  # two optimizations of one model
    assert display.ax_.get_ylabel() == "yield"


def test_a_feature_that_a_step_has_made_is_drawn_over_itself(few):
    _, X, y = few
    powers = PolynomialFeatures(2, include_bias=False).set_output(transform="pandas")
    pipeline = make_pipeline(powers, BetaGLMMRegressor("`x^2`", bounds=(0, 100)))
    pipeline.fit(X[["x"]], y)
    display = PredictionDisplay.from_estimator(pipeline, X[["x"]], y, feature="x^2", n_points=5)
    assert display.ax_.get_xlabel() == "x^2"
    assert_allclose(display.curves[0].x[[0, -1]], [(X["x"] ** 2).min(), (X["x"] ** 2).max()])


def test_the_best_model_of_a_search_is_drawn_frozen_or_not(few):
    _, X, y = few
    search = GridSearchCV(BetaGLMMRegressor("x", bounds=(0, 100)), {"groups": [None, "g"]}, cv=2)
    search.fit(X, y)
    for model in (search, FrozenEstimator(search)):
        display = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g")
        assert len(display.lines_) == 6


def test_arrays_and_polars_are_drawn_as_frames(few):
    model, X, y = few
    expected = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g").curves
    polar = pl.DataFrame(X.to_dict("list"))
    found = PredictionDisplay.from_estimator(model, polar, y, feature="x", by="g").curves
    array = np.column_stack([X["x"], pd.factorize(X["g"])[0]])
    again = BetaGLMMRegressor("x0 + (x0 | x1)", bounds=(0, 100)).fit(array, y)
    display = PredictionDisplay.from_estimator(again, array, y, feature="x0", by=1)
    for one, other, third in zip(expected, found, display.curves, strict=True):
        assert_allclose(one.mean, other.mean, rtol=1e-12)
        assert_allclose(one.mean, third.mean, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"feature": "X"}, "did you mean 'x'"),
        ({"feature": "x", "kind": {"g"}}, "needs the columns of a grouping factor in by"),
        ({"feature": "x", "by": "x"}, "take it out of by='x'"),
        ({"feature": "x", "by": "gap"}, "column 'gap' has 3 missing values"),
        ({"feature": "x", "n_points": 0}, "n_points=0"),
        ({"feature": "x", "interval": "both"}, "interval='both' is unknown"),
        ({"feature": "x", "reference": "naive"}, "reference='naive' is unknown"),
        ({"feature": "x", "kind": "conditional"}, "needs the columns of a grouping factor in by"),
        ({"feature": "x", "by": "g", "facet": "half"}, "facet='half' is none of the columns of by"),
        ({"feature": "x", "by": "z", "facet": "z"}, "would make 180 panels"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(few, arguments, words):
    model, X, y = few
    X = X.assign(gap=X["g"].where(X.index > 2))
    with pytest.raises(ValueError, match=r".") as caught:
        PredictionDisplay.from_estimator(model, X, y, **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("display", "arguments"),
    [
        (PredictionDisplay, {"feature": "x"}),
        (RandomEffectsDisplay, {}),
        (MarginalMeansDisplay, {"by": "x"}),
        (CoefficientDisplay, {}),
        (InteractionDisplay, {"features": ("x", "z")}),
        (ClassProbabilityDisplay, {"feature": "x"}),
    ],
)
def test_only_fitted_mixed_models_are_drawn(display, arguments, few):
    _, X, y = few
    with pytest.raises(NotFittedError):
        display.from_estimator(BetaGLMMRegressor("x"), X, y, **arguments)
    line = make_pipeline(StandardScaler(), LinearRegression()).fit(X[["x"]], y)
    with pytest.raises(TypeError, match="ends in, a LinearRegression"):
        display.from_estimator(line, X, y, **arguments)


@pytest.fixture(scope="module")
def long_names():
    X, y = simulated(12, 15)
    X["g"] = "a valley far behind the seven mountains, number " + X["g"]
    return BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100)).fit(X, y), X, y


def test_long_names_leave_room_for_the_picture(long_names):
    model, X, y = long_names
    facets = PredictionDisplay.from_estimator(model, X, y, feature="x", by="g", facet="g")
    caterpillar = RandomEffectsDisplay.from_estimator(model)
    for display in (facets, caterpillar):
        display.figure_.canvas.draw()
        box = display.ax_.get_window_extent()
        assert box.width > 2 * display.figure_.dpi  # inches
    titles = [axis.title.get_window_extent() for axis in facets.axes_[:4]]
    assert not any(left.overlaps(right) for left, right in pairwise(titles))
    assert titles[0].x0 >= 0
    names = [label.get_text() for label in caterpillar.ax_.get_yticklabels()]
    assert len(set(names)) == 12
    assert all("…" in name and len(name) == 28 for name in names)


@pytest.mark.parametrize("value", [1.0, "a"])
def test_a_feature_that_the_model_does_not_use_is_told(few, value):
    model, X, y = few
    with pytest.warns(UserWarning, match="the model does not use 'unused', so its means are"):
        PredictionDisplay.from_estimator(model, X.assign(unused=value), y, feature="unused")


def test_the_band_of_a_single_point_is_seen(few):
    model, X, y = few
    display = PredictionDisplay.from_estimator(
        model, X.assign(x=1.0), y, feature="x", fill_kwargs={"alpha": 1.0}, scatter_kwargs={"s": 0}
    )
    (curve,) = display.curves
    assert len(curve.x) == 1
    display.lines_[0].set_visible(False)
    display.figure_.canvas.draw()
    picture = np.asarray(display.figure_.canvas.buffer_rgba())
    place = display.ax_.transData.transform((1.0, curve.limits.mean())).astype(int)
    assert (picture[-place[1], place[0], :3] < 200).any()


# --- random effects -------------------------------------------------------------------------------


def test_a_caterpillar_is_sorted_and_has_its_limits(few):
    model, _, _ = few
    display = RandomEffectsDisplay.from_estimator(model, effect="Intercept")
    effects = model.random_effects().query("effect == 'Intercept'").sort_values("mode")
    (container,) = display.containers_
    assert_array_equal(container.lines[0].get_xdata(), effects["mode"])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == list(effects["level"])
    segments = np.array(container.lines[2][0].get_segments())
    reach = 1.959963984540054 * effects["std_error"].to_numpy()
    assert_allclose(segments[:, 0, 0], effects["mode"] - reach, rtol=1e-12)
    assert_allclose(segments[:, 1, 0], effects["mode"] + reach, rtol=1e-12)
    assert display.zero_lines_[0].get_xdata()[0] == 0


def test_each_effect_has_a_panel_with_its_unit(few):
    model, X, y = few
    display = RandomEffectsDisplay.from_estimator(model, X, y, level=0.5)
    assert [axis.get_title() for axis in display.axes_] == [
        "Intercept (50 % limits)",
        "x (50 % limits)",
    ]
    assert display.axes_[0].get_xlabel() == "effect on the log odds"
    assert display.axes_[1].get_xlabel() == "effect on the log odds\nper unit of x"
    assert display.axes_[0].get_ylabel() == "g"


def test_three_hundred_levels_are_not_named(many):
    model, _, _ = many
    display = RandomEffectsDisplay.from_estimator(model)
    assert all(len(axis.get_yticks()) == 0 for axis in display.axes_)
    assert display.ax_.get_ylabel() == "300 levels of g, sorted"


def test_without_inference_limits_are_those_given_the_estimates(few):
    _, X, y = few
    model = BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100), inference=False).fit(X, y)
    display = RandomEffectsDisplay.from_estimator(model)
    assert_array_equal(display.panels[0].std, model.random_effects()["std_dev"])


def test_another_link_gives_another_scale(few, scaled):
    _, X, y = few
    model = BetaGLMMRegressor("x + (1 | g)", bounds=(0, 100), link="cloglog").fit(X, y)
    assert RandomEffectsDisplay.from_estimator(model).scale == "cloglog scale"
    assert RandomEffectsDisplay.from_estimator(scaled[0]).scale == "log odds"


def test_caterpillars_use_given_axes(few):
    model, _, _ = few
    figure, axes = plt.subplots(1, 2)
    display = RandomEffectsDisplay.from_estimator(model, ax=axes, errorbar_kwargs={"color": "k"})
    assert display.figure_ is figure
    assert display.containers_[0].lines[0].get_color() == "k"
    with pytest.raises(ValueError, match="ax has 1 axes, expected 2"):
        display.plot(axes[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"group": "h"}, "group='h' is none"), ({"effect": "w"}, "effect='w' is none")],
)
def test_effects_that_are_not_there_are_refused(few, arguments, words):
    with pytest.raises(ValueError, match=words):
        RandomEffectsDisplay.from_estimator(few[0], **arguments)


def test_a_model_without_random_effects_has_no_caterpillar(few):
    _, X, y = few
    with pytest.raises(ValueError, match="no random effects to show"):
        RandomEffectsDisplay.from_estimator(BetaGLMMRegressor("x", bounds=(0, 100)).fit(X, y))


# --- profiles -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batches():
    X, y = load_petrol(return_X_y=True)
    return BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y), X, y


def test_a_profile_crosses_its_heights_at_the_ends_of_the_interval(batches):
    model, X, y = batches
    name = "sd(Intercept | batch)"
    display = ProfileDisplay.from_estimator(model, X, y, parameters=name, level=0.9)
    expected = model.confint(X, y, method="profile", parameters=name, level=0.9).loc[name]
    (ends,) = display.ends_
    found = [line.get_xdata()[0] for line in ends]
    assert_allclose(found, expected[["conf_low", "conf_high"]], rtol=1e-3)
    heights = np.interp(found, *display.lines_[0].get_xydata().T)
    # of a curve that is drawn through about 20 points
    assert_allclose(heights, [-1.6449, 1.6449], atol=0.02)
    assert display.ax_.get_xlabel() == name
    assert display.ax_.get_ylabel() == "signed root of the deviance"
    assert display.ax_.get_title().startswith("90 %: ")


def test_the_normal_approximation_touches_the_profile_at_the_estimate(batches):
    model, X, y = batches
    name = "sd(Intercept | batch)"
    display = ProfileDisplay.from_estimator(model, X, y, parameters=name)
    lines = {line.get_label(): line.get_xydata().T for line in display.ax_.lines}
    x, height = lines["normal approximation"]
    profile = display.lines_[0].get_ydata()
    estimate = model.variance_components()["sd"].item()
    near = np.abs(x - estimate) < 0.05 * estimate
    # both pass through zero with one slope, and the profile is concave
    assert_allclose(profile[near], height[near], atol=0.01)
    assert (profile <= height + 1e-3).all()


def test_the_relative_likelihood_is_one_at_the_estimate(batches):
    model, X, y = batches
    display = ProfileDisplay.from_estimator(model, X, y, parameters="EP", kind="likelihood")
    x, height = display.lines_[0].get_xydata().T
    assert height.max() == pytest.approx(1, abs=1e-3)
    assert x[np.argmax(height)] == pytest.approx(model.coef_[0], rel=0.02)
    level = np.exp(-0.5 * 1.959964**2)
    ends = [line.get_xdata()[0] for line in display.ends_[0]]
    assert_allclose(np.interp(ends, x, height), level, atol=0.01)


def test_each_parameter_has_a_panel(batches):
    model, X, y = batches
    display = ProfileDisplay.from_estimator(model, X, y)
    labels = [axis.get_xlabel() for axis in display.axes_]
    assert labels == list(model.confint().index)
    assert [axis.get_ylabel() != "" for axis in display.axes_] == [True, False] * 2
    figure, axes = plt.subplots(1, 4)
    assert display.plot(axes).figure_ is figure
    with pytest.raises(ValueError, match="ax has 1 axes, expected 4"):
        display.plot(axes[0])


def test_an_end_on_the_boundary_is_where_the_profile_ends(few):
    _, X, y = few
    model = BetaGLMMRegressor("x + (1 | half)", bounds=(0, 100))
    with pytest.warns(SingularFitWarning):
        model.fit(X, y)
    name = "sd(Intercept | half)"
    display = ProfileDisplay.from_estimator(model, X, y, parameters=name)
    assert display.ends_[0][0].get_xdata()[0] == 0
    assert display.ax_.get_title().startswith("95 %: 0 to ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"kind": "root"}, "kind='root' is unknown"), ({"parameters": "EPP"}, "did you mean 'EP'")],
)
def test_profiles_that_cannot_be_drawn_are_refused(batches, arguments, words):
    model, X, y = batches
    with pytest.raises(ValueError, match=words):
        ProfileDisplay.from_estimator(model, X, y, **arguments)
