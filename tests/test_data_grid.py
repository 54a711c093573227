"""Grids of rows to predict: ranges by group, typical values, types, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, ndtr

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons
from skglmm.inspection import data_grid


@pytest.fixture(name="X")
def dragons_with_more_columns():
    frame = make_dragons(random_state=3).drop(columns="testScore")
    k = np.arange(len(frame)) % 7
    return frame.assign(
        age=k,
        wing=np.linspace(0, 1, len(frame)) ** 2,
        sick=k > 4,
        born=pd.Timestamp("2020-01-01") + pd.to_timedelta(k, unit="D"),
        color=pd.Categorical(np.array(["red", "green"])[(k == 0).astype(int)], ["red", "green"]),
        cave=frame["mountainRange"] + " " + frame["site"],
    )


def test_numbers_run_through_each_groups_own_range(X):
    grid = data_grid(X, by="mountainRange", n=5, bodyLength=...)
    for name, rows in X.groupby("mountainRange"):
        found = grid.loc[grid["mountainRange"] == name, "bodyLength"]
        expected = np.linspace(rows["bodyLength"].min(), rows["bodyLength"].max(), 5)
        assert_array_equal(found, expected)
    assert grid["mountainRange"].is_monotonic_increasing
    assert_array_equal(grid.index, np.arange(8 * 5))


def test_a_number_is_that_many_points_and_values_are_the_same_in_each_group(X):
    assert len(data_grid(X, by="site", bodyLength=4)) == 3 * 4
    listed = data_grid(X, by="site", bodyLength=[200, 150.5])
    assert_array_equal(listed["bodyLength"], [200, 150.5] * 3)
    assert_array_equal(data_grid(X, bodyLength=200.0)["bodyLength"], [200.0])


def test_the_other_columns_are_typical_in_their_own_types(X):
    grid = data_grid(X, by="mountainRange", bodyLength=2)
    assert list(grid.columns) == list(X.columns)
    assert_array_equal(grid.dtypes, X.dtypes)
    assert_allclose(grid["wing"], X["wing"].median(), rtol=0)
    assert set(grid["age"]) == {3}  # of 0 to 6, evenly
    assert set(grid["sick"]) == {False}
    assert set(grid["born"]) == {pd.Timestamp("2020-01-04")}
    assert set(grid["color"]) == {"red"}


def test_the_median_of_whole_numbers_is_one_of_them():
    X = pd.DataFrame({"k": [1, 2, 9, 10], "x": [0.0, 1, 2, 3]})
    assert_array_equal(data_grid(X, x=2)["k"], [2, 2])


def test_a_category_that_a_group_has_not_gives_way_to_one_that_it_has(X):
    caves = data_grid(X, by="mountainRange")
    assert_array_equal(caves["cave"], caves["mountainRange"] + " a")
    most = pd.DataFrame({"g": list("aaabbb"), "c": list("xxxyzz")})
    assert_array_equal(data_grid(most, by="g")["c"], ["x", "z"])


def test_only_combinations_that_occur_are_in_the_grid(X):
    X = X[(X["mountainRange"] != "Julian") | (X["site"] == "b")]
    grid = data_grid(X, by=["mountainRange", "site"], bodyLength=3)
    pairs = X[["mountainRange", "site"]].drop_duplicates()
    assert len(grid) == 3 * len(pairs) == 3 * 22
    assert len(grid.merge(pairs)) == len(grid)


def test_several_columns_are_crossed_and_categories_are_those_of_the_group(X):
    grid = data_grid(X, bodyLength=[1, 2], site=..., color=["green"])
    assert_array_equal(grid["bodyLength"], np.repeat([1, 2], 3))
    assert_array_equal(grid["site"], [*"abcabc"])
    caves = data_grid(X, by="mountainRange", cave=...)
    assert (caves["cave"].str.split().str[0] == caves["mountainRange"]).all()
    assert len(caves) == 24


def test_a_group_with_one_value_has_one_point():
    X = pd.DataFrame({"g": ["a", "a", "b"], "x": [1.0, 2.0, 5.0]})
    grid = data_grid(X, by="g", x=3)
    assert_array_equal(grid["g"], ["a", "a", "a", "b"])
    assert_array_equal(grid["x"], [1, 1.5, 2, 5])


def test_without_columns_there_is_a_row_for_each_group(X):
    assert len(data_grid(X)) == 1
    assert len(data_grid(X, by=["site", "mountainRange"])) == 24


def test_missing_values_of_other_columns_do_not_count(X):
    wing = X["wing"].mask(X["wing"] > 0.1)
    grid = data_grid(X.assign(wing=wing, age=X["age"].astype("Int64").mask(X["age"] > 2)))
    assert grid["wing"].item() == wing.median()
    assert grid["age"].item() == 1
    assert np.isnan(data_grid(X.assign(wing=np.nan))["wing"].item())


def test_polars_give_a_pandas_frame(X):
    X = X[["bodyLength", "site", "age"]]
    found = data_grid(pl.DataFrame(X.to_dict("list")), by="site", bodyLength=4)
    pd.testing.assert_frame_equal(found, data_grid(X, by="site", bodyLength=4), check_dtype=False)


def test_arrays_number_their_columns_and_models_take_the_grid():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=80), np.repeat(np.arange(8), 10)])
    y = rng.beta(2 + X[:, 1], 4)
    grid = data_grid(X, by="x1", x0=3)
    assert list(grid.columns) == [0, 1]
    assert len(grid) == 24
    model = BetaGLMMRegressor("x0", groups=1).fit(X, y)
    assert_array_equal(model.predict(grid), model.predict(grid.to_numpy()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"by": "mountainrange"}, "did you mean 'mountainRange'"),
        ({"bodylength": 3}, "did you mean 'bodyLength'"),
        ({"by": ["site", "site"]}, "twice"),
        ({"by": "site", "site": "a"}, "choose their rows of X first"),
        ({"n": 0}, "n=0 must be a number of points"),
        ({"n": [1, 2]}, "rename it"),
        ({"bodyLength": 0}, "bodyLength=0: expected a number of points"),
        ({"bodyLength": "long"}, "holds numbers"),
        ({"bodyLength": [1, np.nan]}, "finite"),
        ({"bodyLength": []}, "shape (0,)"),
        ({"site": 2}, "site=['a']"),
        ({"color": ["blue"]}, "no category 'blue'; it has ['red', 'green']"),
        ({"gap": 3}, "column 'gap' has 2 missing values in 480 rows, the first in row 7"),
        ({"by": "hole"}, "column 'hole' has 480 missing values"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(X, arguments, words):
    X = X.assign(gap=X["wing"].mask(X.index.isin([7, 9])), hole=None)
    with pytest.raises(ValueError, match=r".") as caught:
        data_grid(X, **arguments)
    assert words in str(caught.value)


def test_an_empty_table_is_refused(X):
    with pytest.raises(ValueError, match=r"shape \(0, "):
        data_grid(X.head(0), by="site")


def test_columns_that_the_groups_determine_keep_their_values():
    rng = np.random.default_rng(0)
    plot = np.repeat(np.arange(101, 113), 5)
    X = pd.DataFrame(
        {
            "plot": plot,
            "site": (plot - 101) // 3 + 1,  # a number, as labels often are
            "altitude": np.repeat(rng.uniform(100, 900, 12), 5),
            "burnt": np.repeat(np.arange(12) % 3 == 0, 5),
            "rain": rng.uniform(size=60),
        }
    )
    own = X.groupby("plot").first()
    grid = data_grid(X, by="plot", rain=3).groupby("plot")
    for name in ("site", "altitude", "burnt"):
        assert (grid[name].nunique() == 1).all()
        assert_array_equal(grid[name].first(), own[name])
    assert set(data_grid(X, by="plot")["rain"]) == {X["rain"].median()}
    gap = X.assign(altitude=X["altitude"].mask(X["plot"] == 101))
    assert set(data_grid(gap, by="plot")["altitude"]) == {gap["altitude"].median()}


@pytest.mark.parametrize(
    ("formula", "link", "inverse", "expected"),
    [  # emmeans 1.8.4.1 of glmmTMB 1.1.5, ~ trt, type = "response"
        ("trt + sex + x + (1 | g)", "logit", expit, [0.3814993, 0.5102944]),
        ("trt * sex + x + (1 | g)", "probit", ndtr, [0.3879196, 0.5090489]),
    ],
)
def test_linear_predictors_averaged_over_a_grid_are_those_of_emmeans(
    formula, link, inverse, expected
):
    rng, n = np.random.default_rng(5), 300
    X = pd.DataFrame(
        {
            "g": np.arange(n) % 30,
            "trt": rng.choice(["ctrl", "drug"], n),
            "sex": rng.choice(["f", "m"], n, p=[0.3, 0.7]),
            "x": rng.exponential(1, n),
        }
    )
    eta = -1 + 0.5 * (X["trt"] == "drug") + 1.5 * (X["sex"] == "m") - 0.3 * X["x"]
    mu = expit(eta + rng.normal(0, 0.5, 30)[X["g"]]).to_numpy()
    y = rng.beta(mu * 10, (1 - mu) * 10)
    model = BetaGLMMRegressor(formula, link=link).fit(X, y)
    cells = data_grid(X, trt=..., sex=..., x=X["x"].mean())
    assert len(cells) == 4
    averages = pd.Series(model.predict_linear(cells, kind="fixed")).groupby(cells["trt"]).mean()
    assert_allclose(inverse(averages), expected, rtol=1e-5)
    typical = model.predict(data_grid(X, by="trt"), kind="fixed")  # of the more frequent sex
    assert (typical - expected > 0.1).all()
