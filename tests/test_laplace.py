"""The Laplace objective, its exact gradient and what follows from its mode."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Bent, Gaussian, Term, design
from scipy.integrate import quad
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal

from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured
from skglmm.engine import (
    Params,
    bind,
    effect_information,
    information,
    jacobian,
    posterior,
    tangent,
    theta_information,
)
from skglmm.exceptions import DesignError
from skglmm.families import Beta
from skglmm.links import LINKS, Log
from skglmm.parts import Here

N = 240


@pytest.fixture(autouse=True)
def _chains(monkeypatch):
    """Eliminate factors of few levels as a chain, too, where they are nested."""
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 2)


RNG = np.random.default_rng(20)
ONE, X, Z = np.ones(N), RNG.normal(size=N), RNG.normal(size=N)
G, H, K = RNG.integers(0, 20, N), RNG.integers(0, 9, N), RNG.integers(0, 5, N)
WEIGHTS = RNG.uniform(0.5, 2.0, N)
FIXED = ([ONE, X], [ONE, Z])  # mean and precision

INTERCEPT = Term("g", G, (ONE,), Unstructured(1))
SLOPE = Term("g", G, (ONE, X), Unstructured(2))
THREE_COLUMNS = Term("g", G, (ONE, X, Z), BlockDiagonal((Unstructured(2), Unstructured(1))))
LAYOUTS = {
    "no random effects": (),
    "one factor": (INTERCEPT,),
    "correlated slopes": (SLOPE,),
    "diagonal": (Term("g", G, (ONE, X), Diagonal(2)),),
    "independent terms": (THREE_COLUMNS,),
    "nested": (INTERCEPT, Term("h", G // 3, (ONE, X), Unstructured(2))),
    "crossed": (SLOPE, Term("h", H, (ONE,), Unstructured(1))),
    "three factors": (
        INTERCEPT,
        Term("h", H, (ONE, X), Diagonal(2)),
        Term("k", K, (ONE, Z), Unstructured(2)),
    ),
    "effects in two predictors": (
        Term("g", G, (ONE, X), Unstructured(2), predictors=(0, 1)),
        Term("h", H, (ONE, Z, X), Unstructured(3), predictors=(1, 0, 1)),
    ),
    "effects in the precision alone": (replace(SLOPE, predictors=(1, 1)),),
    "nested in nested, and crossed": (
        SLOPE,
        Term("h", G // 3, (ONE, X), Unstructured(2)),
        Term("m", G // 9, (ONE,), Unstructured(1)),
        Term("k", K, (ONE, Z), Unstructured(2)),
    ),
    "one row per level": (Term("g", np.arange(N), (ONE,), Unstructured(1)),),
}
SETTINGS = {
    "plain": {},
    "weights and an offset": {"weights": WEIGHTS, "offset": 0.3 * Z},
    "shards": {"shard_rows": 50},
}


def problem_of(layout, *, family=None, weights=None, offset=None, shard_rows=10**6, seed=0):
    """A problem with beta responses, and a point away from its optimum."""
    rng = np.random.default_rng(seed)
    whole = design(FIXED, *LAYOUTS[layout], offset=offset)
    family = family or Beta()
    y = family.sample([0.2 + 0.4 * X, np.full(N, 2.0)], rng)
    problem = bind(whole, y, weights, family, shard_rows)
    theta = rng.normal(0, 0.5, sum(problem.shape.n_theta))
    return problem, np.concatenate([[0.1, 0.3, 1.5, 0.2], theta])


def differences(problem, vector, h=1e-5):
    steps = h * np.eye(len(vector))
    return np.array(
        [
            (problem.evaluate(vector + e).value - problem.evaluate(vector - e).value) / (2 * h)
            for e in steps
        ]
    )


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_gradient_matches_differences(layout, setting):
    problem, vector = problem_of(layout, **SETTINGS[setting])
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("layout", ["correlated slopes", "effects in two predictors"])
def test_the_gradient_matches_differences_for_every_link(layout, link):
    problem, vector = problem_of(layout, family=Beta((LINKS[link], Log())))
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=2e-6)


def three_predictors(shard_rows):
    """A problem whose effects feed three predictors, and a point."""
    fixed = ([ONE, X], [ONE], [ONE, Z])
    terms = (
        Term("g", G, (ONE, X, Z), Unstructured(3), predictors=(0, 2, 1)),
        Term("h", H, (ONE, ONE), Diagonal(2), predictors=(2, 0)),
    )
    y = np.random.default_rng(9).normal(0.5 * X, 1.0)
    problem = bind(design(fixed, *terms), y, WEIGHTS, Bent(links=()), shard_rows)
    theta = np.random.default_rng(10).normal(0, 0.3, 8)
    return problem, np.concatenate([[0.1, 0.3, 0.2, 0.5, -0.1], theta])


@pytest.mark.parametrize("shard_rows", [10**6, 60])
def test_the_gradient_matches_differences_with_three_predictors(shard_rows):
    problem, vector = three_predictors(shard_rows)
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=2e-6)


def test_zero_variances_are_ordinary_points():
    problem, vector = problem_of("three factors")
    vector[4:] = 0.0
    assert_allclose(problem.evaluate(vector).gradient, differences(problem, vector), atol=2e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_mode_moves_as_its_derivative_says(layout):
    problem, vector = problem_of(layout)
    direction, h = np.random.default_rng(1).normal(size=len(vector)), 1e-5
    before, here, after = (
        problem.evaluate(vector + step * direction).mode for step in (-h, 0.0, h)
    )
    found = problem.join(tangent(problem, here, direction))
    columns = jacobian(problem, here)
    ends = [problem.join(mode.point.u) for mode in (after, before)]
    for i, slope in enumerate(found):
        expected = (ends[0][i] - ends[1][i]) / (2 * h)
        assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)
        assert_allclose(np.tensordot(direction, columns[i], axes=1), slope, rtol=1e-9, atol=1e-12)


def test_the_information_is_the_curvature_of_h_along_its_mode():
    problem, vector = problem_of("crossed")
    mode, h = problem.evaluate(vector).mode, 1e-4
    found, expected = information(problem, mode), np.empty((4, 4))

    def least(change):
        return problem.evaluate(vector + np.concatenate([change, np.zeros(len(vector) - 4)]))

    steps = h * np.eye(4)
    for i, a in enumerate(steps):
        for j, b in enumerate(steps):
            corners = (least(s * a + t * b).mode.point.value for s in (1, -1) for t in (1, -1))
            upper, left, right, lower = corners
            expected[i, j] = (upper - left - right + lower) / (4 * h * h)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-2)


def dense_columns(layout):
    """Columns of the random effects of each predictor: factor by factor, effect by effect."""
    loadings = [[], []]
    for term in LAYOUTS[layout]:
        level = (term.codes[:, None] == np.unique(term.codes)).astype(float)
        for column, k in zip(
            term.columns, term.predictors or (0,) * len(term.columns), strict=True
        ):
            loadings[k].append(column[:, None] * level)
            loadings[1 - k].append(np.zeros_like(level))
    return [np.hstack(columns) for columns in loadings]


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "no random effects"])
def test_the_curvature_at_the_mode_equals_dense_algebra(layout):
    problem, vector = problem_of(layout, shard_rows=60)
    whole, mode = design(FIXED, *LAYOUTS[layout]), problem.evaluate(vector).mode
    params = Params.unpack(vector, problem.shape)
    roots, u = mode.point.lambdas, problem.join(mode.point.u)
    effects = {f: roots[i] @ u[i] for i, f in enumerate(problem.order)}
    z, b = dense_columns(layout), np.concatenate([effects[f].ravel() for f in sorted(effects)])
    eta = [whole.fixed[k] @ params.beta[k] + z[k] @ b for k in range(2)]
    y = Beta().sample([0.2 + 0.4 * X, np.full(N, 2.0)], np.random.default_rng(0))
    hess = Beta().log_density(Beta().prepare(y), eta, 2).hess
    factors = [t.covariance.factor(p) for t, p in zip(LAYOUTS[layout], params.theta, strict=True)]
    root = block_diag(*(np.kron(a, np.eye(effects[f].shape[1])) for f, a in enumerate(factors)))
    information = -sum(z[j].T @ (hess[j + k][:, None] * z[k]) for j in range(2) for k in range(2))
    dense = np.eye(len(root)) + root.T @ information @ root
    assert_allclose(mode.system.half_logdet, 0.5 * np.linalg.slogdet(dense)[1], rtol=1e-10)

    inverse, found = np.linalg.inv(dense), posterior(problem, mode)
    starts = np.cumsum([0, *(effects[f].size for f in sorted(effects))])
    for f, g in product(sorted(effects), repeat=2):
        shapes = effects[f].shape, effects[g].shape
        own = inverse[starts[f] : starts[f + 1], starts[g] : starts[g + 1]]
        left, right = map(np.ravel, np.indices((shapes[0][1], shapes[1][1])))
        blocks = found.between(problem.order.index(f), problem.order.index(g), left, right)
        expected = own.reshape(*shapes[0], *shapes[1])[:, left, :, right]
        assert_allclose(np.moveaxis(blocks, -1, 0), expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("term", [INTERCEPT, SLOPE, THREE_COLUMNS])
def test_the_information_about_theta_is_that_of_a_normal_response(term):
    rng = np.random.default_rng(4)
    whole = design(([ONE], [ONE]), term)
    problem = bind(whole, rng.normal(size=N), None, Gaussian(links=()))
    theta = rng.normal(size=term.covariance.n_params)
    found = theta_information(problem, problem.evaluate(np.array([0.0, 0.2, *theta])).mode)

    root, same = term.covariance.factor(theta), term.codes[:, None] == term.codes
    z = np.column_stack(term.columns)
    inverse = np.linalg.inv(np.exp(-0.2) * np.eye(N) + (z @ root @ root.T @ z.T) * same)
    changes = [
        inverse @ ((z @ (change @ root.T + root @ change.T) @ z.T) * same)
        for change in term.covariance.moves(theta)
    ]
    expected = [[0.5 * np.trace(a @ b) for b in changes] for a in changes]
    assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if "precision" not in name])
def test_a_gaussian_response_makes_it_exact(layout):
    if layout == "effects in two predictors":
        layout = "crossed"
    rng = np.random.default_rng(2)
    terms, y = LAYOUTS[layout], rng.normal(size=N)
    whole = design(([ONE, X], [ONE]), *terms)
    problem = bind(whole, y, None, Gaussian(links=()))
    theta = rng.normal(size=sum(problem.shape.n_theta))
    vector = np.concatenate([[0.1, 0.3, 0.2], theta])

    params = Params.unpack(vector, problem.shape)
    covariance = np.exp(-0.2) * np.eye(N)
    for term, part in zip(terms, params.theta, strict=True):
        root = term.covariance.factor(part)
        z = np.column_stack(term.columns) @ root
        covariance += (z @ z.T) * (term.codes[:, None] == term.codes)
    exact = multivariate_normal(0.1 + 0.3 * X, covariance).logpdf(y)

    found = problem.evaluate(vector)
    assert_allclose(-found.value, exact, rtol=1e-12)
    assert found.mode.n_steps <= 2


@pytest.mark.parametrize(("n_rows", "error"), [(15, 1e-2), (150, 1e-3), (1500, 1e-4)])
def test_it_tends_to_the_integral_as_a_level_gets_rows(n_rows, error):
    rng = np.random.default_rng(3)
    one = np.ones(n_rows)
    y = Beta().sample([0.8 * one, 1.5 * one], rng)
    prepared, constant = Beta().prepare(y), np.zeros(n_rows, dtype=int)
    term = Term("g", constant, (one,), Unstructured(1))
    problem = bind(design(([one], [one]), term), y, None, Beta())
    value = -problem.evaluate(np.array([0.2, 1.4, 0.6])).value

    def integrand(u):
        density = Beta().log_density(prepared, [0.2 + 0.6 * u * one, 1.4 * one]).value.sum()
        return np.exp(density - value - 0.5 * u * u) / np.sqrt(2 * np.pi)

    integral = quad(integrand, -3, 5, points=[1.0], epsabs=1e-10)[0]
    assert 0 < abs(np.log(integral)) < error


NESTED = ["nested", "nested in nested, and crossed"]


@pytest.mark.parametrize("layout", NESTED)
def test_a_chain_of_nested_factors_is_that_of_a_dense_rest(layout, monkeypatch):
    chained, vector = problem_of(layout, shard_rows=30)
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 10**9)
    dense, _ = problem_of(layout, shard_rows=30)
    assert chained.n_nested > dense.n_nested == 1
    one, other = chained.evaluate(vector), dense.evaluate(vector)
    assert_allclose(one.value, other.value, rtol=1e-13)
    assert_allclose(one.gradient, other.gradient, rtol=1e-9, atol=1e-9)
    curvatures = [
        effect_information(p, found.mode) for p, found in ((chained, one), (dense, other))
    ]
    for mine, theirs in zip(*(each.blocks for each in curvatures), strict=True):
        assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9)
    for key, mine in curvatures[0].pairs.items():
        for a, b in zip(mine, curvatures[1].pairs[key], strict=True):
            assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_a_level_without_rows_may_stand_anywhere_in_a_chain():
    codes, above = G + 1 + (G > 7), (G + 1) // 4 + 2  # of 23 and 9 levels
    terms = (
        Term("g", codes, (ONE,), Unstructured(1)),
        Term("h", above, (ONE, X), Unstructured(2)),
    )
    whole = design(FIXED, *terms)
    grown = tuple(
        replace(factor, labels=np.arange(n).astype(object))
        for factor, n in zip(whole.layout.factors, (23, 9), strict=True)
    )
    layout = replace(whole.layout, factors=grown)
    whole = replace(whole, layout=layout, codes=(codes, above))
    y = np.random.default_rng(0).uniform(0.1, 0.9, N)
    problem = bind(whole, y, None, Beta(), shard_rows=50)
    vector = np.array([0.1, 0.3, 1.5, 0.2, 0.6, 0.5, 0.2, 0.4])
    found = problem.evaluate(vector)
    assert_allclose(found.gradient, differences(problem, vector), rtol=1e-6, atol=2e-6)
    u = problem.join(found.mode.point.u)
    assert [part.shape for part in u] == [(1, 23), (2, 9)]
    for part, level in ((u[0], 0), (u[0], 9), (u[0], 22), (u[1], 0), (u[1], 8)):
        assert_allclose(part[:, level], 0.0)
    alone = posterior(problem, found.mode).between(0, 0, np.array([0, 5]), np.array([0, 0]))
    assert_allclose(alone, [[[1.0, 0.0]]])


@pytest.mark.parametrize("layout", ["one factor", *NESTED, "crossed", "three factors"])
def test_threads_do_not_change_a_bit(layout):
    problem, vector = problem_of(layout, shard_rows=30)
    threaded = replace(problem, shards=Here(problem.shards, n_threads=2))
    one, many = problem.evaluate(vector), threaded.evaluate(vector)
    assert many.value == one.value
    assert_array_equal(many.gradient, one.gradient)


@pytest.mark.parametrize("layout", ["one factor", *NESTED, "crossed", "three factors"])
def test_shards_do_not_change_the_numbers(layout):
    whole, vector = problem_of(layout)
    cut, _ = problem_of(layout, shard_rows=30)
    assert len(whole.shards) == 1 < len(cut.shards)
    one, many = whole.evaluate(vector), cut.evaluate(vector)
    assert_allclose(many.value, one.value, rtol=1e-13)
    assert_allclose(many.gradient, one.gradient, rtol=1e-9, atol=1e-9)


def test_a_point_beyond_the_reach_is_refused():
    problem, vector = problem_of("crossed")
    vector[0] = 1e4
    assert problem.evaluate(vector) is None
    vector[0] = np.nan
    assert problem.evaluate(vector) is None


def test_two_huge_crossed_factors_are_refused_before_any_allocation(monkeypatch):
    monkeypatch.setattr("skglmm.engine.memory.available_bytes", lambda: 35_900_000_000)
    rows = np.arange(80_000)
    one = np.ones(len(rows))
    terms = (
        Term(name, rows % n, (one,), Unstructured(1)) for name, n in (("g", 40_000), ("h", 30_000))
    )
    whole = design(([one], [one]), *terms)
    with pytest.raises(DesignError, match=r"g \(40,000 levels x 1\), h \(30,000 .* 36\.0 GB.*35"):
        bind(whole, np.full(len(rows), 0.5), None, Beta())
