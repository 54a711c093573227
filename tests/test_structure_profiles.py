"""Limits of natural parameters of structures: against glmmTMB, and at the ends of their ranges."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.exceptions import SingularFitWarning

HERE = Path(__file__).parent / "reference"
DATA = pd.read_csv(HERE / "simulated_structures.csv")
CASES = json.loads((HERE / "structure_profiles.json").read_text())["cases"]


def _case(known):
    marks = [] if known["response"] == "level" else [pytest.mark.slow]
    return pytest.param(known, id=f"{known['response']}: {known['formula']}", marks=marks)


@pytest.mark.parametrize("known", [*map(_case, CASES)])
def test_limits_are_those_of_glmmtmb(known):
    model = (
        PoissonGLMMRegressor(known["formula"])
        if known["family"] == "poisson"
        else LMMRegressor(known["formula"], reml=False)
    )
    y = DATA[known["response"]]
    model.fit(DATA, y)
    names = [name for name in model.confint().index if " | " in name]
    for method in ("wald", "profile"):
        found = model.confint(DATA, y, method=method, parameters=names)
        limits = [each[method] for each in known["parameters"]]
        assert_allclose(found[["conf_low", "conf_high"]], limits, rtol=1e-4)
    assert_allclose(
        found["estimate"], [each["estimate"] for each in known["parameters"]], rtol=1e-4
    )


# Thirty places of a grid, and thirty times.
PLACES = pd.DataFrame({"lon": np.arange(30) % 6 * 1.0, "lat": np.arange(30) // 6 * 1.0})
PLACES["t"] = np.arange(30.0)
NOISE = np.sin(np.arange(30) * 12.9898) * 43758.5453 % 1.0 - 0.5
OFTEN = pd.concat([PLACES] * 3, ignore_index=True)
CHESS = np.where((OFTEN["lon"] + OFTEN["lat"]) % 2 == 0, 1.0, -1.0)
CHESS += np.sin(np.arange(90) * 78.233) * 43758.5453 % 1.0 - 0.5


def told(formula, X, y, **how):
    """A fit, and what it warns of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model = LMMRegressor(formula, **how).fit(X, y)
    return model, [str(each.message) for each in found if each.category is SingularFitWarning]


def test_a_correlation_at_the_end_of_its_range_is_named():
    y = 0.2 * PLACES["t"].to_numpy() + NOISE
    model, messages = told("1 + ou(0 + t | 1)", PLACES, y)
    assert len(messages) == 1
    assert "corr(t | 1) is at the upper end of what it may be, 0.99996" in messages[0]
    assert "write a trend in time" in str(model.summary())
    assert model.is_singular_
    name = "corr(t | 1)"
    with pytest.warns(UserWarning, match=r"do not bound corr\(t \| 1\): .* upper end"):
        found = model.confint(PLACES, y, method="profile", parameters=name).loc[name]
    assert found["conf_high"] == found["estimate"]
    assert 0.9 < found["conf_low"] < 0.999
    assert np.isnan(model.confint(parameters=name)["conf_high"].item())


def test_a_range_at_its_lower_end_is_named():
    model, messages = told("1 + exp(0 + lon + lat | 1)", OFTEN, CHESS, reml=False)
    assert len(messages) == 1
    assert "range(lon, lat | 1) is at the lower end of what it may be, 0.1" in messages[0]
    findings = model.diagnose(OFTEN, CHESS).to_frame()
    assert any("one for each place without a structure" in text for text in findings["finding"])


@pytest.mark.slow
def test_both_numbers_of_matern_are_named():
    _, messages = told("1 + mat(0 + lon + lat | 1)", OFTEN, CHESS, reml=False)
    assert len(messages) == 2
    assert "smoothness(lon, lat | 1) is at the lower end of what it may be, 0.05" in messages[1]


def test_a_limit_that_the_data_do_not_give_is_the_end_and_says_so():
    y, name = PLACES["lon"].to_numpy() + 0.5 * NOISE, "range(lon, lat | 1)"
    model, messages = told("1 + gau(0 + lon + lat | 1)", PLACES, y)
    assert not messages
    with pytest.warns(
        UserWarning, match=r"do not bound range.* upper end of what it may be, 204\.9"
    ):
        found = model.confint(PLACES, y, method="profile", parameters=name).loc[name]
    assert_allclose(found["conf_high"], 32.0 * np.hypot(5.0, 4.0))
    assert found["conf_low"] > 5.0


def test_effects_that_do_not_vary_have_any_range():
    y, name = NOISE, "range(lon, lat | 1)"
    model, messages = told("1 + exp(0 + lon + lat | 1)", PLACES, y, reml=False)
    assert "the standard deviation of lon, lat between levels of 1 is 0" in messages[0]
    found = model.confint(PLACES, y, method="profile", parameters=name).loc[name]
    assert list(found[["conf_low", "conf_high"]]) == [0.0, np.inf]


def test_a_search_begins_at_the_best_of_several_ranges():
    """Of a trend the likelihood of a smooth field has several maxima."""
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.uniform(0, 9, (80, 2)).round(2), columns=["lon", "lat"])
    X["x"] = rng.normal(size=80)
    rng.uniform(0, 20, 80)
    y = 1.0 + 0.5 * X["x"] + 0.5 * rng.normal(size=80) + 0.3 * X["lon"]
    model = LMMRegressor("x + gau(0 + lon + lat | 1)", reml=False).fit(X, y.to_numpy())
    assert model.log_likelihood_ > -68.4316 - 1e-3  # another one is -69.147, of the range 6.8
    assert np.isfinite(model.tidy()["std_error"]).all()
