"""Searches that go on from elsewhere before a fit is given up."""

import numpy as np
import pandas as pd
import pytest
from degenerate_cases import Case, agree, fitted
from numpy.testing import assert_allclose

from skglmm import BetaGLMMRegressor
from skglmm.engine import Problem
from skglmm.exceptions import DesignError
from skglmm.fitting.search.hessian import falling


def one_row_in_a_category(seed):
    """A precision for a single row, at its ceiling, and weights of which some are heavy."""
    rng, n = np.random.default_rng(seed), 14
    X = pd.DataFrame(
        {"x": rng.normal(size=n), "c": ["a"] * 13 + ["b"], "g": list("pqrspqrspqrspq")}
    )
    y, weights = rng.beta(1.5, 1.5, n), 10.0 ** rng.uniform(-1.0, 4.0, n)
    weights[-1] = 1e4
    formulas = {"formula": "x + (1 | g)", "precision": "c"}
    return Case(BetaGLMMRegressor, formulas, X, y, weights, seed)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]
)
def test_the_order_of_rows_decides_nothing_where_rounding_is_large(seed):
    case = one_row_in_a_category(seed)
    one = fitted(case)
    assert one.converged, one.model.fit_.message
    for other in range(3):
        order = np.random.default_rng(other).permutation(len(case.y))
        agree(one, fitted(case.take(order)), case)


def test_a_direction_falls_where_the_curvature_is_negative_beyond_doubt():
    every = np.ones(2, dtype=np.bool_)
    direction = falling(np.array([[4.0, 8.0], [8.0, 4.0]]), every)
    assert_allclose(np.abs(direction), np.sqrt(0.5) / 2.0)
    assert direction[0] * direction[1] < 0.0
    assert not falling(np.array([[4.0, 1.0], [1.0, 4.0]]), every).any()
    assert not falling(np.array([[4.0, 8.0], [8.0, 4.0]]), np.array([True, False])).any()


def test_a_start_without_a_mode_is_tried_again_with_smaller_effects(monkeypatch):
    tried, usual = [], Problem.evaluate

    def out_of_reach(problem, vector, *args, **kwargs):
        tried.append(float(vector[-1]))
        if len(tried) < 3:
            return None
        return usual(problem, vector, *args, **kwargs)

    monkeypatch.setattr(Problem, "evaluate", out_of_reach)
    case = one_row_in_a_category(1).changed(weights=None)
    assert fitted(case.changed(formulas={"formula": "x + (1 | g)"})).model is not None
    assert_allclose(np.array(tried[:3]) / tried[0], [1.0, 0.3, 0.1])


def test_a_start_that_is_nowhere_finite_is_refused(monkeypatch):
    monkeypatch.setattr(Problem, "evaluate", lambda *_, **__: None)
    case = one_row_in_a_category(1)
    with pytest.raises(DesignError, match="not finite at the starting values"):
        BetaGLMMRegressor("x + (1 | g)").fit(case.X, case.y)
