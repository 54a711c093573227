"""Limits of groups that fit has not seen: they hold the prediction, and cover what they say."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from degenerate_cases import MASSES, holds
from numpy.testing import assert_allclose
from scipy.special import expit, logit
from scipy.stats import norm

from skglmm import BetaGLMMRegressor, ZeroInflatedBetaGLMMRegressor
from skglmm.estimators.reading.rows import build_rows
from skglmm.inference import average_interval
from skglmm.inference.prediction.normal_limits import normal_limits

NEW = pd.DataFrame({"x": [-2.0, -0.5, 0.7, 3.0], "g": "new"})


@cache
def fitted(estimator):
    """A fit with large random slopes, in a part of the bounds as well."""
    rng, n = np.random.default_rng(11), 90
    g = rng.integers(12, size=n)
    x, slopes = rng.normal(size=n), 2.0 * rng.normal(size=12)
    mean = np.clip(expit(slopes[g] * x), 0.02, 0.98)
    y = np.clip(rng.beta(6.0 * mean, 6.0 * (1.0 - mean)), 1e-3, 1.0 - 1e-3)
    for mass in MASSES[estimator]:
        y[rng.uniform(size=n) < 0.5 * np.abs(1.0 - mass - mean) ** 2] = mass
    parts = {"zero": "1 + (0 + x | g)"} if "zero" in estimator().get_params() else {}
    X = pd.DataFrame({"x": x, "g": [f"g{i}" for i in g]})
    return estimator("x + (0 + x | g)", **parts).fit(X, y)


@pytest.mark.parametrize("estimator", list(MASSES), ids=lambda each: each.__name__)
@pytest.mark.parametrize("level", [0.01, 0.1, 0.5, 0.95])
def test_limits_hold_the_prediction_that_averages_over_groups(estimator, level):
    model = fitted(estimator)
    limits = model.predict_interval(NEW, level=level)
    assert holds(model.predict(NEW), *limits.T)
    assert (limits[:, 1] > limits[:, 0]).all()
    frame, found = model.predict_boundary_frame(NEW, level), model.predict_proba_boundary(NEW)
    for part in found:
        assert holds(found[part], frame[f"{part}_ci_lower"], frame[f"{part}_ci_upper"])


def test_limits_keep_their_coverage_of_the_mean_of_a_new_group():
    model = fitted(BetaGLMMRegressor)
    value, std = model.predict_linear(NEW, return_std=True)
    for level in (0.05, 0.3, 0.95):
        lower, upper = (logit(end) for end in model.predict_interval(NEW, level=level).T)
        cover = norm.cdf(upper, value, std) - norm.cdf(lower, value, std)
        assert_allclose(cover, level, rtol=1e-8)
    z = norm.ppf(0.975)
    assert_allclose(lower, value - z * std, rtol=1e-8)  # equal tails, which hold it


def test_limits_reach_where_effects_on_a_bound_may_lead():
    """Their coverage of new groups' means, whose slope at 0 says little of them."""
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(40), 12), rng.normal(size=480)
    effect = 2.0 * rng.normal(size=40)
    mean = expit(0.5 + 0.5 * x)
    y = np.clip(rng.beta(8.0 * mean, 8.0 * (1.0 - mean)), 1e-4, 1.0 - 1e-4)
    y[rng.uniform(size=480) < expit(effect[g] - 2.5)] = 0.0
    X = pd.DataFrame({"x": x, "g": [f"g{i}" for i in g]})
    model = ZeroInflatedBetaGLMMRegressor("x", zero="1 + (1 | g)").fit(X, y)
    sd = float(model.variance_components()["sd"].iloc[0])
    zero = model.fit_.beta[2][0] + sd * norm.ppf((np.arange(10_000) + 0.5) / 10_000)
    for place, z in enumerate(NEW["x"]):
        means = expit(-zero) * expit(model.fit_.beta[0] @ [1.0, z])
        for level, near in ((0.9, 0.04), (0.95, 0.02)):
            low, high = model.predict_interval(NEW, level=level)[place]
            assert abs(np.mean((means >= low) & (means <= high)) - level) < near


def test_normal_limits_end_at_a_point_outside_of_equal_tails():
    center, spread = np.array([1.0, 1.0, 1.0, 2.0]), np.array([2.0, 2.0, 0.5, 0.0])
    point = np.array([1.2, -3.0, 3.0, 2.0])
    lower, upper = normal_limits(center, spread, point, 0.4)
    assert_allclose(lower[[1, 3]], [-3.0, 2.0])
    assert_allclose(upper[[2, 3]], [3.0, 2.0])
    cover = norm.cdf((upper - center)[:3] / spread[:3]) - norm.cdf(
        (lower - center)[:3] / spread[:3]
    )
    assert_allclose(cover, 0.4, rtol=1e-12)


def test_normal_limits_are_missing_where_a_spread_is():
    lower, upper = normal_limits(np.zeros(1), np.full(1, np.nan), np.ones(1), 0.5)
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()


@pytest.mark.parametrize("estimator", [BetaGLMMRegressor, ZeroInflatedBetaGLMMRegressor])
def test_limits_of_an_average_hold_the_average_of_predictions(estimator):
    model = fitted(estimator)
    rows = pd.DataFrame({"x": [-1.0, 2.0, 3.0, 2.5, 3.0], "g": ["g1", "g1", "new", "new", "new"]})
    design, plan = build_rows(model._spec, rows, "conditional", "marginal", None)
    places, shares = np.array([0, 0, 1, 1, 1]), np.array([0.5, 0.5, 0.2, 0.3, 0.5])
    average = np.bincount(places, shares * model.predict(rows))
    for level in (0.02, 0.95):
        limits = average_interval(model.fit_, design, plan, places, shares, level)
        assert holds(average, *limits)
