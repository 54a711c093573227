"""Adaptive Gauss-Hermite quadrature along chains of nested factors."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Bent, Gaussian, Term, design
from skglmm.covariance import CompoundSymmetry, Diagonal, Unstructured
from skglmm.engine import AdaptiveQuadrature, Laplace, Params, bind, third_slopes
from skglmm.families import Bernoulli, Beta, Poisson

RNG = np.random.default_rng(31)
TOP = np.repeat(np.arange(6), [4, 3, 2, 1, 3, 2])  # of the 15 inner levels
SIZES = RNG.integers(2, 6, len(TOP))
SIZES[4] = 1
INNER = np.repeat(np.arange(len(TOP)), SIZES)
OUTER = TOP[INNER]
HIGHEST = np.array([0, 0, 1, 1, 1, 0])[OUTER]
N = len(INNER)
ONE, X, Z = np.ones(N), RNG.normal(size=N), RNG.normal(size=N)
WEIGHTS = RNG.uniform(0.5, 2.0, N)
RESPONSES = {
    "bernoulli": (Bernoulli(), (RNG.random(N) < 0.5) * 1.0),
    "poisson": (Poisson(), RNG.poisson(2.0, N) * 1.0),
    "beta": (Beta(), RNG.beta(2.0, 2.0, N)),
    "bent": (Bent(links=()), RNG.normal(0.5 * X, 1.0)),
}
FIXED = {"beta": ([ONE, X], [ONE, Z]), "bent": ([ONE, X], [ONE], [ONE, Z])}


def inner(*columns, covariance=None, predictors=None, codes=INNER, name="inner"):
    covariance = covariance or Unstructured(len(columns))
    return Term(name, codes, columns, covariance, predictors=predictors)


def outer(*columns, codes=OUTER, name="outer", **options):
    return inner(*columns, codes=codes, name=name, **options)


TERMS = {
    "intercepts": (inner(ONE), outer(ONE)),
    "outer first": (outer(ONE), inner(ONE)),
    "slopes": (inner(ONE, X), outer(ONE, X)),
    "wide above": (inner(ONE), outer(ONE, X, Z, covariance=CompoundSymmetry(3))),
    "wide below": (inner(ONE, X, Z, covariance=Diagonal(3)), outer(ONE)),
    "three": (inner(ONE), outer(ONE, Z), outer(ONE, codes=HIGHEST, name="highest")),
    "across": (inner(ONE, X, predictors=(0, 1)), outer(ONE, X, predictors=(1, 0))),
    "all": (inner(ONE, X, predictors=(2, 0)), outer(ONE, Z, predictors=(1, 2))),
}
CASES = [
    *(("bernoulli", term) for term in list(TERMS)[:6]),
    ("poisson", "slopes"),
    ("poisson", "three"),
    ("beta", "intercepts"),
    ("beta", "across"),
    ("bent", "all"),
]


def problem_of(response, terms, n_points, *, weights=WEIGHTS, shard_rows=10**6):
    """A problem and a point away from its optimum."""
    family, y = RESPONSES[response]
    whole = design(FIXED.get(response, ([ONE, X],)), *TERMS[terms], offset=0.3 * Z)
    problem = bind(whole, y, weights, family, shard_rows, whole=True)
    problem = problem.approximated(AdaptiveQuadrature(n_points), whole.layout)
    rng = np.random.default_rng(1)
    beta = rng.normal(0, 0.3, problem.shape.n_beta)
    return problem, np.concatenate([beta, rng.normal(0.3, 0.6, sum(problem.shape.n_theta))])


def differences(problem, vector, h=1e-5):
    ends = (
        (problem.evaluate(vector + e), problem.evaluate(vector - e))
        for e in h * np.eye(len(vector))
    )
    return np.array([(one.value - other.value) / (2 * h) for one, other in ends])


@pytest.mark.parametrize("n_points", [2, 3])
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_the_gradient_matches_differences(case, n_points):
    problem, vector = problem_of(*case, n_points)
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_one_point_is_laplace(case):
    problem, vector = problem_of(*case, 1)
    found = problem.evaluate(vector)
    laplace = replace(problem, approximation=Laplace()).evaluate(vector)
    assert_allclose(found.value, laplace.value, rtol=1e-10)
    assert_allclose(found.gradient, laplace.gradient, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("setting", [{"weights": None}, {"shard_rows": 10}])
def test_the_gradient_matches_differences_without_weights_and_in_shards(setting):
    problem, vector = problem_of("bernoulli", "slopes", 3, **setting)
    assert len(problem.shards) > ("shard_rows" in setting)
    found = problem.evaluate(vector)
    assert_allclose(found.gradient, differences(problem, vector), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("absent", [[2, 3, 4], [5, 6, 7], [2, 3, 4, 5, 6, 7]])
def test_zero_variances_are_ordinary_points(absent):
    problem, vector = problem_of("poisson", "slopes", 3)
    vector[absent] = 0.0
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-7, atol=1e-6)


def test_a_factor_without_variance_leaves_the_integral_over_the_other():
    problem, vector = problem_of("bernoulli", "intercepts", 7)
    family, y = RESPONSES["bernoulli"]
    for place, (term,) in ((2, TERMS["intercepts"][1:]), (3, TERMS["intercepts"][:1])):
        whole = design(([ONE, X],), term, offset=0.3 * Z)
        alone = bind(whole, y, WEIGHTS, family).approximated(problem.approximation, whole.layout)
        there = np.where(np.arange(4) == place, 0.0, vector)
        expected = alone.evaluate(np.delete(vector, place)).value
        assert_allclose(problem.evaluate(there).value, expected, rtol=1e-12)


def test_the_order_of_the_rows_does_not_matter():
    problem, vector = problem_of("bernoulli", "three", 3)
    family, y = RESPONSES["bernoulli"]
    order = np.random.default_rng(2).permutation(N)
    whole = design(([ONE, X],), *TERMS["three"], offset=0.3 * Z).take(order)
    other = bind(whole, y[order], WEIGHTS[order], family, 20, whole=True)
    found = other.approximated(problem.approximation, whole.layout).evaluate(vector)
    assert_allclose(found.value, problem.evaluate(vector).value, rtol=1e-13)
    assert_allclose(found.gradient, problem.evaluate(vector).gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n_points", [2, 5])
def test_it_is_exact_for_a_normal_response(n_points):
    y = np.random.default_rng(2).normal(0.5 * X, 1.0)
    whole = design(([ONE, X], [ONE]), *TERMS["wide above"])
    exact = bind(whole, y, None, Gaussian(links=()), whole=True)
    vector = np.array([0.1, 0.3, 0.2, 0.7, 0.1, 0.5, 0.4, 0.3])
    found = exact.approximated(AdaptiveQuadrature(n_points), whole.layout).evaluate(vector)
    assert_allclose(found.value, exact.evaluate(vector).value, rtol=1e-13)
    assert_allclose(found.gradient, exact.evaluate(vector).gradient, rtol=1e-9, atol=1e-9)


# --- values ---------------------------------------------------------------------------------------


def brute_force(problem, vector, step=0.3, most=21):
    """Minus the log likelihood, by sums over lattices of all effects of a chain of two."""
    params = Params.unpack(vector, problem.shape)
    (shard,), lambdas = problem.shards, problem.lambdas(params)
    lattices = []
    for lambda_ in lambdas:
        axes = np.meshgrid(*[step * np.arange(-most, most + 1)] * len(lambda_), indexing="ij")
        u = np.stack(axes).reshape(len(lambda_), -1)
        log_prior = -0.5 * np.sum(u**2, axis=0) - 0.5 * len(u) * np.log(2 * np.pi)
        lattices.append((lambda_ @ u, log_prior + len(u) * np.log(step)))
    (below, lower), (above, upper) = lattices
    n_inner, n_outer = (factor.grouping.size for factor in shard.factors)
    total = np.empty((n_outer, above.shape[1]))
    for place, b in enumerate(above.T):
        heights = np.empty((n_inner, below.shape[1]))
        for other, a in enumerate(below.T):
            effects = [np.repeat(a[:, None], n_inner, 1), np.repeat(b[:, None], n_outer, 1)]
            value = shard.log_density(problem.family, shard.predictors(params.beta, effects), 0)[0]
            heights[:, other] = shard.factors[0].grouping.sum(value)
        inside = np.logaddexp.reduce(heights + lower, axis=1)
        total[:, place] = shard.chain.parents[0, 1].sum(inside)
    return -np.logaddexp.reduce(total + upper, axis=1).sum()


def test_it_converges_to_the_integral_as_the_points_grow():
    problem, vector = problem_of("bernoulli", "intercepts", 1, weights=None)
    vector[2:] = 1.6, 1.2
    exact, errors = brute_force(problem, vector, step=0.1, most=80), []
    for n_points in (1, 5, 11, 25):
        found = replace(problem, approximation=AdaptiveQuadrature(n_points)).evaluate(vector)
        errors.append(abs(found.value - exact))
    assert errors[0] > 0.1
    assert np.all(np.array(errors[1:]) < [1e-2, 1e-4, 1e-7])


@pytest.mark.slow
def test_slopes_are_integrated_at_both_levels():
    problem, vector = problem_of("bernoulli", "slopes", 11)
    exact = brute_force(problem, vector, step=0.5, most=12)
    assert_allclose(problem.evaluate(vector).value, exact, atol=1e-4)


# --- derivatives beside the gradient --------------------------------------------------------------


@pytest.mark.parametrize("case", [("bernoulli", "slopes"), ("beta", "across")], ids=" ".join)
def test_gradients_nearby_give_the_hessian(case):
    problem, vector = problem_of(*case, 2)
    here, h = problem.evaluate(vector), 1e-6
    slopes = third_slopes(problem, here.mode.point)
    base = problem.gradient_near(here, np.zeros(len(vector)), slopes)
    for change in h * np.eye(len(vector)):
        found = (problem.gradient_near(here, change, slopes) - base) / h
        ends = (problem.evaluate(vector + 10 * s * change).gradient for s in (1, -1))
        expected = -np.subtract(*reversed([*ends])) / (20 * h)
        assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("shard_rows", [10, 10**6])
def test_gradients_of_clusters_are_those_of_clusters_alone(shard_rows):
    problem, vector = problem_of("bernoulli", "slopes", 3, shard_rows=shard_rows)
    here, clusters = problem.evaluate(vector), OUTER % 3
    found = problem.cluster_gradients(here.mode, clusters)
    assert_allclose(found.sum(axis=0), here.gradient, rtol=1e-9, atol=1e-9)
    family, y = RESPONSES["bernoulli"]
    rows = np.flatnonzero(clusters == 2)
    whole = design(([ONE, X],), *TERMS["slopes"], offset=0.3 * Z).take(rows)
    alone = bind(whole, y[rows], WEIGHTS[rows], family, whole=True)
    alone = alone.approximated(problem.approximation, whole.layout).evaluate(vector)
    assert_allclose(found[2], alone.gradient, rtol=1e-7, atol=1e-7)
