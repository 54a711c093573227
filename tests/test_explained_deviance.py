"""D², the share of the deviance that a model explains, against scikit-learn's scores."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import d2_log_loss_score, d2_tweedie_score, r2_score

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    LMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)

FORMULA = "x + (1 | g)"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=200), "g": np.arange(200) // 20})
    X["hours"] = rng.uniform(1.0, 8.0, 200)
    y = rng.poisson(np.exp(0.5 * X["x"] + rng.normal(0.0, 0.7, 10)[X["g"]]))
    return X, y, rng.integers(0, 3, 200)


@pytest.fixture(scope="module")
def counts(rows):
    X, y, _ = rows
    return PoissonGLMMRegressor(FORMULA).fit(X, y)


@pytest.mark.parametrize("kind", ["conditional", "fixed"])
def test_that_of_counts_is_the_score_of_their_means(rows, counts, kind):
    X, y, weights = rows
    for mass in (None, weights):
        wanted = d2_tweedie_score(y, counts.predict(X, kind), power=1, sample_weight=mass)
        np.testing.assert_allclose(counts.d2(X, y, mass, kind), wanted, atol=1e-9)


def test_that_of_a_linear_model_is_r_squared(rows):
    X, y, _ = rows
    model = LMMRegressor(FORMULA).fit(X, y)
    np.testing.assert_allclose(model.d2(X, y), r2_score(y, model.predict(X)), atol=1e-9)


def test_that_of_two_classes_is_the_score_of_their_log_loss(rows):
    X, y, _ = rows
    model = BinomialGLMMClassifier(FORMULA).fit(X, y > 0)
    wanted = d2_log_loss_score(y > 0, model.predict_proba(X))
    np.testing.assert_allclose(model.d2(X, y > 0), wanted, atol=1e-9)


@pytest.mark.parametrize(
    "model",
    [
        PoissonGLMMRegressor("1", exposure="hours"),
        PoissonGLMMRegressor("1", zero="1"),
        BetaGLMMRegressor("1", bounds=(0.0, 50.0), boundary=0.01),
    ],
    ids=["rates", "extra zeros", "beta"],
)
def test_constants_explain_nothing(rows, model):
    X, y, _ = rows
    np.testing.assert_allclose(model.fit(X, y).d2(X, y), 0.0, atol=1e-8)


def test_averages_of_means_have_none(rows, counts):
    X, y, _ = rows
    with pytest.raises(ValueError, match="averages means over effects"):
        counts.d2(X, y, kind="marginal")


def test_ratings_explain_more_with_their_groups(rows):
    X, y, _ = rows
    ratings = np.minimum(y, 3)
    model = OrdinalGLMMClassifier(FORMULA, categories=[0, 1, 2, 3]).fit(X, ratings)
    assert model.d2(X, ratings, kind="fixed") < model.d2(X, ratings) < 1.0
