"""Predictions for many rows, a slice at a time: nothing but memory tells."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from skglmm import BetaGLMMRegressor, DesignError
from skglmm.estimators.reading import slices as _slices
from skglmm.inference.prediction import intervals as _intervals

N = 23


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"x": rng.normal(size=200), "g": np.repeat(list("abcdefghij"), 20)})
    frame["k"] = np.resize(["low", "high"], 200)
    mean = expit(0.3 + 0.5 * frame["x"] + np.repeat(rng.normal(0, 0.7, 10), 20))
    y = 100 * rng.beta(9 * mean, 9 * (1 - mean))
    return BetaGLMMRegressor("x + k + (1 | g)", precision="x", bounds=(0, 100)).fit(frame, y)


@pytest.fixture
def rows():
    """Rows of known and of unseen groups, with an index of their own."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=N), "g": np.resize(list("abzcdy"), N), "k": "low"})
    return frame.set_axis(np.arange(N) * 10 + 5)


@pytest.fixture
def small(monkeypatch):
    """Slices of five rows, intervals of three."""
    monkeypatch.setattr(_slices, "ROWS", 5)
    monkeypatch.setattr(_intervals, "CHUNK", 3)


ASKED = {
    "predict": lambda model, X, kind: model.predict(X, kind),
    "spread": lambda model, X, kind: model.predict(X, kind, return_std=True),
    "linear": lambda model, X, kind: model.predict_linear(X, kind=kind),
    "precision": lambda model, X, kind: model.predict_linear(X, "precision", True, kind=kind),
    "mean": lambda model, X, kind: model.predict_interval(X, kind=kind),
    "response": lambda model, X, kind: model.predict_interval(X, "response", kind=kind),
    "quantile": lambda model, X, kind: model.predict_quantile(X, [0.9, 0.1, 0.5], kind=kind),
    "frame": lambda model, X, kind: model.predict_frame(X, kind=kind),
}


@pytest.mark.parametrize("kind", ["conditional", "fixed", "marginal"])
@pytest.mark.parametrize("asked", ASKED)
def test_slices_change_no_answer(model, rows, request, asked, kind):
    whole = ASKED[asked](model, rows, kind)
    request.getfixturevalue("small")
    found = ASKED[asked](model, rows, kind)
    assert_allclose(found, whole, rtol=1e-6)  # rules of quadrature depend on their neighbors
    assert type(found) is type(whole)
    assert np.shape(found) == np.shape(whole)


def test_a_table_keeps_its_index_and_its_missing_answers(model, rows, small, monkeypatch):
    monkeypatch.setattr(model, "new_groups", "nan")
    table = model.predict_frame(rows)
    assert_array_equal(table.index, rows.index)
    assert_array_equal(table["mean"].isna(), rows["g"].isin(["y", "z"]))
    assert_array_equal(table["obs_ci_upper"].isna(), table["mean"].isna())


def test_bounds_move_means_and_limits_and_no_standard_errors(rows):
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"x": rng.normal(size=200), "g": np.repeat(list("abcdefghij"), 20)})
    mean = expit(0.3 + 0.5 * frame["x"] + np.repeat(rng.normal(0, 0.7, 10), 20))
    y = 100 * rng.beta(9 * mean, 9 * (1 - mean))
    fits = (
        BetaGLMMRegressor("x + (1 | g)", bounds=(low, low + 100)).fit(frame, y + low)
        for low in (0, 1000)
    )
    here, there = (model.predict_frame(rows) for model in fits)
    moved = here + 1000 * (here.columns != "mean_se")
    assert_allclose(there, moved, rtol=1e-5)


@pytest.mark.parametrize("form", ["polars", "array"])
def test_other_forms_of_rows_are_sliced_too(form, small):
    rng = np.random.default_rng(9)
    X = np.column_stack([rng.normal(size=60), np.repeat(np.arange(6), 10)])
    y = rng.beta(8 * expit(0.4 * X[:, 0] + X[:, 1] / 3), 6)
    if form == "polars":
        pl = pytest.importorskip("polars")
        X = pl.DataFrame({"x0": X[:, 0], "x1": X[:, 1].astype(int)})
    model = BetaGLMMRegressor("x0 + (1 | x1)").fit(X, y)
    found = model.predict(X)
    assert found.shape == (60,)
    one = model.predict(X[7:8])
    assert_allclose(found[7], one[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("x", np.nan, "2 missing (NaN) values in 23 rows, the first in row 12"),
        ("x", [1], "in row 12"),
        ("g", None, "2 missing (NaN) values in 23 rows, the first in row 12"),
        ("k", "middle", "levels that fit did not see, 'middle'"),
    ],
)
def test_refusals_speak_of_all_rows(model, rows, small, column, value, says):
    bad = rows.copy()
    if isinstance(value, list):
        bad[column] = bad[column].astype(object)
        bad.iat[12, 0], bad.iat[21, 0] = value, value
    else:
        bad.iloc[[12, 21], bad.columns.get_loc(column)] = value
    with pytest.raises((DesignError, TypeError), match=re.escape(says)):
        model.predict(bad)


def test_unseen_groups_are_counted_over_all_rows(model, rows, small, monkeypatch):
    monkeypatch.setattr(model, "new_groups", "error")
    count = rows["g"].isin(["y", "z"]).sum()
    with pytest.raises(ValueError, match=f"{count} of {N} rows .* such as 'z', 'y'"):
        model.predict_interval(rows)


def test_functions_of_the_user_see_all_rows(small):
    rng = np.random.default_rng(10)
    X = pd.DataFrame({"x": rng.normal(size=40)})
    model = BetaGLMMRegressor("center(x)", context={"center": lambda x: x - x.mean()})
    model.fit(X, rng.beta(8 * expit(X["x"]), 4))
    expected = model.intercept_ + model.coef_[0] * (X["x"] - X["x"].mean())
    assert_allclose(model.predict_linear(X), expected)


def test_a_slice_has_fewer_rows_where_a_design_has_many_columns(model):
    layout = model._spec.layout
    assert _slices.rows_at_a_time(layout) == _slices.ROWS
    n_columns = 3 + 2 + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_slices, "CELLS", 100)
        assert _slices.rows_at_a_time(layout) == 100 // n_columns
        patch.setattr(_slices, "CELLS", 1)
        assert _slices.rows_at_a_time(layout) == 1
