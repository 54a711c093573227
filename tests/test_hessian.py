"""The Hessian of the objective equals wide differences of its gradient, whatever the layout."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from test_laplace import LAYOUTS, SETTINGS, problem_of, three_predictors

from skglmm.fitting.search import saddle as _saddle
from skglmm.fitting.search.hessian import differenced_hessian
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.search.saddle import beside_saddle


@pytest.fixture(autouse=True)
def _chains(monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 2)


def wide_differences(problem, vector, h=1e-4):
    steps = h * np.eye(len(vector))
    return np.array(
        [
            (problem.evaluate(vector + e).gradient - problem.evaluate(vector - e).gradient)
            / (2 * h)
            for e in steps
        ]
    )


def assert_same_hessian(problem, vector, expected, atol):
    """In units of the curvature, where there is any."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(expected)), 1.0))
    state = Optimum(
        vector, problem.evaluate(vector), np.diag(scale**2), np.full(len(vector), np.inf)
    )
    found = differenced_hessian(problem, state, np.ones(len(vector), dtype=bool))
    assert_allclose(found / scale / scale[:, None], expected / scale / scale[:, None], atol=atol)


# differences of gradients, which have tests of their own in all settings
CASES = [
    pytest.param(layout, setting, id=f"{layout}-{setting}", marks=[pytest.mark.slow] * is_slow)
    for layout in LAYOUTS
    for setting in SETTINGS
    for is_slow in [setting != "plain" and layout != "effects in two predictors"]
]


@pytest.mark.parametrize(("layout", "setting"), CASES)
def test_the_hessian_matches_wide_differences(layout, setting):
    problem, vector = problem_of(layout, **SETTINGS[setting])
    assert_same_hessian(problem, vector, wide_differences(problem, vector), atol=3e-4)


def test_the_hessian_of_a_huge_precision_has_its_digits():
    """Predictors cannot move then: what moves them at the second order must not count."""
    problem, vector = problem_of("correlated slopes")
    vector = vector.copy()
    vector[2] = 14.0
    expected = wide_differences(problem, vector, 1e-5)
    assert_same_hessian(problem, vector, expected, atol=1e-3)


def test_the_hessian_matches_wide_differences_with_three_predictors():
    problem, vector = three_predictors(10**6)
    assert_same_hessian(problem, vector, wide_differences(problem, vector), atol=3e-4)


@pytest.mark.parametrize("curvature", [1.0, 1e60], ids=["no slope", "no step"])
def test_there_is_no_hessian_where_differences_have_no_value(curvature, monkeypatch):
    problem, vector = problem_of("correlated slopes")
    n_params = len(vector)
    if curvature == 1.0:
        no_slope = np.full(n_params, np.inf)
        monkeypatch.setattr(type(problem), "gradient_near", lambda *_: no_slope)
    upper = np.full(n_params, np.inf)
    state = Optimum(vector, problem.evaluate(vector), curvature * np.eye(n_params), upper)
    assert differenced_hessian(problem, state, np.ones(n_params, dtype=bool)) is None


def test_a_saddle_is_left_for_the_lowest_point_beside_it(monkeypatch):
    problem, vector = problem_of("correlated slopes")
    hessian = 4.0 * np.eye(len(vector))
    hessian[2, 2] = -4.0  # of the precision, which rises to the maximum
    state = Optimum(vector, problem.evaluate(vector), hessian, np.full(len(vector), np.inf))
    free = np.ones(len(vector), dtype=bool)
    found = beside_saddle(problem, state, free)
    ends = [vector + 0.5 * step * np.eye(len(vector))[2] for step in (0.1, -0.1, 1.0, -1.0)]
    values = [problem.evaluate(end).value for end in ends]
    assert min(values) < state.here.value - 1e-3
    assert_allclose(found.vector, ends[int(np.argmin(values))])
    assert_allclose(found.here.value, min(values), rtol=1e-9)
    assert beside_saddle(problem, state, free & (np.arange(len(vector)) != 2)) is None
    drop = state.here.value - min(values)
    monkeypatch.setattr(_saddle, "rounding_of", lambda *_: 1.01 * drop)
    assert beside_saddle(problem, state, free) is None
