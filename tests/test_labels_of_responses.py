"""What axes and legends call counts, classes and real numbers, and how their histograms are cut."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from skglmm import (
    BinomialGLMMClassifier,
    LMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.inspection import (
    DiagnosticsDisplay,
    PredictionDisplay,
    RandomEffectsDisplay,
    ResidualDisplay,
)

MODELS = {
    "real": LMMRegressor("x + (1 | g)", reml=False),
    "counts": PoissonGLMMRegressor("x + (1 | g)"),
    "classes": BinomialGLMMClassifier("x + (1 | g)"),
}
kinds = pytest.mark.parametrize("kind", MODELS)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def rows(kind):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=160), "g": np.repeat(list("abcdefgh"), 20)})
    eta = 0.5 + X["x"].to_numpy() + rng.normal(0, 0.7, 8).repeat(20)
    y = {
        "real": 1000 + 100 * eta + rng.normal(0, 50, 160),
        "counts": rng.poisson(np.exp(eta)),
        "classes": np.where(rng.random(160) < expit(eta), "yes", "no"),
    }
    return X, pd.Series(y[kind], name="answer")


@pytest.fixture(scope="module")
def fits():
    return {kind: (model.fit(*rows(kind)), *rows(kind)) for kind, model in MODELS.items()}


def texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


@pytest.mark.parametrize(
    ("kind", "mean", "data"),
    [
        ("real", "mean of y", "answer"),
        ("counts", "mean of y", "answer"),
        ("classes", "P(y = yes)", "P(answer = yes)"),
    ],
)
def test_curves_say_what_they_are_with_and_without_data(kind, mean, data, fits):
    model, X, y = fits[kind]
    assert PredictionDisplay.from_estimator(model, X, feature="x").ax_.get_ylabel() == mean
    assert PredictionDisplay.from_estimator(model, X, y, feature="x").ax_.get_ylabel() == data


@pytest.mark.parametrize(
    ("kind", "word"), [("real", "mean"), ("counts", "mean"), ("classes", "probability")]
)
def test_limits_are_of_means_or_of_probabilities(kind, word, fits):
    model, X, _ = fits[kind]
    display = PredictionDisplay.from_estimator(model, X, feature="x")
    assert texts(display) == ["average over groups", f"95 % limits of the {word}"]
    alone = PredictionDisplay.from_estimator(model, X[X["g"] == "a"], feature="x", by="g")
    assert texts(alone)[0] == f"{word} of the group"


def test_limits_of_ordered_classes_are_those_of_mean_class_numbers():
    X, y = rows("real")
    model = OrdinalGLMMClassifier("x + (1 | g)").fit(X, np.digitize(y, [950.0, 1150.0]))
    display = PredictionDisplay.from_estimator(model, X, feature="x")
    assert display.ax_.get_ylabel() == "mean class number of y"
    assert texts(display) == ["average over groups", "95 % limits of the mean class number"]
    alone = PredictionDisplay.from_estimator(model, X[X["g"] == "a"], feature="x", by="g")
    assert texts(alone)[0] == "mean class number of the group"


def test_without_groups_a_probability_is_no_mean(fits):
    _, X, y = fits["classes"]
    display = PredictionDisplay.from_estimator(
        BinomialGLMMClassifier("x").fit(X, y), X, feature="x"
    )
    assert texts(display) == ["probability", "95 % limits of the probability"]


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("real", "fitted mean of answer"),
        ("counts", "fitted mean of answer"),
        ("classes", "fitted P(answer = yes)"),
    ],
)
def test_residuals_stand_over_fitted_means_or_probabilities(kind, label, fits):
    model, X, y = fits[kind]
    display = ResidualDisplay.from_estimator(model, X, y, random_state=0)
    assert display.ax_.get_xlabel() == label
    panels = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
    assert panels.axes_[1].get_xlabel() == label
    assert panels.axes_[3].get_xlabel() == "answer"


@pytest.mark.parametrize(
    ("kind", "scale"), [("real", "mean"), ("counts", "log mean"), ("classes", "log odds")]
)
def test_effects_are_on_a_scale_that_has_a_name(kind, scale, fits):
    display = RandomEffectsDisplay.from_estimator(fits[kind][0])
    assert display.ax_.get_xlabel() == f"effect on the {scale}"


@kinds
def test_bins_of_a_histogram_hold_equally_many_possible_responses(kind, fits):
    model, X, y = fits[kind]
    display = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
    edges = display.response.edges
    assert display.response.observed.sum() == len(y)
    if kind == "real":
        return
    whole = np.arange(np.ceil(edges[0]), edges[-1])
    assert len(set(np.histogram(whole, edges)[0])) == 1


def test_a_histogram_of_classes_has_a_bar_for_each_label(fits):
    model, X, y = fits["classes"]
    axis = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0).axes_[3]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["no", "yes"]
    counts = axis.patches[0].get_data().values
    assert counts.tolist() == [(y == "no").sum(), (y == "yes").sum()]


def test_numbers_far_from_zero_fill_the_picture(fits):
    _, X, y = fits["real"]
    model = LMMRegressor("x", reml=False).fit(X, y)
    axis = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0).axes_[2]
    assert axis.get_xlim()[0] > 500
