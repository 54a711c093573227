"""Observed and predicted means of groups of rows, and scores of ordered probabilities."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.exceptions import DesignError
from skglmm.inspection import GroupCalibrationDisplay, calibration
from skglmm.model_selection import ranked_probability_scorer


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    X = pd.DataFrame(
        {
            "x": rng.normal(size=600),
            "g": np.arange(600) // 10,
            "site": rng.choice(["a", "b", "c"], 600),
        }
    )
    eta = 0.7 * X["x"] + rng.normal(size=60)[X["g"]] + 1.2 * (X["site"] == "b")
    return X, np.where(rng.random(600) < 1 / (1 + np.exp(-eta)), "sick", "healthy"), eta


@pytest.fixture(scope="module")
def model(data):
    return BinomialGLMMClassifier("x + (1 | g)").fit(data[0], data[1])


# --- calibration ----------------------------------------------------------------------------------


def test_groups_have_their_shares_and_mean_probabilities(model, data):
    X, y, _ = data
    found = calibration(model, X, y, by="site").set_index("site")
    event = pd.Series(y == "sick").groupby(X["site"]).mean()
    p = pd.Series(model.predict_proba(X)[:, 1])
    assert_allclose(found["observed"], event)
    assert_allclose(found["predicted"], p.groupby(X["site"]).mean())
    error = np.sqrt((p * (1 - p)).groupby(X["site"]).sum()) / X.groupby("site").size()
    assert_allclose(found["std_error"], error)
    assert_allclose(found["z"], (found["observed"] - found["predicted"]) / error)


def test_what_a_model_leaves_out_is_found(model, data):
    z = calibration(model, *data[:2], by="site")["z"]
    assert z[1] > 3.0
    assert z[0] < -2.0


def test_without_groups_there_are_bins_of_equally_many_rows(model, data):
    found = calibration(model, *data[:2], n_bins=5)
    assert found["n"].tolist() == [120.0] * 5
    assert found["predicted"].is_monotonic_increasing
    equal = calibration(model, *data[:2], n_bins=700)
    assert len(equal) == len(np.unique(model.predict_proba(data[0])[:, 1]))


def test_a_weight_of_two_is_the_row_twice(model, data):
    X, y, _ = data
    weights = np.resize([1.0, 2.0, 0.0], 600)
    rows = np.repeat(np.arange(600), weights.astype(int))
    found = calibration(model, X, y, "site", sample_weight=weights)
    twice = calibration(model, X.iloc[rows], y[rows], "site")
    pd.testing.assert_frame_equal(found, twice)


def test_means_of_numbers_are_compared_on_their_scale(data):
    X, _, eta = data
    y = np.random.default_rng(0).poisson(np.exp(eta))
    model = PoissonGLMMRegressor("x + site + (1 | g)").fit(X, y)
    found = calibration(model, X, y, by="site").set_index("site")
    assert_allclose(found["observed"], pd.Series(y).groupby(X["site"]).mean())
    assert np.abs(found["z"]).max() < 1.0


def test_bounds_are_those_of_the_response():
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"x": rng.normal(size=200), "part": np.arange(200) % 2})
    y = 100 * rng.beta(2, 2, 200)
    found = calibration(BetaGLMMRegressor("x", bounds=(0, 100)).fit(X, y), X, y, by="part")
    assert_allclose(found["observed"], [y[::2].mean(), y[1::2].mean()])
    assert np.abs(found["z"]).max() < 3.0


def test_columns_that_a_pipeline_drops_make_groups(model, data):
    X, y, _ = data
    pipe = make_pipeline(FunctionTransformer(lambda rows: rows[["x", "g"]]), model)
    found = calibration(pipe, X, y, by=["site", "g"])
    assert found.columns[:3].tolist() == ["site", "g", "class"]
    assert found["n"].sum() == 600


@pytest.mark.parametrize(
    ("by", "error", "words"),
    [("nowhere", DesignError, "no column 'nowhere'"), ("n", ValueError, "rename it")],
)
def test_groups_that_cannot_be_made_are_refused(model, data, by, error, words):
    with pytest.raises(error, match=words):
        calibration(model, data[0].assign(n=1), data[1], by)


def test_rows_without_predictions_are_refused(data):
    X, y, _ = data
    model = BinomialGLMMClassifier("x + (1 | g)", new_groups="nan").fit(X, y)
    with pytest.raises(ValueError, match="2 of 4 rows have no prediction"):
        calibration(model, X.head(4).assign(g=[0, 1, 99, 99]), y[:4], "site")


def test_groups_off_the_line_are_named(model, data):
    display = GroupCalibrationDisplay.from_estimator(model, *data[:2], by="site")
    texts = {text.get_text() for text in display.ax_.texts}
    assert "b" in texts
    assert display.ax_.get_ylabel() == "observed P(y = sick)"
    plt.close(display.figure_)


def test_names_of_neighbors_do_not_meet():
    x, y = [0.50, 0.51, 0.2, 0.8], [0.1, 0.1, 0.2, 0.8]
    table = pd.DataFrame({"site": list("abcd"), "n": 9.0, "observed": y, "predicted": x})
    table = table.assign(std_error=0.1, z=[-4.0, -4.1, 0.0, 0.0])
    display = GroupCalibrationDisplay(table).plot()
    sides = {text.get_text(): text.get_horizontalalignment() for text in display.ax_.texts}
    assert sides == {"a": "right", "b": "left"}  # the text of a ends at its point
    plt.close(display.figure_)


# --- the ranked probability score -----------------------------------------------------------------


def test_of_two_classes_it_is_the_brier_score(model, data):
    X, y, _ = data
    brier = brier_score_loss(y == "sick", model.predict_proba(X)[:, 1])
    assert_allclose(ranked_probability_scorer()(model, X, y), -brier)


def test_of_more_classes_it_adds_squares_of_cumulative_probabilities(data):
    X, _, eta = data
    y = np.digitize(eta, [-1.0, 0.5, 1.5])
    other = LogisticRegression().fit(X[["x"]], y)
    p, weights = other.predict_proba(X[["x"]]), np.arange(600.0)
    rows = [sum((p[i, : k + 1].sum() - (y[i] <= k)) ** 2 for k in range(3)) / 3 for i in range(600)]
    scorer = ranked_probability_scorer()
    assert_allclose(scorer(other, X[["x"]], y), -np.mean(rows))
    assert_allclose(scorer(other, X[["x"]], y, weights), -np.average(rows, weights=weights))


def test_texts_of_other_models_have_the_order_that_is_given(data):
    X, _, eta = data
    y = np.digitize(eta, [-1.0, 0.5, 1.5])
    order = ["low", "mid", "high", "top"]
    plain, texts = (LogisticRegression().fit(X[["x"]], z) for z in (y, np.array(order)[y]))
    words = np.array(order)[y]
    given = ranked_probability_scorer(order)(texts, X[["x"]], words)
    assert_allclose(given, ranked_probability_scorer()(plain, X[["x"]], y), rtol=1e-4)
    with pytest.raises(ValueError, match="no order of their own, and LogisticRegression knows"):
        ranked_probability_scorer()(texts, X[["x"]], words)
    with pytest.raises(ValueError, match="do not have each class of the model once"):
        ranked_probability_scorer(order[:3])(texts, X[["x"]], words)


def test_a_search_maximizes_it(data):
    X, y, _ = data
    grid = {"formula": ["1", "x + site + (1 | g)"]}
    search = GridSearchCV(
        BinomialGLMMClassifier(inference=False), grid, scoring=ranked_probability_scorer(), cv=3
    ).fit(X, y)
    assert search.best_params_["formula"] == grid["formula"][1]
    assert -1.0 < search.best_score_ < 0.0


def test_what_has_no_probabilities_and_unseen_classes_are_refused(model, data):
    X, y, eta = data
    scorer = ranked_probability_scorer()
    regressor = PoissonGLMMRegressor("x").fit(X, np.round(np.exp(eta)))
    with pytest.raises(TypeError, match="no probabilities of classes"):
        scorer(regressor, X, y)
    with pytest.raises(ValueError, match=r"1 of 600 responses are of a class .* 'dead'"):
        scorer(model, X, np.where(np.arange(600) == 7, "dead", y))


def test_classes_that_a_fold_lacks_have_no_probability(data):
    X, _, eta = data
    y = np.digitize(eta, [-1.0, 0.5, 1.5])
    some = OrdinalGLMMClassifier("x", categories=[0, 1, 2, 3])
    with pytest.warns(UserWarning, match="3"):
        some.fit(X[y < 3], y[y < 3])
    found = ranked_probability_scorer()(some, X, y)
    p = np.column_stack([some.predict_proba(X), np.zeros(600)])
    rows = [np.sum((np.cumsum(p[i])[:3] - (y[i] <= np.arange(3))) ** 2) / 3 for i in range(600)]
    assert_allclose(found, -np.mean(rows))
