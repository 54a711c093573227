"""SmoothDisplay: the curves of smooth terms are those of the model, and are told as they are."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import BetaGLMMRegressor, LMMRegressor, MultinomialGLMMClassifier
from skglmm.inspection import PredictionDisplay, SmoothDisplay

FORMULA = "f + s(log(x), by=f, k=5) + s(z, by=w, k=4) + s(z, g, bs='fs', k=5)"


@pytest.fixture(autouse=True)
def _no_figures_left():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    n = 160
    X = pd.DataFrame({"x": rng.uniform(1, 9, n), "z": rng.uniform(-1, 1, n)})
    X["f"], X["w"] = np.tile(["a", "b"], n // 2), rng.integers(0, 3, n).astype(float)
    X["g"] = [f"g{k}" for k in np.arange(n) % 5]
    level, slope, bend = (each[np.arange(n) % 5] for each in rng.normal(0, 1, (3, 5)))
    levels = level + slope * X["z"] + bend * np.sin(3 * X["z"])
    eta = np.sin(X["x"]) + (X["f"] == "a") * X["x"] ** 2 / 10 + X["w"] * X["z"] ** 2 + levels
    return X, eta + rng.normal(0, 0.3, n)


@pytest.fixture(scope="module")
def several(data):
    return LMMRegressor(FORMULA).fit(*data)


@pytest.fixture(scope="module")
def drawn(several, data):
    return SmoothDisplay.from_estimator(several, data[0], level=0.8, n_points=7)


@pytest.fixture(scope="module")
def surface(data):
    return LMMRegressor("te(x, z, k=4)").fit(*data)


def test_each_curve_has_a_panel_with_its_band(several, drawn):
    curves = several.curves(level=0.8, n_points=7)
    names = list(several.smooth_terms()["name"])
    assert [panel.name for panel in drawn.panels] == [*names, "s(z, g)"]
    for name, lines, band in zip(names, drawn.lines_, drawn.bands_, strict=False):
        own = curves[curves["name"] == name]
        assert_allclose(lines[0].get_ydata(), own["estimate"])
        ends = band.get_datalim(band.axes.transData)
        assert ends.y0 == pytest.approx(own["conf_low"].min())
        assert ends.y1 == pytest.approx(own["conf_high"].max())


def test_titles_and_axes_tell_names_scales_and_units(several, drawn):
    edf = several.smooth_terms()["edf"].round(1)
    assert [axis.get_title() for axis in drawn.axes_] == [
        f"s(log(x)):f[a]\nedf {edf[0]}, pointwise 80 % band",
        f"s(log(x)):f[b]\nedf {edf[1]}, pointwise 80 % band",
        f"s(z):w\nedf {edf[2]}, pointwise 80 % band",
        "s(z, g)\n5 levels of g",
    ]
    assert [axis.get_xlabel() for axis in drawn.axes_] == ["log(x)", "log(x)", "z", "z"]
    assert [axis.get_ylabel() for axis in drawn.axes_] == [
        *["effect on the mean"] * 2,
        "effect on the mean\nper unit of w",
        "effect on the mean",
    ]


def test_curves_of_levels_are_what_random_effects_add(several, data):
    X, _ = data
    display = SmoothDisplay.from_estimator(several, X, terms="s(z, g)", n_points=6)
    (panel,) = display.panels
    rows = pd.DataFrame({"z": panel.points[:, 0], "x": 2.0, "f": "a", "w": 0.0})
    for level, values in enumerate(panel.values):
        row = rows.assign(g=f"g{level}")
        kinds = [several.predict_linear(row, kind=kind) for kind in ("conditional", "fixed")]
        expected = kinds[0] - kinds[1]
        own = X.loc[X["g"] == f"g{level}", "z"]
        inside = rows["z"].between(own.min(), own.max())
        assert_allclose(values[inside], expected[inside], atol=1e-10)
        assert np.isnan(values[~inside]).all()


def test_ticks_are_those_of_the_rows_that_tell_of_a_curve(several, drawn, data):
    X, _ = data
    shown = [np.sort(rug.get_xdata()) for rug in drawn.rugs_]
    for found, rows in zip(shown, [X["f"] == "a", X["f"] == "b"], strict=False):
        assert_allclose(found, np.unique(np.log(X.loc[rows, "x"])))
    assert_array_equal(shown[2], np.unique(X.loc[X["w"] > 0, "z"]))
    assert_array_equal(shown[3], np.unique(X["z"]))
    assert SmoothDisplay.from_estimator(several, terms="s(z, g)", n_points=5).rugs_ == [None]


def test_curves_on_one_scale_share_their_limits(drawn):
    axes = drawn.axes_
    assert axes[0].get_ylim() == axes[1].get_ylim() == axes[3].get_ylim() != axes[2].get_ylim()


def test_what_calls_have_learned_places_the_ticks(data):
    X, y = data
    model = LMMRegressor("s(center(x), k=4)").fit(X, y)
    some = X.head(20)
    display = SmoothDisplay.from_estimator(model, some, n_points=5)
    expected = np.sort(some["x"] - X["x"].mean())
    assert_allclose(np.sort(display.rugs_[0].get_xdata()), expected)


def test_surfaces_are_contours_and_hatched_far_from_rows(surface, data):
    X, _ = data
    whole = SmoothDisplay.from_estimator(surface, n_points=9)
    curves = surface.curves(n_points=9)
    assert_allclose(whole.panels[0].values[0], curves["estimate"])
    assert whole.colorbars_[0].ax.get_ylabel() == "effect on the mean"
    assert (whole.ax_.get_xlabel(), whole.ax_.get_ylabel()) == ("x", "z")
    assert whole.lines_ == [[]]
    some = X[(X["x"] < 5) | (X["z"] < 0)]
    part = SmoothDisplay.from_estimator(surface, some, n_points=9)
    assert whole.ax_.patch.get_hatch() is None
    assert part.ax_.patch.get_hatch()
    assert len(part.rugs_[0].get_xdata()) == len(some)


def test_simultaneous_bands_are_wider_and_are_told(data):
    X, y = data
    model = BetaGLMMRegressor("s(x, k=5)", precision="s(z, k=4)").fit(X, 1 / (1 + np.exp(-y / 3)))
    one = SmoothDisplay.from_estimator(model, n_points=9)
    all_at_once = SmoothDisplay.from_estimator(model, n_points=9, simultaneous=True)
    widths = [np.diff(display.panels[0].limits, axis=0) for display in (one, all_at_once)]
    assert (widths[1] > widths[0]).all()
    assert "simultaneous 95 % band" in all_at_once.ax_.get_title()
    labels = [axis.get_ylabel() for axis in one.axes_]
    assert labels == ["effect on the log odds", "effect on the precision, log scale"]
    narrow = SmoothDisplay.from_estimator(model, n_points=9, unconditional=False)
    assert (np.diff(narrow.panels[0].limits, axis=0) < np.diff(one.panels[0].limits, axis=0)).all()


def test_each_class_has_a_scale_of_its_own(data):
    X, y = data
    model = MultinomialGLMMClassifier("s(x, k=4)").fit(X, np.digitize(y, [1, 5]))
    display = SmoothDisplay.from_estimator(model, n_points=5)
    assert display.ax_.get_ylabel() == "effect on the predictor of 1, logit scale"


def test_pipelines_and_given_axes_are_drawn_on(data):
    X, y = data
    shift = FunctionTransformer(lambda X: X.assign(x=X["x"] + 100))
    pipeline = make_pipeline(shift, LMMRegressor("s(x, k=4)")).fit(X, y)
    figure, axes = plt.subplots(1, 2)
    display = SmoothDisplay.from_estimator(
        pipeline, X, ax=axes[1], line_kwargs={"color": "k"}, fill_kwargs={"alpha": 0.9}
    )
    assert display.figure_ is figure
    assert display.rugs_[0].get_xdata().min() > 100
    assert display.lines_[0][0].get_color() == "k"
    assert display.bands_[0].get_alpha() == 0.9
    assert display.plot(axes[0]).ax_ is axes[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"terms": "s(w)"}, "'s(w)' is none of the smooths of the model: ['s(log(x)):f[a]'"),
        ({"n_points": 0}, "n_points=0"),
        ({"level": 2}, "level"),
        ({"ax": "one"}, "ax has 1 axes, expected 4"),
    ],
)
def test_smooths_that_cannot_be_drawn_are_refused(several, arguments, words):
    if "ax" in arguments:
        arguments = {"ax": plt.subplots()[1]}
    with pytest.raises(ValueError, match=r".") as caught:
        SmoothDisplay.from_estimator(several, **arguments)
    assert words in str(caught.value)


def test_models_without_smooths_and_other_estimators_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match=r"no smooth terms to show.*s\(x\)"):
        SmoothDisplay.from_estimator(LMMRegressor("x").fit(X, y))
    line = LinearRegression().fit(X[["x"]], y)
    with pytest.raises(TypeError, match="ends in, a LinearRegression"):
        SmoothDisplay.from_estimator(line)
    model = LMMRegressor("t2(x, z, w, k=3)", inference=False).fit(X, y)
    with pytest.raises(ValueError, match="function of 3 variables, which has no picture"):
        SmoothDisplay.from_estimator(model)
    model = LMMRegressor("s(x, k=4)", inference=False).fit(X, y)
    with pytest.raises(ValueError, match="inference"):
        SmoothDisplay.from_estimator(model)


def test_means_over_another_column_average_over_the_covariates_of_smooths(data):
    X, y = data
    model = LMMRegressor("w + f + s(x, by=f, k=5) + s(z, g, bs='fs', k=5)").fit(X, y)
    display = PredictionDisplay.from_estimator(model, X, feature="w", n_points=2)
    for w, mean in zip(display.curves[0].x, display.curves[0].mean, strict=True):
        assert mean == pytest.approx(model.predict(X.assign(w=w), kind="marginal").mean())
    display = PredictionDisplay.from_estimator(
        model, X, feature="w", by="g", n_points=2, reference="fixed"
    )
    assert display.curves[3].mean[0] == pytest.approx(
        model.predict(X[X["g"] == "g3"].assign(w=0.0), kind="conditional").mean()
    )
    words = [text.get_text() for text in display.legend_.get_texts()]
    assert any(each.startswith("typical group") for each in words)
