"""Pictures of categories: points with limits side by side, groups as dots, data behind."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit

from skglmm import BetaGLMMRegressor
from skglmm.inspection import PredictionDisplay, data_grid

DOSES = ["none", "some", "much"]


@pytest.fixture(autouse=True)
def _no_figures_left():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def trial(seed=4):
    """Fifteen pots, five of each dose, at six unevenly spaced visits."""
    rng = np.random.default_rng(seed)
    pot = np.repeat(np.arange(15), 6)
    X = pd.DataFrame(
        {
            "pot": [f"pot {k}" for k in pot],
            "dose": pd.Categorical(np.array(DOSES)[pot % 3], DOSES, ordered=True),
            "wet": pot % 2 == 0,
            "visit": np.tile([0, 1, 2, 4, 8, 16], 15),
        }
    )
    mu = expit(0.5 * (pot % 3) + 0.05 * X["visit"] + rng.normal(0, 0.6, 15)[pot]).to_numpy()
    return X, pd.Series(rng.beta(10 * mu, 10 * (1 - mu)), name="cover")


@pytest.fixture(scope="module")
def pots():
    X, y = trial()
    return BetaGLMMRegressor("dose + wet + (1 | pot)").fit(X, y), X, y


@pytest.fixture(scope="module")
def visits():
    X, y = trial()
    return BetaGLMMRegressor("dose * C(visit) + (1 | pot)").fit(X, y), X, y


def texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def labels(display):
    return [label.get_text() for label in display.ax_.get_xticklabels()]


def test_categories_keep_their_order_and_have_the_predicted_means(pots):
    model, X, y = pots
    display = PredictionDisplay.from_estimator(model, X, y, feature="dose")
    assert display.levels == labels(display) == DOSES
    (curve,), (line,), (bars,) = display.curves, display.lines_, display.bands_
    assert_array_equal(line.get_xdata(), [0, 1, 2])
    wet = X["wet"].mean()
    for dose, mean in zip(DOSES, curve.mean, strict=True):
        rows = pd.DataFrame({"dose": [dose] * 2, "wet": [True, False]})
        expected = np.average(model.predict(rows, kind="marginal"), weights=[wet, 1 - wet])
        assert_allclose(mean, expected, rtol=1e-9)
    assert isinstance(bars, LineCollection)
    assert_array_equal([part[:, 1] for part in bars.get_segments()], curve.limits)
    assert (curve.limits[:, 0] < curve.mean).all()
    assert (curve.limits[:, 1] > curve.mean).all()
    assert texts(display) == ["average over groups\nand wet", "95 % limits of the mean", "data"]


def test_data_stand_behind_their_category_side_by_side(pots):
    model, X, y = pots
    display = PredictionDisplay.from_estimator(model, X, y, feature="dose")
    (points,) = display.scatters_
    places = points.get_offsets()
    assert len(places) == 90
    codes = X["dose"].cat.codes.to_numpy()
    assert_allclose(places[:, 0], codes, atol=0.3)
    assert len(set(places[:, 0].round(6))) == 90
    again = PredictionDisplay.from_estimator(model, X, y, feature="dose")
    assert_array_equal(again.scatters_[0].get_offsets(), places)
    assert points.get_zorder() < display.bands_[0].get_zorder() < display.lines_[0].get_zorder()


def test_many_groups_are_dots_beside_their_average(pots):
    model, X, y = pots
    display = PredictionDisplay.from_estimator(model, X, y, feature="dose", by="pot")
    assert len(display.lines_) == 15
    assert display.bands_ == []
    for curve in display.curves:  # each pot has one dose
        rows = X[X["pot"] == curve.group[0]].head(1)
        assert_allclose(curve.mean, model.predict(rows), rtol=1e-12)
        assert_array_equal(curve.x, rows["dose"].cat.codes)
    assert_array_equal(display.overall.x, [0, 1, 2])
    (average,) = display.overall_lines_
    assert average.get_zorder() > max(line.get_zorder() for line in display.lines_)
    words = ["15 groups of\npot", "average over groups\nand wet", "95 % limits of the mean", "data"]
    assert texts(display) == words


def test_a_number_that_the_model_takes_as_categories_is_drawn_as_such(visits):
    model, X, y = visits
    display = PredictionDisplay.from_estimator(model, X, y, feature="visit", by="dose")
    assert labels(display) == ["0", "1", "2", "4", "8", "16"]
    grid = data_grid(X, by="dose", visit=[0, 1, 2, 4, 8, 16])
    means = np.concatenate([curve.mean for curve in display.curves])
    assert_allclose(means, model.predict(grid, kind="marginal"), rtol=1e-12)
    limits = np.concatenate([curve.limits for curve in display.curves])
    assert_allclose(limits, model.predict_interval(grid, kind="marginal"), rtol=1e-12)
    assert texts(display)[:3] == DOSES


def test_groups_stand_side_by_side_with_shapes_and_colors_of_their_own(visits):
    model, X, y = visits
    display = PredictionDisplay.from_estimator(model, X, y, feature="visit", by="dose")
    places = np.array([line.get_xdata() for line in display.lines_])
    assert (np.diff(places, axis=0) > 0.2).all()
    assert (np.abs(places - np.arange(6)) < 0.5).all()
    assert len({line.get_marker() for line in display.lines_}) == 3
    assert len({line.get_color() for line in display.lines_}) == 3
    for line, points in zip(display.lines_, display.scatters_, strict=True):
        off = points.get_offsets()[:, 0, None] - line.get_xdata()
        assert np.abs(off).min(axis=1).max() < 0.13


def test_panels_and_a_curve_to_compare_with(visits):
    model, X, y = visits
    display = PredictionDisplay.from_estimator(
        model, X, y, feature="visit", by="dose", facet="dose", reference="fixed"
    )
    assert [axis.get_title() for axis in display.axes_] == DOSES
    assert texts(display)[1] == "typical group, average\nover dose"
    assert len(display.overall_lines_) == 3
    display.figure_.canvas.draw()


def test_levels_of_a_grouping_factor_are_drawn_with_their_own_means(pots):
    model, X, y = pots
    display = PredictionDisplay.from_estimator(model, X, y, feature="pot")
    (curve,) = display.curves
    rows = data_grid(X, by="pot")
    assert_allclose(curve.mean, model.predict(rows), rtol=1e-12)
    assert texts(display)[0] == "mean of the group"
    numbered = X.assign(pot=X["pot"].str[4:].astype(int))
    again = BetaGLMMRegressor("dose + wet + (1 | pot)").fit(numbered, y)
    display = PredictionDisplay.from_estimator(again, numbered, y, feature="pot")
    assert labels(display) == [str(k) for k in range(15)]


def test_a_factor_in_the_formula_and_in_a_term_is_averaged_over_groups():
    X, y = trial()
    X = X.assign(half=np.where(X["visit"] > 2, "late", "early"))
    model = BetaGLMMRegressor("half + (1 | pot) + (1 | pot:half)", inference=False)
    cell = pd.factorize(X["pot"] + X["half"])[0]
    model.fit(X, expit(logit(y) + np.random.default_rng(7).normal(0, 0.8, 30)[cell]))
    display = PredictionDisplay.from_estimator(model, X, feature="half", interval=None)
    rows = pd.DataFrame({"half": ["early", "late"]})
    assert_allclose(display.curves[0].mean, model.predict(rows, kind="marginal"), rtol=1e-9)
    one = PredictionDisplay.from_estimator(model, X, feature="half", by="pot", interval=None)
    means = np.concatenate([curve.mean for curve in one.curves])
    assert_allclose(means, model.predict(data_grid(X, by=["pot", "half"])), rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (lambda k: k % 2 == 0, ["False", "True"]),
        (lambda k: np.array(["b", "a"])[k % 2], ["a", "b"]),
        (
            lambda k: pd.Timestamp("2020-05-01") + pd.to_timedelta(k % 2, "D"),
            ["2020-05-01", "2020-05-02"],
        ),
        (lambda k: pd.Categorical(np.array(["z", "a"])[k % 2], ["z", "unused", "a"]), ["z", "a"]),
    ],
)
def test_columns_of_every_kind_are_drawn_in_order(values, expected):
    X, y = trial()
    X = X.assign(kind=values(np.arange(len(X))))
    model = BetaGLMMRegressor("kind + (1 | pot)")
    if isinstance(X["kind"].iloc[0], pd.Timestamp):
        model = BetaGLMMRegressor("1 + (1 | pot) + (1 | kind)")
        y = np.where(np.arange(len(X)) % 2, y, 0.5 * y)
    model.fit(X, y)
    display = PredictionDisplay.from_estimator(model, X, y, feature="kind")
    assert labels(display) == expected
    assert_array_equal(display.curves[0].x, [0, 1])


def test_frames_of_polars_and_arrays_are_drawn_alike(pots):
    model, X, y = pots
    expected = PredictionDisplay.from_estimator(model, X, y, feature="dose").curves[0].mean
    polar = pl.DataFrame(X.astype({"dose": str}).to_dict("list"))
    polar = polar.with_columns(pl.col("dose").cast(pl.Enum(DOSES)))
    found = PredictionDisplay.from_estimator(model, polar, y, feature="dose").curves[0].mean
    assert_allclose(found, expected, rtol=1e-12)
    array = X[["dose", "pot"]].astype(object).to_numpy()
    again = BetaGLMMRegressor("x0", groups=1).fit(array, y)
    display = PredictionDisplay.from_estimator(again, array, y, feature=0)
    assert labels(display) == sorted(DOSES)


def test_long_labels_are_slanted_and_overlap_nowhere(pots):
    _, X, y = pots
    for n, size in ((14, 40), (60, 8)):
        X = X.assign(kind=[f"kind {k % n:02d} ".ljust(size, "x") for k in range(90)])
        model = BetaGLMMRegressor("(1 | kind)", inference=False)
        model.fit(X, np.where(np.arange(90) % n < n // 2, y, 0.3 * y))
        display = PredictionDisplay.from_estimator(model, X, y, feature="kind", interval=None)
        display.figure_.canvas.draw()
        ticks = display.ax_.get_xticklabels()
        assert {tick.get_rotation() for tick in ticks} <= {35.0, 90.0}
        assert max(len(tick.get_text()) for tick in ticks) <= 20
        assert display.ax_.get_window_extent().height > 1.8 * display.figure_.dpi
        gap = np.diff([tick.get_window_extent().x1 for tick in ticks])
        assert gap.min() > ticks[0].get_fontsize() * display.figure_.dpi / 72 * 0.9


def test_means_that_are_not_determined_are_left_out(pots, monkeypatch):
    model, X, y = pots
    means = BetaGLMMRegressor._means

    def gappy(self, frame, *args, **kwargs):
        found = means(self, frame, *args, **kwargs)
        return np.where(frame["dose"] == "some", np.nan, found)

    monkeypatch.setattr(BetaGLMMRegressor, "_means", gappy)
    for by in (None, "wet", "pot"):
        display = PredictionDisplay.from_estimator(model, X, y, feature="dose", by=by)
        display.figure_.canvas.draw()
        curve = display.overall if by == "pot" else display.curves[0]
        assert_array_equal(np.isnan(curve.mean), [False, True, False])


def test_too_many_categories_are_refused_in_words(pots):
    model, X, _ = pots
    X = pd.concat([X, X]).assign(row=[f"row {k}" for k in range(180)])
    with pytest.raises(ValueError, match="has 180 categories, of at most 100 side by side"):
        PredictionDisplay.from_estimator(model, X, feature="row")


def test_missing_categories_are_refused_in_words(pots):
    model, X, y = pots
    X = X.assign(dose=X["dose"].where(X["visit"] > 0))
    with pytest.raises(ValueError, match="column 'dose' has 15 missing values"):
        PredictionDisplay.from_estimator(model, X, y, feature="dose")


def test_arguments_reach_points_and_limits(pots):
    model, X, y = pots
    display = PredictionDisplay.from_estimator(
        model,
        X,
        y,
        feature="dose",
        line_kwargs={"markersize": 11, "linestyle": ":"},
        fill_kwargs={"linewidth": 5},
        scatter_kwargs={"s": 3},
    )
    assert display.lines_[0].get_markersize() == 11
    assert display.lines_[0].get_linestyle() == ":"
    assert display.bands_[0].get_linewidth() == [5]
    assert_array_equal(display.scatters_[0].get_sizes(), [3])
