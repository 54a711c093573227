"""Fixed effects that are integrated out: the restricted objective, its gradient, its constants."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Gaussian, Term, design

from skglmm.covariance import Unstructured
from skglmm.engine import Laplace, Params, bind
from skglmm.families import (
    Beta,
    Cumulative,
    Gamma,
    Multinomial,
    NegativeBinomial,
    Poisson,
    StudentT,
)

N = 240
RNG = np.random.default_rng(20)
ONE, X, Z = np.ones(N), RNG.normal(size=N), RNG.normal(size=N)
G, H, K = RNG.integers(0, 20, N), RNG.integers(0, 9, N), RNG.integers(0, 5, N)
WEIGHTS = RNG.uniform(0.5, 2.0, N)

SLOPE = Term("g", G, (ONE, X), Unstructured(2))
LAYOUTS = {
    "no random effects": (),
    "one factor": (Term("g", G, (ONE,), Unstructured(1)),),
    "nested": (SLOPE, Term("h", G // 3, (ONE, X), Unstructured(2))),
    "crossed": (SLOPE, Term("h", H, (ONE,), Unstructured(1))),
    "effects in two predictors": (
        Term("g", G, (ONE, X), Unstructured(2), predictors=(0, 1)),
        Term("h", H, (ONE, Z, X), Unstructured(3), predictors=(1, 0, 1)),
    ),
    "nested in nested, and crossed": (
        SLOPE,
        Term("h", G // 3, (ONE, X), Unstructured(2)),
        Term("m", G // 9, (ONE,), Unstructured(1)),
        Term("k", K, (ONE, Z), Unstructured(2)),
    ),
}


@pytest.fixture(autouse=True)
def _chains(monkeypatch):
    """Eliminate factors of few levels as a chain, too, where they are nested."""
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 2)


def response():
    return np.random.default_rng(3).normal(0.2 + 0.4 * X, np.exp(-0.3 - 0.2 * Z))


def restricted(layout, *, integrated=(0,), weights=None, offset=None, shard_rows=10**6):
    """A restricted problem of normal responses with scale ~ z, and a point."""
    whole = design(([ONE, X, Z], [ONE, Z]), *LAYOUTS[layout], offset=offset)
    problem = bind(whole, response(), weights, Gaussian(links=()), shard_rows)
    problem = replace(problem, approximation=Laplace(integrated=integrated))
    found = problem.restricted([np.zeros(3), np.zeros(2)])
    return found, np.random.default_rng(4).normal(0, 0.3, found.shape.n_params)


def differences(problem, vector, h=1e-5):
    steps = h * np.eye(len(vector))
    return np.array(
        [
            (problem.evaluate(vector + e).value - problem.evaluate(vector - e).value) / (2 * h)
            for e in steps
        ]
    )


SETTINGS = {
    "plain": {},
    "weights and an offset": {"weights": WEIGHTS, "offset": 0.3 * Z},
    "shards": {"shard_rows": 50},
    "both predictors": {"integrated": (0, 1)},
    "the second": {"integrated": (1,)},
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_gradient_matches_differences(layout, setting):
    problem, vector = restricted(layout, **SETTINGS[setting])
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=2e-6)


SHARES = np.random.default_rng(5).beta(2.0, 3.0, N)
CLASSES = np.floor(3 * SHARES)
FAMILIES = {
    "counts": (Poisson(), CLASSES),
    "varied counts": (NegativeBinomial(), CLASSES),
    "shares": (Beta(), SHARES),
    "amounts": (Gamma(), SHARES),
    "outliers": (StudentT(), SHARES),
    "classes without an order": (Multinomial(), CLASSES),
    "ordered classes": (Cumulative(), CLASSES),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_gradient_matches_differences_of_any_family(name):
    family, y = FAMILIES[name]
    n_predictors = range(len(family.predictors))
    columns = [[ONE, X] if k in family.locations else [ONE] for k in n_predictors]
    if name == "ordered classes":
        columns[0] = [X, Z]
    problem = bind(design(tuple(columns), SLOPE), y, WEIGHTS, family)
    problem = replace(problem, approximation=Laplace(integrated=family.locations))
    found = problem.restricted([np.zeros(len(each)) for each in columns])
    others = [0.1 * k for k in n_predictors if k not in family.locations]
    vector = np.array([*others, 0.5, 0.2, 0.4])
    expected = differences(found, vector)
    assert_allclose(found.evaluate(vector).gradient, expected, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("layout", [each for each in LAYOUTS if "two" not in each])
def test_of_a_normal_response_it_is_the_restricted_likelihood(layout):
    problem, vector = restricted(layout, offset=0.3 * Z)
    params = Params.unpack(vector, problem.shape)
    covariance = np.diag(np.exp(-params.beta[1][0] - params.beta[1][1] * Z))
    for term, part in zip(LAYOUTS[layout], params.theta, strict=False):
        root = np.column_stack(term.columns) @ term.covariance.factor(part)
        covariance += (root @ root.T) * (term.codes[:, None] == term.codes)
    fixed, y = np.column_stack([ONE, X, Z]), response() - 0.3 * Z
    weighted = np.linalg.solve(covariance, fixed)
    information = fixed.T @ weighted
    beta = np.linalg.solve(information, weighted.T @ y)
    error = y - fixed @ beta
    twice = (
        (N - 3) * np.log(2 * np.pi)
        + np.linalg.slogdet(covariance)[1]
        + np.linalg.slogdet(information)[1]
        + error @ np.linalg.solve(covariance, error)
    )
    found = problem.evaluate(vector)
    assert_allclose(-found.value + 1.5 * np.log(2 * np.pi), -0.5 * twice, rtol=1e-12)
    assert_allclose(found.mode.u.crossed[-3:], beta, rtol=1e-9, atol=1e-12)
    assert_allclose(found.mode.system.inverse().crossed[-3:, -3:], np.linalg.inv(information))


def test_the_search_for_the_mode_begins_at_given_fixed_effects():
    whole = design(([ONE],), *LAYOUTS["one factor"])
    y = np.random.default_rng(0).poisson(np.full(N, 1e5)).astype(float)
    problem = replace(bind(whole, y, None, Poisson()), approximation=Laplace(integrated=(0,)))
    near, far = (problem.restricted([np.array([start])]) for start in (11.0, 0.0))
    assert near.evaluate(np.array([0.1])).mode.u.crossed[-1] > 11.0
    assert far.evaluate(np.array([0.1])) is None


def test_without_fixed_columns_it_is_the_likelihood():
    whole = design(([ONE], [ONE]), *LAYOUTS["one factor"])
    whole = replace(whole, fixed=(np.zeros((N, 0)), whole.fixed[1]))
    problem = bind(whole, response(), None, Gaussian(links=()))
    empty = replace(problem, approximation=Laplace(integrated=(0,))).restricted([np.zeros(0)] * 2)
    vector = np.array([0.1, 0.5])
    assert empty.evaluate(vector).value == problem.evaluate(vector).value
