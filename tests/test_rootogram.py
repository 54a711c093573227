"""Rootograms: frequencies against sums of probabilities, limits against simulation, pictures."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import binom, norm, poisson
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    PoissonGLMMRegressor,
)
from skglmm.inspection import RootogramDisplay
from skglmm.inspection.checks.count_bins import bin_labels, bin_starts
from skglmm.inspection.checks.rootogram import count_frequencies


@pytest.fixture(autouse=True)
def _no_figures_left():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"x": rng.normal(size=400), "site": np.arange(400) // 10})
    mean = np.exp(0.4 + 0.4 * X["x"] + rng.normal(0, 0.6, 40)[X["site"]])
    return X, pd.Series(rng.poisson(mean), name="animals")


@pytest.fixture(scope="module")
def model(data):
    return PoissonGLMMRegressor("x + (1 | site)").fit(*data)


def rootogram(model, X, y, **options):
    return RootogramDisplay.from_estimator(model, X, y, **({"random_state": 0} | options))


# --- frequencies ----------------------------------------------------------------------------------


def test_observed_frequencies_are_those_of_the_counts(model, data):
    table = rootogram(model, *data, level=None).table
    counts = data[1].value_counts()
    assert_array_equal(table["observed"][:5], [counts.get(k, 0) for k in range(5)])
    assert table["observed"].sum() == 400


@pytest.mark.parametrize("kind", ["conditional", "fixed"])
def test_expected_frequencies_are_sums_of_probabilities(model, data, kind):
    X, y = data
    table = rootogram(model, X, y, kind=kind, level=None).table
    mean = model.predict(X, kind=kind)
    expected = [poisson.pmf(k, mean).sum() for k in table["least"][:-1]]
    assert_allclose(table["expected"][:-1], expected, rtol=1e-9)
    assert_allclose(table["expected"].iloc[-1], poisson.sf(table["least"].iloc[-1] - 1, mean).sum())


def test_averages_over_random_effects_are_integrals(model, data):
    X, y = data[0][:8], data[1][:8]
    sd = model.variance_components()["sd"][0]
    table = rootogram(model, X, y, level=None).table
    eta = np.log(model.predict(X, kind="fixed"))

    def chance(k, e):
        return quad(lambda z: poisson.pmf(k, np.exp(e + sd * z)) * norm.pdf(z), -9, 9)[0]

    assert_allclose(table["expected"][:3], [sum(chance(k, e) for e in eta) for k in range(3)])


def test_a_weight_of_two_is_the_row_twice(model, data):
    X, y = data
    w = np.arange(400) % 3
    rows = np.repeat(np.arange(400), w)
    weighted = rootogram(model, X, y, sample_weight=w, bins=[0, 1, 3, 6]).table
    twice = rootogram(model, X.iloc[rows], y.iloc[rows], bins=[0, 1, 3, 6]).table
    pd.testing.assert_frame_equal(weighted, twice)


def test_successes_have_frequencies_within_their_trials():
    X = pd.DataFrame({"n": [4, 6] * 30})
    y = np.tile([1, 2, 2, 5, 0, 6], 10)
    model = BinomialGLMMRegressor("1", trials="n").fit(X, y)
    table = rootogram(model, X, y).table
    p = 1 / (1 + np.exp(-model.intercept_))
    expected = [binom.pmf(k, X["n"], p).sum() for k in range(7)]
    assert_allclose(table["expected"], expected)
    assert table["count"].tolist() == list("0123456")


def test_truncated_counts_have_no_bin_of_zeros(data):
    X, y = data[0][data[1] > 0], data[1][data[1] > 0]
    model = PoissonGLMMRegressor("x", truncated=True).fit(X, y)
    table = rootogram(model, X, y).table
    assert table["least"].iloc[0] == 1
    assert_allclose(table["expected"].sum(), len(y))


def test_a_hurdle_expects_the_zeros_that_there_are(data):
    model = PoissonGLMMRegressor("x", zero="1", zero_kind="hurdle").fit(*data)
    table = rootogram(model, *data).table
    assert_allclose(table["expected"][0], table["observed"][0], rtol=1e-6)


# --- bins -----------------------------------------------------------------------------------------


def test_large_counts_have_wide_bins_and_zeros_one_of_their_own():
    starts = bin_starts(lambda edge: 400 * poisson.sf(edge, 120.0), 0.0, 30)
    assert starts[1] == 1
    assert len(set(np.diff(starts[1:]))) == 1
    assert len(starts) <= 30
    assert bin_labels(starts, np.inf)[:2] == ["0", "1-10"]


def test_bins_of_counts_with_a_long_tail_grow():
    starts = bin_starts(lambda edge: 1e4 / (1 + edge), 0.0, 20)  # one row above 10 000
    assert np.all(np.diff(starts) > 0)
    assert starts[-1] > 9000
    assert starts[2] < 10


def test_few_counts_have_single_bins_up_to_where_one_row_is_expected():
    starts = bin_starts(lambda edge: 100 * poisson.sf(edge, 1.0), 0.0, 30)
    last = starts[-1] - 1
    assert 100 * poisson.sf(last, 1.0) < 1 <= 100 * poisson.sf(last - 1, 1.0)
    assert_array_equal(starts, np.arange(len(starts)))


@pytest.mark.parametrize("bins", [[1, 2], [0, 2, 2], [0, 1.5], []])
def test_bins_must_rise_from_the_smallest_count(model, data, bins):
    with pytest.raises(ValueError, match="increase from 0"):
        rootogram(model, *data, bins=bins)


# --- limits ---------------------------------------------------------------------------------------


def test_a_true_model_stays_inside_and_another_leaves(model, data):
    X, y = data
    assert inside(rootogram(model, X, y))
    for kind in ("conditional", "marginal"):
        zeros = rootogram(model, X, y * (np.arange(400) % 3 > 0), kind=kind)
        assert not inside(zeros)


def inside(display):
    return bool(within(display.table).all())


def within(table):
    return table["observed"].between(table["lower"], table["upper"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["marginal", "conditional"])
def test_all_bins_of_a_true_model_are_inside_in_95_of_100(model, data, kind):
    X = data[0]
    drawn = {"marginal": "new", "conditional": "conditional"}[kind]
    draws = model.sample_y(X, 300, random_state=1, random_effects=drawn)
    asked = {"kind": kind, "bins": 30, "sample_weight": None, "level": 0.95}
    rng = np.random.default_rng(0)
    tables = [count_frequencies(model, X, y, rng=rng, **asked) for y in draws.T]
    kept = np.mean([within(table).all() for table in tables])
    assert kept == pytest.approx(0.95, abs=0.04)  # three standard errors


def test_limits_of_averages_over_the_posterior(data):
    model = PoissonGLMMRegressor("x + (1 | site)", predict_kind="posterior").fit(*data)
    display = rootogram(model, *data, kind=None)
    assert inside(display)
    found = display.table
    assert np.all((found["lower"] < found["expected"]) & (found["expected"] < found["upper"]))


def test_limits_of_unseen_groups_are_wider_by_their_common_effects(model, data):
    X, y = data
    new = X.assign(site=1000 + X["site"] // 10)
    far = rootogram(model, new, y, kind="conditional").table
    near = rootogram(model, X, y, kind="conditional").table
    assert far["upper"][0] - far["lower"][0] > 1.5 * (near["upper"][0] - near["lower"][0])


# --- pictures -------------------------------------------------------------------------------------


def test_bars_hang_from_the_expected_roots(model, data):
    display = rootogram(model, *data)
    roots = np.sqrt(display.table[["observed", "expected"]].to_numpy())
    tops = [bar.get_y() for bar in display.bars_]
    assert_allclose(tops, roots[:, 1])
    assert_allclose([bar.get_height() for bar in display.bars_], -roots[:, 0])
    assert_allclose(display.line_.get_ydata(), roots[:, 1])
    assert display.ax_.get_xlabel() == "animals"


def test_bars_stand_or_are_suspended(model, data):
    display = rootogram(model, *data, style="standing", level=None)
    roots = np.sqrt(display.table[["observed", "expected"]].to_numpy())
    assert display.band_ is None
    assert_allclose([bar.get_height() for bar in display.bars_], roots[:, 0])
    display.plot(style="suspended")
    heights = [bar.get_height() for bar in display.bars_]
    assert_allclose(heights, roots[:, 1] - roots[:, 0], atol=1e-12)
    assert_array_equal(display.line_.get_ydata(), 0.0)


def test_bars_that_leave_the_limits_are_dark(model, data):
    X, y = data
    display = rootogram(model, X, y * (np.arange(400) % 3 > 0))
    dark = [sum(bar.get_facecolor()[:3]) < 1.5 for bar in display.bars_]
    assert dark == (~within(display.table)).tolist()
    assert dark[0]


def test_pipelines_and_searches_are_looked_into(data):
    X, y = data
    same = FunctionTransformer(lambda frame: frame)
    pipe = make_pipeline(same, PoissonGLMMRegressor("x + (1 | site)"))
    search = GridSearchCV(pipe, {"poissonglmmregressor__tol": [1e-7]}, cv=2).fit(X, y)
    display = rootogram(search, X, y, level=None)
    assert len(display.table) > 5


# --- refusals -------------------------------------------------------------------------------------


def test_other_responses_are_sent_to_their_displays(data):
    X, y = data
    share = BetaGLMMRegressor("x").fit(X, 0.1 + 0.8 * (y > 1) * 0.9)
    with pytest.raises(ValueError, match="DiagnosticsDisplay"):
        rootogram(share, X, y)
    classes = BinomialGLMMClassifier("x").fit(X, y > 1)
    with pytest.raises(ValueError, match="GroupCalibrationDisplay"):
        rootogram(classes, X, y > 1)


def test_what_cannot_be_drawn_is_told(model, data):
    X, y = data
    with pytest.raises(ValueError, match="style='hung'"):
        rootogram(model, X, y, style="hung")
    with pytest.raises(ValueError, match="too many to be simulated"):
        rootogram(model, X, y, sample_weight=np.full(400, 1e6))
    with pytest.raises(ValueError, match="not whole"):
        rootogram(model, X, y + 0.5)
    with pytest.raises(ValueError, match="level=2"):
        rootogram(model, X, y, level=2)
