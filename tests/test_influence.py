"""Influence of groups: what a refit without them says, on the scales of the user."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import BetaGLMMRegressor, LMMRegressor
from skglmm.inspection import influence

L, N = 25, 6
RNG = np.random.default_rng(2)
G, X1 = np.repeat(np.arange(L), N), 5.0 + RNG.normal(size=L * N)
FRAME = pd.DataFrame({"x": X1, "g": G})
ETA = 0.3 * X1 + RNG.normal(0, 0.8, L)[G] + 4.0 * (G == 7)
Y = ETA + RNG.normal(0, 0.5, L * N)
SHARE = RNG.beta(10.0 / (1 + np.exp(2 - 0.5 * ETA)), 10.0 / (1 + np.exp(0.5 * ETA - 2)))
MODELS = {
    "reml": (LMMRegressor("x + (1 | g)"), Y),
    "ml": (LMMRegressor("x + (1 | g)", reml=False), Y),
    "scale": (LMMRegressor("x + (1 | g)", scale="x"), Y),
    "beta": (BetaGLMMRegressor("x + (1 | g)"), SHARE),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    model, y = MODELS[request.param]
    return model.fit(FRAME, y), y


def test_changes_are_those_of_refits_in_standard_errors(fitted):
    model, y = fitted
    table, before = influence(model, FRAME, y).set_index("level"), model.confint()
    errors = np.sqrt(np.diag(model.vcov("all")))
    for level in ("3", "11", "20"):
        rows = int(level) != G
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            after = type(model)(**model.get_params()).fit(FRAME[rows], y[rows]).confint()
        linear = ["Intercept", "x", "sd(Intercept | g)"]
        change = (after["estimate"] - before["estimate"])[linear]
        assert_allclose(
            table.loc[level, linear].astype(float), change / errors[[0, 1, -1]], atol=0.05
        )


def test_all_levels_are_listed_the_most_influential_first(fitted):
    model, y = fitted
    table = influence(model, FRAME, y)
    assert sorted(map(int, table["level"])) == list(range(L))
    assert table["level"].iloc[0] == "7"
    assert table["cooks_distance"].is_monotonic_decreasing
    assert (table["n_rows"] == N).all()


def test_it_is_the_same_in_any_order_and_unit(fitted):
    model, y = fitted
    order = np.random.default_rng(0).permutation(L * N)
    table = influence(model, FRAME, y)
    turned = influence(model, FRAME.iloc[order], y[order])
    wide = FRAME.assign(x=1000.0 * X1)
    other = influence(type(model)(**model.get_params()).fit(wide, y), wide, y)
    for found in (turned, other):
        numbers = found.set_index("level").loc[table["level"]].drop(columns="group")
        assert_allclose(numbers, table.drop(columns=["group", "level"]), rtol=2e-3, atol=2e-4)


def test_factors_and_parameters_can_be_chosen():
    frame = FRAME.assign(h=np.tile(np.arange(N), L))
    y = Y + frame["h"].to_numpy() ** 2 / 5
    model = LMMRegressor("x + (1 | g) + (1 | h)").fit(frame, y)
    table = influence(model, frame, y, "h", parameters=["x"])
    assert list(table.columns) == ["group", "level", "n_rows", "cooks_distance", "x"]
    assert (table["group"] == "h").all()
    assert len(table) == N
    with pytest.raises(ValueError, match="group='k' is unknown, expected one of 'g', 'h'"):
        influence(model, frame, y, "k")


def test_models_without_inference_are_told_so():
    model = LMMRegressor("x + (1 | g)", inference=False).fit(FRAME, Y)
    with pytest.raises(ValueError, match="inference=False"):
        influence(model, FRAME, Y)
