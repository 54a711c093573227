"""Gradients of all families with effects in each predictor, apart and correlated."""

from itertools import combinations

import numpy as np
import pytest
from family_cases import BOUNDARY, name
from numpy.testing import assert_allclose
from oracles import Term, design
from test_laplace import differences

from skglmm.covariance import Unstructured
from skglmm.engine import bind
from skglmm.families import Beta, ExtendedBeta, OrderedBeta, ZeroOneInflatedBeta
from skglmm.fitting import fit

N = 90
RNG = np.random.default_rng(30)
ONE, X = np.ones(N), RNG.normal(size=N)
G, H = RNG.integers(0, 9, N), RNG.integers(0, 5, N)
FAMILIES = [Beta(), *BOUNDARY]
CONSTANTS = {
    "mean": 0.2,
    "precision": 2.2,
    "zero": -1.0,
    "one": -1.3,
    "lower_cut": -1.8,
    "cut_gap": 1.3,
    "exceedance": -2.0,
}
ALONE = [  # two effects of one predictor, of all families but one that takes longest
    pytest.param(family, (k,), marks=[pytest.mark.slow] * (family == ExtendedBeta()))
    for family in FAMILIES
    for k in range(len(family.links))
]
PAIRS = [
    (family, pair) for family in FAMILIES for pair in combinations(range(len(family.links)), 2)
]


def label(value):
    return "+".join(map(str, value)) if isinstance(value, tuple) else name(value)


def problem_of(family, predictors, *, crossed=False):
    """Responses of a family, with effects of one factor that feed these predictors."""
    rng = np.random.default_rng(31)
    columns = (ONE, X) if len(predictors) == 1 else tuple(ONE for _ in predictors)
    fed = predictors * 2 if len(predictors) == 1 else predictors
    terms = [Term("g", G, columns, Unstructured(len(columns)), predictors=fed)]
    if crossed:
        terms.append(Term("h", H, (ONE, ONE), Unstructured(2), predictors=predictors[:2]))
    fixed = [[ONE, X], *([ONE] for _ in family.links[1:])]
    eta = [np.full(N, CONSTANTS[each]) for each in family.predictors]
    eta[0] = eta[0] + 0.5 * X
    y = family.sample(eta, rng)
    problem = bind(design(fixed, *terms), y, rng.uniform(0.5, 2.0, N), family)
    theta = rng.normal(0, 0.4, sum(problem.shape.n_theta))
    start = [CONSTANTS[each] for each in family.predictors]
    return problem, np.array([start[0], 0.4, *start[1:], *theta])


@pytest.mark.parametrize(("family", "predictors"), ALONE, ids=label)
def test_effects_in_each_predictor_have_exact_gradients(family, predictors):
    problem, vector = problem_of(family, predictors)
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(("family", "predictors"), PAIRS, ids=label)
def test_correlated_effects_of_two_predictors_have_exact_gradients(family, predictors):
    problem, vector = problem_of(family, predictors)
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("family", FAMILIES, ids=name)
def test_crossed_factors_in_all_predictors_have_exact_gradients(family):
    problem, vector = problem_of(family, tuple(range(len(family.links))), crossed=True)
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(
    "family",
    [ZeroOneInflatedBeta(), OrderedBeta(), pytest.param(ExtendedBeta(), marks=pytest.mark.slow)],
    ids=name,
)
def test_the_covariance_of_the_estimates_inverts_the_hessian(family):
    """Across predictors, against differences of the gradient at the estimates."""
    rng = np.random.default_rng(33)
    g = np.repeat(np.arange(30), 12)
    one, x = np.ones(len(g)), rng.normal(size=len(g))
    term = Term("g", g, (one, one), Unstructured(2), predictors=(0, 2))
    whole = design([[one, x], *([one] for _ in family.links[1:])], term)
    b = rng.multivariate_normal([0, 0], [[0.5, 0.2], [0.2, 0.4]], 30)[g]
    eta = [np.full(len(g), CONSTANTS[each]) for each in family.predictors]
    eta[0], eta[2] = eta[0] + 0.5 * x + b[:, 0], eta[2] + b[:, 1]
    y = family.sample(eta, rng)
    result = fit(family, whole, y, inference=True)
    problem = bind(whole, y, None, family)
    vector = np.concatenate([*result.beta, _theta(result)])
    hessian = []
    for step in 1e-4 * np.eye(len(vector)):
        ends = [problem.evaluate(vector + sign * step).gradient for sign in (1, -1)]
        hessian.append((ends[0] - ends[1]) / 2e-4)
    expected = np.linalg.inv(hessian)
    n_beta = sum(map(len, result.beta))
    scale = np.sqrt(np.diag(expected)[:n_beta])
    found = result.covariance[:n_beta, :n_beta] / np.outer(scale, scale)
    assert_allclose(found, expected[:n_beta, :n_beta] / np.outer(scale, scale), atol=1e-4)


def _theta(result):
    """Parameters of the covariance in the user's units."""
    lower = np.linalg.cholesky(_sigma(result))
    return lower[np.tril_indices(len(lower))]


def _sigma(result):
    return result.lambdas[0] @ result.lambdas[0].T


def test_the_objective_depends_on_which_predictor_an_effect_feeds():
    problem, vector = problem_of(ZeroOneInflatedBeta(), (0, 2))
    other, _ = problem_of(ZeroOneInflatedBeta(), (0, 3))
    assert abs(problem.evaluate(vector).value - other.evaluate(vector).value) > 1e-3
