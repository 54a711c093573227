"""Rows in several shards: the way to the estimates changes, the estimates do not."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm import BetaGLMMRegressor
from skglmm.fitting.search import subsample

N = 90_000  # six shards


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    g, x = rng.integers(0, 3_000, N), rng.normal(size=N)
    frame = pd.DataFrame({"x": x, "g": g, "h": g % 300, "k": rng.integers(0, 40, N)})
    eta = 0.3 + (0.5 + 0.3 * rng.normal(size=3_000)[g]) * x + 0.6 * rng.normal(size=3_000)[g]
    eta += 0.4 * rng.normal(size=300)[frame["h"]] + 0.3 * rng.normal(size=40)[frame["k"]]
    mean = 1 / (1 + np.exp(-eta))
    return frame, rng.beta(8 * mean, 8 * (1 - mean)).clip(1e-6, 1 - 1e-6)


@pytest.mark.parametrize("formula", ["x + (x | g)", "x + (1 | g) + (1 | h) + (1 | k)"])
def test_some_rows_going_ahead_do_not_change_the_estimates(rows, formula, monkeypatch):
    ahead = BetaGLMMRegressor(formula).fit(*rows)
    monkeypatch.setattr(subsample, "SHARDS_MIN", 10**9)
    plain = BetaGLMMRegressor(formula).fit(*rows)
    assert ahead.n_iter_ < plain.n_iter_
    assert_allclose(ahead.log_likelihood_, plain.log_likelihood_, rtol=1e-12)
    errors = np.sqrt(np.diag(plain.fit_.covariance))
    assert_allclose(np.sqrt(np.diag(ahead.fit_.covariance)), errors, rtol=1e-4)
    for mine, theirs in zip(ahead.fit_.beta, plain.fit_.beta, strict=True):
        assert_allclose(mine, theirs, atol=1e-5 * errors.max())
    for mine, theirs in zip(ahead.fit_.theta, plain.fit_.theta, strict=True):
        assert_allclose(mine, theirs, atol=1e-6)


def test_estimates_are_the_same_to_the_last_bit_for_any_number_of_threads(rows):
    one, two = (BetaGLMMRegressor("x + (1 | g)", n_jobs=n).fit(*rows) for n in (None, 2))
    assert two.log_likelihood_ == one.log_likelihood_
    for mine, theirs in zip(
        (*two.fit_.beta, *two.fit_.u), (*one.fit_.beta, *one.fit_.u), strict=True
    ):
        assert_array_equal(mine, theirs)


def test_rows_ahead_that_miss_a_category_do_not_mislead(rows):
    """The first and every eighth shard hold the lowest levels of g: none of category b."""
    frame, y = rows
    frame = frame.assign(c=np.where(frame["g"] > 2_500, "b", "a"))
    model = BetaGLMMRegressor("x + c + (1 | g)").fit(frame, y)
    assert model.converged_
    assert abs(model.coef_[1]) < 0.2


def test_rows_ahead_without_a_spread_do_not_mislead(rows):
    """Effects vary in the last levels only."""
    frame, _ = rows
    rng = np.random.default_rng(1)
    effects = np.where(np.arange(3_000) > 1_500, rng.normal(size=3_000), 0.0)
    mean = 1 / (1 + np.exp(-effects[frame["g"]]))
    y = rng.beta(8 * mean, 8 * (1 - mean)).clip(1e-6, 1 - 1e-6)
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    assert model.converged_
    assert not model.is_singular_
    assert_allclose(model.fit_.modes(0)[0, 2_000:], effects[2_000:], atol=0.8)
