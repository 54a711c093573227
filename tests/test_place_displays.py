"""Pictures of effects of times and places, and tables of hundreds of them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from numpy.testing import assert_allclose

from skglmm import LMMRegressor
from skglmm.inference import half_width
from skglmm.inspection import DiagnosticsDisplay, PredictionDisplay, RandomEffectsDisplay
from skglmm.inspection.data.row_averages import MOST_PLACES

GROUPS, TIMES = 4, 12
N = GROUPS * TIMES
RNG = np.random.default_rng(0)
X = pd.DataFrame({"t": np.tile(np.arange(TIMES), GROUPS), "g": np.repeat(np.arange(GROUPS), TIMES)})
X[["lon", "lat"]] = RNG.uniform(0, 9, (N, 2)).round(1)
X["week"] = pd.Categorical("w" + (10 + X["t"]).astype(str), ordered=True)
WAVES = np.sin(X["t"] / 2.0 + X["g"]).to_numpy()
Y = WAVES + 0.4 * RNG.normal(size=N)
HILLS = np.sin(X["lon"] / 2.0).to_numpy() + 0.3 * RNG.normal(size=N)


@pytest.fixture(scope="module")
def series():
    return LMMRegressor("ar1(0 + t | g)").fit(X, Y)


@pytest.fixture(scope="module")
def field():
    return LMMRegressor("exp(0 + lon + lat | 1)").fit(X, HILLS)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_effects_of_times_are_lines_with_bands(series):
    display = RandomEffectsDisplay.from_estimator(series)
    assert len(display.axes_) == 1
    lines, table = display.containers_[0], series.random_effects()
    assert [line.get_label() for line in lines] == ["0", "1", "2", "3"]
    own = table[table["level"] == "2"]
    assert_allclose(lines[2].get_xdata(), np.arange(TIMES))
    assert_allclose(lines[2].get_ydata(), own["mode"])
    band = display.ax_.collections[2].get_paths()[0].vertices
    reach = half_width(0.95) * own["std_error"].to_numpy()
    assert_allclose(band[:, 1].max(), (own["mode"] + reach).max())
    assert display.ax_.get_title() == "t | g (95 % limits)"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("t", "effect on the mean")


def test_one_time_has_a_caterpillar(series):
    display = RandomEffectsDisplay.from_estimator(series, effect="t[3]")
    assert display.ax_.get_xlabel() == "effect on the mean"
    known = series.random_effects().query("effect == 't[3]'")["mode"]
    assert_allclose(display.containers_[0].lines[0].get_xdata(), np.sort(known))


def test_categories_of_times_have_their_names():
    model = LMMRegressor("ar1(0 + week | 1)").fit(X, np.sin(X["t"] / 2.0) + 0.3 * Y)
    display = RandomEffectsDisplay.from_estimator(model)
    names = [each.get_text() for each in display.ax_.get_xticklabels()]
    assert (names[0], names[-1]) == ("w10", "w21")


def test_effects_of_places_are_a_map(field):
    display = RandomEffectsDisplay.from_estimator(field)
    points = display.containers_[0]
    assert isinstance(points, PathCollection)
    table = field.random_effects()
    assert_allclose(points.get_array(), table["mode"])
    names = [f"(lon, lat)[{lon:g}, {lat:g}]" for lon, lat in points.get_offsets()]
    assert names == list(table["effect"])
    assert not display.zero_lines_
    assert len(DiagnosticsDisplay.from_estimator(field, X, HILLS, random_state=0).axes_) == 4


@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
def test_many_maps_are_refused_and_many_lines_have_no_bands():
    few, many = np.repeat(np.arange(3), N // 3), np.arange(N) % 16
    grid = X.assign(lon=X["t"] % 4, lat=X["t"] // 4)
    model = LMMRegressor("exp(0 + lon + lat | h)", inference=False)
    maps = RandomEffectsDisplay.from_estimator(model.fit(grid.assign(h=few), HILLS))
    assert [axis.get_title() for axis in maps.axes_] == [f"lon, lat | h {j}" for j in range(3)]
    model.fit(grid.assign(h=many), HILLS)
    with pytest.raises(ValueError, match=r"a map for each of 16 levels, .* a picture of 12"):
        RandomEffectsDisplay.from_estimator(model)
    times = LMMRegressor("ar1(0 + s | h)", inference=False)
    times.fit(X.assign(h=many, s=np.arange(N) // 16), Y)
    display = RandomEffectsDisplay.from_estimator(times)
    assert len(display.containers_[0]) == 16
    assert not display.ax_.collections
    assert "limits" not in display.ax_.get_title()


def test_effects_that_are_not_there_are_refused_with_the_common_name(series):
    with pytest.raises(ValueError, match=r"effect='x' is none of the model's, which are \['t'\]"):
        RandomEffectsDisplay.from_estimator(series, effect="x")


def test_coefficients_of_individuals_are_told_like_their_effects():
    names = [f"a{i}" for i in range(6)]
    kinship = pd.DataFrame(np.eye(6) + 0.25, names, names)
    own = X.assign(id=np.array(names)[np.arange(N) % 5])
    y = Y + np.arange(N) % 5
    model = LMMRegressor("t + known(1 | id, A)", relationships={"A": kinship}).fit(own, y)
    effects, table = model.random_effects(), model.group_coefficients()
    assert list(table["level"]) == list(effects["level"]) == names
    assert set(table["term"]) == {"Intercept[A]"}
    assert_allclose(table["estimate"], effects["mode"])
    assert_allclose(table["std_error"], effects["std_error"])
    display = RandomEffectsDisplay.from_estimator(model)
    assert display.ax_.get_xlabel() == "effect on the mean"


@pytest.mark.parametrize("kind", [None, "fixed"])
def test_curves_over_times_are_at_the_times_of_the_rows(kind):
    rows = X[X["t"] != 5]
    model = LMMRegressor("t + ar1(0 + t | g)").fit(rows, Y[rows.index])
    display = PredictionDisplay.from_estimator(
        model, rows, Y[rows.index], feature="t", by="g", kind=kind
    )
    for curve in display.curves:
        own = pd.DataFrame({"t": np.delete(np.arange(TIMES), 5), "g": int(curve.group[0])})
        assert_allclose(curve.x, own["t"])
        assert_allclose(curve.mean, model.predict(own, kind=kind))


def test_a_time_of_random_effects_alone_is_used(series):
    display = PredictionDisplay.from_estimator(series, X, Y, feature="t", by="g")  # no warning
    assert np.ptp(display.curves[0].mean) > 0.5


def test_curves_of_other_columns_are_averages_over_the_places_of_a_field():
    frame = X.assign(x=np.cos(np.arange(N)))
    model = LMMRegressor("x + exp(0 + lon + lat | 1) + (1 | g)").fit(frame, HILLS)
    display = PredictionDisplay.from_estimator(model, frame, feature="x", n_points=2)
    for x, mean in zip(display.curves[0].x, display.curves[0].mean, strict=True):
        assert_allclose(mean, model.predict(frame.assign(x=x), kind={"1"}).mean())


def test_curves_over_coordinates_are_at_few_new_places(field):
    n = MOST_PLACES // 4
    many = pd.DataFrame({"lon": np.linspace(0, 9, n), "lat": np.linspace(9, 0, n)})
    display = PredictionDisplay.from_estimator(field, many, feature="lon", n_points=20)
    (curve,) = display.curves
    assert curve.averaged == (f"{MOST_PLACES // 20} of {n} rows",)
    at = many.assign(lon=curve.x[0])
    assert_allclose(curve.mean[0], field.predict(at).mean(), rtol=0.02)


@pytest.mark.parametrize("formula", ["s(lon, k=4) + ar1(0 + t | g)", "s(lon, k=4) + (1 | g)"])
def test_smooth_terms_have_no_panel_among_random_effects(formula):
    y = Y + X["g"].to_numpy()
    model = LMMRegressor(formula).fit(X, y)
    (panel,) = RandomEffectsDisplay.from_estimator(model).axes_
    assert panel.get_title().startswith(("t", "Intercept"))
    DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)


def test_whole_times_have_whole_ticks():
    model = LMMRegressor("ar1(0 + t | g)").fit(X.assign(t=X["t"] // 4 + 2005), Y)
    ticks = RandomEffectsDisplay.from_estimator(model).ax_.get_xticks()
    assert (ticks % 1 == 0).all()
