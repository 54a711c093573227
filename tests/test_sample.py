"""Simulated responses have the moments of predictions, and rows of one level share effects."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit

from skglmm import BetaGLMMRegressor
from skglmm.estimators.reading.rows import build_rows
from skglmm.inference import predict
from skglmm.inference.prediction.sample import sample

N_DRAWS = 6000


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=300), "g": np.repeat(np.arange(20), 15)})
    b = rng.normal(0, [0.9, 0.4], (20, 2))
    eta = 0.3 + 0.5 * frame["x"] + b[frame["g"], 0] + b[frame["g"], 1] * frame["x"]
    y = rng.beta(20 * expit(eta), 20 * expit(-eta))
    return BetaGLMMRegressor("x + (x | g)").fit(frame, y), frame


def rows_of(model, frame, kind="conditional", new_groups="marginal"):
    return build_rows(model._spec, frame, kind, new_groups, model.context)


def draw(study, frame, n_draws=N_DRAWS, seed=0, *, new_effects=False, unseen=None, **rows):
    model, _ = study
    rng = np.random.default_rng(seed)
    parts = rows_of(model, frame, **rows)
    return sample(model.fit_, *parts, n_draws, rng, new_effects=new_effects, unseen=unseen)


def check_moments(draws, expected):
    error = expected.std / np.sqrt(draws.shape[1])
    assert np.all(np.abs(draws.mean(axis=1) - expected.mean) < 5 * error)
    assert_allclose(draws.std(axis=1), expected.std, rtol=0.04)


@pytest.mark.parametrize("level", [7, 99])
def test_known_levels_keep_their_modes_and_unseen_ones_draw(study, level):
    model, frame = study
    rows = frame.head(4).assign(g=level)
    expected = predict(model.fit_, *rows_of(model, rows), spread=True)
    check_moments(draw(study, rows), expected)


def test_new_effects_have_the_moments_of_averages_over_groups(study):
    model, frame = study
    rows = frame.iloc[[0, 1, 40]]
    expected = predict(model.fit_, *rows_of(model, rows, "marginal"), spread=True)
    check_moments(draw(study, rows, new_effects=True), expected)
    check_moments(draw(study, rows, kind="marginal"), expected)


def correlation(draws):
    return np.corrcoef(logit(draws))[0, 1]


def test_rows_of_a_level_share_its_new_effects(study):
    rows = pd.DataFrame({"x": 0.0, "g": [3, 3, 4]})
    draws = draw(study, rows, new_effects=True)
    assert correlation(draws[:2]) > 0.5
    assert abs(correlation(draws[1:])) < 5 / np.sqrt(N_DRAWS)
    assert abs(correlation(draw(study, rows)[:2])) < 5 / np.sqrt(N_DRAWS)


def test_rows_of_an_unseen_level_share_its_effects_where_told_apart(study):
    rows = pd.DataFrame({"x": 0.0, "g": [98, 98, 99]})
    draws = draw(study, rows, unseen=[np.array([0, 0, 1])])
    assert correlation(draws[:2]) > 0.5
    assert abs(correlation(draws[1:])) < 5 / np.sqrt(N_DRAWS)
    assert abs(correlation(draw(study, rows)[:2])) < 5 / np.sqrt(N_DRAWS)
    mixed = draw(study, rows, unseen=[np.array([0, -1, -1])])
    assert abs(correlation(mixed[:2])) < 5 / np.sqrt(N_DRAWS)


def test_unseen_levels_follow_the_plan(study):
    model, _ = study
    rows = pd.DataFrame({"x": 0.5, "g": [3, 99]})
    assert_array_equal(np.isnan(draw(study, rows, 5, new_groups="nan")).all(axis=1), [False, True])
    typical = predict(model.fit_, *rows_of(model, rows, new_groups="fixed"), spread=True)
    check_moments(draw(study, rows, new_groups="fixed"), typical)


def test_draws_repeat_with_the_generator_and_lie_inside_the_support(study):
    _, frame = study
    rows = frame.assign(x=20 * frame["x"])
    first, again = (draw(study, rows, 3, 8, new_effects=True) for _ in range(2))
    assert_array_equal(first, again)
    assert first.shape == (300, 3)
    assert np.all((first > 0) & (first < 1))
    assert_array_equal(draw(study, rows, 2, 8, new_effects=True), first[:, :2])


@pytest.mark.parametrize(("n_rows", "n_draws"), [(0, 3), (1, 0), (0, 0), (1, 1)])
def test_empty_requests_have_empty_answers(study, n_rows, n_draws):
    model, frame = study
    design, plan = rows_of(model, frame)
    rng = np.random.default_rng(0)
    for new_effects in (False, True):
        part = design.take(slice(0, n_rows))
        found = sample(model.fit_, part, plan, n_draws, rng, new_effects=new_effects)
        assert found.shape == (n_rows, n_draws)
