"""Adaptive Gauss-Hermite quadrature along chains of nested factors."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Bent, Gaussian, Term, design
from scipy.special import expit

from skglmm import inference as infer
from skglmm.covariance import CompoundSymmetry, Diagonal, Unstructured
from skglmm.engine import AdaptiveQuadrature, Laplace, Params, bind, third_slopes
from skglmm.exceptions import DesignError
from skglmm.families import Bernoulli, Beta, Poisson
from skglmm.fitting import Study, fit, local
from skglmm.inference import Plan
from skglmm.inference.diagnosis.influence import influences

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


@pytest.mark.parametrize("n_points", [2, pytest.param(3, marks=pytest.mark.slow)])
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
    exact, errors = brute_force(problem, vector, step=0.15, most=50), []
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


# --- rows beside those of the fit -----------------------------------------------------------------


def nested_rows(n_outer, rng):
    """Rows of two inner levels in each outer one, 3 rows each: their design and responses."""
    codes = np.repeat(np.arange(2 * n_outer), 3)
    x = rng.normal(size=len(codes))
    effects = 1.2 * rng.normal(size=n_outer)[codes // 2] + rng.normal(size=2 * n_outer)[codes]
    whole = design(
        ([np.ones(len(x)), x],),
        Term("outer", codes // 2, (np.ones(len(x)),), Unstructured(1)),
        Term("inner", codes, (np.ones(len(x)),), Unstructured(1)),
    )
    return whole, (rng.random(len(x)) < expit(0.5 * x + effects)) * 1.0


@pytest.fixture(scope="module")
def fitted():
    """A fit to the rows of all but the last outer levels, and to half of those of others."""
    whole, y = nested_rows(60, np.random.default_rng(5))
    codes = whole.codes[1]
    old = (codes < 110) & ((np.arange(len(y)) % 3 < 2) | (codes < 60))
    found = fit(Bernoulli(), whole_of(whole, old), y[old], approximation=AdaptiveQuadrature(7))
    return whole, y, old, found


def whole_of(design, rows):
    """The design of some rows that knows their levels alone, which come first."""
    part = design.take(rows)
    factors = [
        replace(factor, labels=factor.labels[: codes.max() + 1])
        for factor, codes in zip(part.layout.factors, part.codes, strict=True)
    ]
    return replace(part, layout=replace(part.layout, factors=tuple(factors)))


def test_rows_of_new_levels_have_the_likelihood_of_the_fit(fitted):
    whole, y, old, found = fitted
    plan = Plan.of(whole.layout, "marginal", "nan")
    shares = infer.joint_log_density(found, whole_of(whole, old), plan, y[old])
    assert_allclose(shares.sum(), found.log_likelihood, rtol=1e-12)


@pytest.mark.parametrize("kind", [{"outer"}, {"inner"}, "fixed"])
def test_densities_may_leave_factors_out(fitted, kind):
    whole, y, old, found = fitted
    plan = Plan.of(whole.layout, kind, "nan")
    part = whole_of(whole, old)
    shares = infer.joint_log_density(found, part, plan, y[old])
    assert np.isfinite(shares).all()
    if kind == "fixed":
        eta = part.fixed[0] @ found.beta[0]
        assert_allclose(shares, -np.logaddexp(0, np.where(y[old] > 0.5, -eta, eta)), rtol=1e-10)


@pytest.mark.parametrize("kind", [{"outer"}, {"inner"}])
def test_densities_that_leave_factors_out_take_new_levels_beside_known_ones(fitted, kind):
    whole, y, _, found = fitted
    plan = Plan.of(whole.layout, kind, "marginal")
    shares = infer.joint_log_density(found, whole, plan, y)
    (new,) = ([f for f in (0, 1) if whole.layout.factors[f].name in kind],)
    codes = whole.codes[new[0]]
    last = np.flatnonzero(codes == codes.max())
    alone = infer.joint_log_density(found, whole.take(last), plan, y[last])
    assert_allclose(shares[last], alone, rtol=1e-9)


def test_rows_of_known_levels_are_averaged_over_what_the_fit_knows(fitted):
    whole, y, old, found = fitted
    found = replace(found, approximation=AdaptiveQuadrature(25))
    rest, codes = np.flatnonzero(~old & (whole.codes[1] < 64)), whole.codes[1]
    part = replace(whole.take(rest), layout=found.layout)
    shares = infer.joint_log_density(
        found, part, Plan.of(whole.layout, "conditional", "nan"), y[rest]
    )
    grid, (outer, inner) = np.linspace(-7, 7, 81), found.lambdas
    eta = part.fixed[0] @ found.beta[0]
    total = 0.0
    for top in np.unique(codes[rest] // 2):
        levels = [2 * top, 2 * top + 1]
        blocks = np.zeros((3, 3))
        info = found.effect_information
        pair = info.between(0, 1)
        blocks[0, 0] = info.blocks[0][0, 0, top]
        for place, level in enumerate(levels, 1):
            blocks[place, place] = info.blocks[1][0, 0, level]
            blocks[0, place] = blocks[place, 0] = pair.values[0, 0, pair.right == level][0]
        mean = np.array([found.u[0][0, top], *found.u[1][0, levels]])
        u = np.stack(np.meshgrid(grid, grid, grid, indexing="ij")).reshape(3, -1)
        precision, off = blocks + np.eye(3), u - mean[:, None]
        heights = -0.5 * np.sum(off * (precision @ off), axis=0)
        heights += 0.5 * np.linalg.slogdet(precision / (2 * np.pi))[1]
        for row in np.flatnonzero(codes[rest] // 2 == top):
            place = 1 + levels.index(codes[rest][row])
            here = eta[row] + outer[0, 0] * u[0] + inner[0, 0] * u[place]
            heights -= np.logaddexp(0, np.where(y[rest][row] > 0.5, -here, here))
        total += np.logaddexp.reduce(heights) + 3 * np.log(grid[1] - grid[0])
    assert_allclose(shares.sum(), total, atol=1e-6)


def test_a_normal_response_is_updated_exactly():
    whole, y = nested_rows(40, np.random.default_rng(6))
    whole = replace(
        whole,
        layout=replace(
            whole.layout,
            predictors=("mean", "precision"),
            coefficients=(*whole.layout.coefficients, ("x0",)),
        ),
        offsets=(None, None),
        fixed=(*whole.fixed, np.ones((len(y), 1))),
    )
    rng = np.random.default_rng(7)
    y = y + rng.normal(size=len(y)) + 1.5 * rng.normal(size=80)[whole.codes[1]]
    old = (whole.codes[1] < 70) & ((np.arange(len(y)) % 3 < 2) | (whole.codes[1] < 40))
    part = whole_of(whole, old)
    before = fit(Gaussian(), part, y[old], approximation=AdaptiveQuadrature(1))
    assert np.all(np.ravel(before.lambdas) > 0.2)
    rest = whole.take(~old)
    after = infer.condition(before, rest, infer.update(before, rest, y[~old], None))
    together = infer.condition(before, whole, infer.update(before, whole, y, None, forget=True))
    for f in range(2):
        assert_allclose(after.u[f], together.u[f], atol=1e-9)
        ours, theirs = (each.effect_information.blocks[f] for each in (after, together))
        assert_allclose(ours, theirs, atol=1e-9)
        assert_allclose(after.posterior.own[f], together.posterior.own[f], atol=1e-9)


def test_levels_that_have_moved_are_named_as_what_is_in_the_way(fitted):
    whole, y, old, found = fitted
    part = replace(whole.take(~old & (whole.codes[1] < 110)), layout=found.layout)
    moved = replace(part, codes=((part.codes[0] + 1) % 55, part.codes[1]))
    plan = Plan.of(whole.layout, "conditional", "nan")
    with pytest.raises(DesignError, match="give levels that have moved new names"):
        infer.joint_log_density(found, moved, plan, y[~old & (whole.codes[1] < 110)])


def test_a_study_profiles_and_levels_left_out_have_the_likelihood_of_the_fit(fitted):
    whole, y, old, found = fitted
    part = whole_of(whole, old)
    study = Study.of(Bernoulli(), part, y[old], approximation=found.approximation)
    here = study.problem.evaluate(study.vector(found))
    assert_allclose(-here.value, found.log_likelihood, rtol=1e-12)
    assert_allclose(here.gradient, 0.0, atol=1e-4)
    robust = infer.sandwich(found, study, part.codes[0])
    ratio = np.sqrt(np.diag(robust.covariance) / np.diag(found.covariance))
    assert np.all((ratio > 0.5) & (ratio < 2.0))
    around = local(study, found, here)
    moved = list(influences(study, here.mode, around, 3))
    assert len(moved) >= 55
    assert np.isfinite([each.distance for each in moved]).all()
