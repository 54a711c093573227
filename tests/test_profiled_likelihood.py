"""Linear mixed models by cross-products: the numbers of a fit row by row, and of dense matrices."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Term, design

from skglmm.covariance import Diagonal, Unstructured
from skglmm.engine import (
    Laplace,
    LinearModel,
    Params,
    ProfiledGaussian,
    bind,
    maximum_of,
)
from skglmm.families import Gaussian
from skglmm.fitting import Options, Study, fit, refit
from skglmm.links import Log

N = 240
RNG = np.random.default_rng(20)
ONE, X, Z = np.ones(N), RNG.normal(size=N), RNG.normal(size=N)
G, H, K = RNG.integers(0, 20, N), RNG.integers(0, 9, N), RNG.integers(0, 5, N)
WEIGHTS, OFFSET = RNG.uniform(0.5, 2.0, N), RNG.normal(size=N)
SLOPE, CROSSED = Term("g", G, (ONE, X), Unstructured(2)), Term("h", H, (ONE,), Unstructured(1))
LAYOUTS = {
    "no random effects": (),
    "one factor": (Term("g", G, (ONE,), Unstructured(1)),),
    "slopes": (SLOPE,),
    "nested": (SLOPE, Term("h", G // 3, (ONE, X), Unstructured(2))),
    "crossed": (SLOPE, CROSSED),
    "two crossed": (SLOPE, CROSSED, Term("k", K, (ONE, Z), Unstructured(2))),
    "nested in nested, and crossed": (
        SLOPE,
        Term("h", G // 3, (ONE,), Unstructured(1)),
        Term("k", K, (ONE,), Unstructured(1)),
    ),
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS)
either_likelihood = pytest.mark.parametrize("integrated", [(), (0,)], ids=["ml", "reml"])


@pytest.fixture(autouse=True)
def _chains(monkeypatch):
    """Eliminate factors of few levels as a chain, too, where they are nested."""
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 2)


def rows_of(layout, *, seed=3):
    """A design with a constant scale, and responses with all of its effects."""
    rng, terms = np.random.default_rng(seed), LAYOUTS[layout]
    y = 0.2 + 0.4 * X + rng.normal(0, 0.6, N)
    for term in terms:
        for column in term.columns:
            y = y + column * rng.normal(0, 0.5, term.codes.max() + 1)[term.codes]
    return design(([ONE, X, Z], [ONE]), *terms, offset=OFFSET), y


def problem_of(layout, integrated, shard_rows=10**6):
    whole, y = rows_of(layout)
    problem = bind(whole, y, WEIGHTS, Gaussian(), shard_rows)
    return replace(problem, approximation=ProfiledGaussian(integrated=integrated))


def point_of(problem, seed=4):
    return np.random.default_rng(seed).normal(0.5, 0.3, problem.shape.n_params)


def absolute(model, theta, here):
    """All parameters at which the likelihood is the profiled one, in absolute units."""
    mode, problem = here.mode, model.problem
    sigma = np.sqrt(mode.square / model.likelihood.mass)
    beta = mode.u.crossed[-3:]
    return Params((beta, np.array([np.log(sigma)])), (sigma * theta,)).pack(), problem, sigma


@every_layout
@either_likelihood
def test_the_profiled_likelihood_is_the_highest_that_covariances_leave(layout, integrated):
    model = LinearModel.of(problem_of(layout, integrated))
    theta = point_of(model.profile)
    here = model.profile.evaluate(theta)
    vector, problem, sigma = absolute(model, theta, here)
    rows = replace(problem, approximation=Laplace(integrated=integrated))
    if integrated:
        rows, vector = rows.restricted([vector[:3], vector[3:4]]), vector[3:]
    there = rows.evaluate(vector, tol=1e-20)
    n_theta = len(theta)
    assert_allclose(here.value, there.value, rtol=1e-12)
    assert_allclose(here.gradient, sigma * there.gradient[len(vector) - n_theta :], atol=1e-8)
    assert_allclose(there.gradient[: len(vector) - n_theta - 1], 0.0, atol=1e-8)


@every_layout
@either_likelihood
def test_its_gradient_is_that_of_differences(layout, integrated):
    problem = LinearModel.of(problem_of(layout, integrated)).profile
    theta, steps = point_of(problem), 1e-5 * np.eye(problem.shape.n_params)
    values = [[problem.evaluate(theta + s * h).value for s in (1, -1)] for h in steps]
    differences = [(after - before) / 2e-5 for after, before in values]
    assert_allclose(problem.evaluate(theta).gradient, differences, atol=1e-6)


@every_layout
@either_likelihood
def test_shards_are_put_together(layout, integrated):
    one, many = (
        LinearModel.of(problem_of(layout, integrated, size)).profile for size in (10**6, 12)
    )
    theta = point_of(one)
    here, there = one.evaluate(theta), many.evaluate(theta)
    assert_allclose(there.value, here.value, rtol=1e-13)
    assert_allclose(there.gradient, here.gradient, rtol=1e-10, atol=1e-10)
    assert_allclose(many.information(there.mode), one.information(here.mode), rtol=1e-9)


@every_layout
@either_likelihood
def test_sums_of_levels_and_the_pattern_say_the_same(layout, integrated, monkeypatch):
    problem = LinearModel.of(problem_of(layout, integrated)).profile
    theta = point_of(problem)
    here = problem.evaluate(theta)
    monkeypatch.setattr("skglmm.engine.gaussian.profiled.REGULAR", np.inf)
    assert_allclose(problem.evaluate(theta).gradient, here.gradient, atol=1e-10)


@every_layout
@either_likelihood
def test_it_has_a_gradient_where_effects_do_not_vary(layout, integrated):
    problem = LinearModel.of(problem_of(layout, integrated)).profile
    theta = np.zeros(problem.shape.n_params)
    assert_allclose(problem.evaluate(theta).gradient, 0.0, atol=1e-12)


@either_likelihood
@pytest.mark.parametrize("least", [2e-3, 1e-8, 1e-310])
def test_it_has_digits_where_effects_are_nearly_dependent(least, integrated):
    term = Term("g", G, (ONE, X, Z, X * Z), Unstructured(4))
    y = 0.2 + 0.4 * X + np.random.default_rng(5).normal(size=N)
    problem = bind(design(([ONE, X, Z], [ONE]), term), y, WEIGHTS, Gaussian())
    problem = replace(problem, approximation=ProfiledGaussian(integrated=integrated))
    model = LinearModel.of(problem)
    factor = Unstructured(4).factor(np.arange(10.0))
    theta = np.full(10, 5.0)
    theta[np.diag(factor).astype(int)] = [1.0, least, least, least]
    one, other = (each.evaluate(theta) for each in (model.profile, model.search))
    assert_allclose(one.gradient, other.gradient, atol=1e-9)
    both = model.profile.information(one.mode), model.search.information(other.mode)
    assert_allclose(*both, rtol=1e-4)


@every_layout
@either_likelihood
def test_few_effects_in_one_matrix_have_the_same_likelihood(layout, integrated):
    model = LinearModel.of(problem_of(layout, integrated))
    assert model.search is not model.profile
    theta = point_of(model.profile)
    for vector in (theta, 0.0 * theta):
        here, there = model.profile.evaluate(vector), model.search.evaluate(vector)
        assert_allclose(there.value, here.value, rtol=1e-13)
        assert_allclose(there.gradient, here.gradient, rtol=1e-9, atol=1e-9)
        here, there = model.profile.information(here.mode), model.search.information(there.mode)
        assert_allclose(there, here, rtol=1e-9, atol=1e-9)


@every_layout
@either_likelihood
@pytest.mark.parametrize("shard_rows", [10**6, 12])
def test_a_maximum_in_one_matrix_says_the_same_of_all_parameters(layout, integrated, shard_rows):
    model = LinearModel.of(problem_of(layout, integrated, shard_rows))
    theta = point_of(model.profile)
    ends = (problem.evaluate(theta) for problem in (model.profile, model.search))
    one, other = (maximum_of(model, here, effects=False) for here in ends)
    assert type(one) is not type(other)
    assert_allclose(other.params.pack(), one.params.pack(), rtol=1e-10)
    profiled = np.eye(len(theta))
    assert_allclose(other.hessian(profiled), one.hessian(profiled), rtol=1e-9, atol=1e-9)
    for after, before in zip(other.jacobian(), one.jacobian(), strict=True):
        assert_allclose(after, before, rtol=1e-9, atol=1e-10)


def dense(layout, theta):
    """Marginal covariance in units of sigma squared, and its derivatives."""
    terms, start = LAYOUTS[layout], 0
    covariance, slopes = np.diag(1.0 / WEIGHTS), []
    for term in terms:
        shape = term.covariance
        part = theta[start : start + shape.n_params]
        start += shape.n_params
        columns = np.stack(term.columns)
        same = term.codes[:, None] == term.codes
        root = shape.factor(part)
        covariance = covariance + same * (columns.T @ root @ root.T @ columns)
        for change in shape.moves(part):
            both = change @ root.T
            slopes.append(same * (columns.T @ (both + both.T) @ columns))
    return covariance, slopes


@pytest.mark.parametrize("layout", ["slopes", "nested", "crossed"])
@either_likelihood
def test_average_information_is_that_of_dense_matrices(layout, integrated, monkeypatch):
    monkeypatch.setattr("skglmm.engine.gaussian.profiled.curvatures", lambda *args: 0.0)
    model = LinearModel.of(problem_of(layout, integrated))
    theta = point_of(model.profile)
    here = model.profile.evaluate(theta)
    variance = here.mode.square / model.likelihood.mass
    covariance, slopes = dense(layout, theta)
    whole, y = rows_of(layout)
    x = whole.fixed[0]
    inverse = np.linalg.inv(covariance)
    half = inverse @ x
    project = inverse - half @ np.linalg.solve(x.T @ half, half.T)
    moved = np.stack([*slopes, 2.0 * covariance]) @ project @ (y - OFFSET)
    found = 0.5 * moved @ project @ moved.T / variance
    profiled = found[:-1, :-1] - np.outer(found[-1, :-1], found[-1, :-1]) / found[-1, -1]
    assert_allclose(model.profile.information(here.mode)[0], profiled, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["rows", "weights"])
@every_layout
@either_likelihood
def test_a_fit_is_that_row_by_row(layout, integrated, weights):
    whole, y = rows_of(layout)
    exact = fit(
        Gaussian(), whole, y, weights, approximation=ProfiledGaussian(integrated=integrated)
    )
    rows = fit(
        Gaussian(),
        whole,
        y,
        weights,
        approximation=Laplace(integrated=integrated),
        options=Options(tol=1e-12),
    )
    errors = np.sqrt(np.diag(rows.covariance))
    assert exact.converged
    assert_allclose(exact.log_likelihood, rows.log_likelihood, atol=1e-8)
    assert_allclose(np.concatenate(exact.beta), np.concatenate(rows.beta), atol=1e-7)
    assert_allclose(
        exact.covariance / errors / errors[:, None],
        rows.covariance / errors / errors[:, None],
        atol=5e-5,
    )
    for name in ("lambdas", "u", "mode_jacobian"):
        for one, other in zip(getattr(exact, name), getattr(rows, name), strict=True):
            assert_allclose(one, other, atol=2e-6)
    for one, other in zip(exact.posterior.own, rows.posterior.own, strict=True):
        assert_allclose(one, other, atol=1e-7)
    assert_allclose(exact.posterior.crossed, rows.posterior.crossed, atol=1e-7)
    pairs = zip(exact.effect_information.blocks, rows.effect_information.blocks, strict=True)
    for one, other in pairs:
        assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def exactly(whole, y, weights=None, integrated=(0,)):
    approximation = ProfiledGaussian(integrated=integrated)
    return fit(Gaussian(), whole, y, weights, approximation=approximation)


def assert_same(one, other, rtol=1e-7):
    assert_allclose(one.log_likelihood, other.log_likelihood, rtol=1e-11)
    assert_allclose(np.concatenate(one.beta), np.concatenate(other.beta), rtol=rtol, atol=1e-9)
    assert_allclose(np.concatenate(one.theta), np.concatenate(other.theta), rtol=1e-6, atol=1e-9)


@either_likelihood
def test_rows_in_another_order_are_fitted_alike(integrated):
    whole, y = rows_of("two crossed")
    order = np.random.default_rng(0).permutation(N)
    assert_same(
        exactly(whole.take(order), y[order], integrated=integrated),
        exactly(whole, y, integrated=integrated),
    )


@either_likelihood
def test_a_weight_of_two_is_the_row_twice(integrated):
    whole, y = rows_of("two crossed")
    twice = np.repeat(np.arange(N), 1 + (np.arange(N) % 3 == 0))
    weights = 1.0 + (np.arange(N) % 3 == 0)
    assert_same(
        exactly(whole.take(twice), y[twice], integrated=integrated),
        exactly(whole, y, weights, integrated=integrated),
    )


def test_another_response_for_the_same_rows_is_fitted_as_if_it_were_the_first():
    whole, y = rows_of("crossed")
    _, other = rows_of("crossed", seed=9)
    approximation = ProfiledGaussian(integrated=(0,))
    study = Study.of(Gaussian(), whole, y, approximation=approximation).condensed()
    before = exactly(whole, y)
    again = refit(study.with_response(other), before, inference=True)
    fresh = exactly(whole, other)
    assert_allclose(again.log_likelihood, fresh.log_likelihood, atol=1e-8)
    assert_allclose(again.beta[0], fresh.beta[0], atol=1e-7)
    fixed = np.s_[:4, :4]  # covariance parameters have the units of the first response
    assert_allclose(again.covariance[fixed], fresh.covariance[fixed], rtol=1e-4, atol=1e-9)


def test_a_formula_of_the_scale_or_another_link_is_not_for_cross_products():
    approximation = ProfiledGaussian(integrated=(0,))
    _, y = rows_of("slopes")
    whole = design(([ONE, X], [ONE, Z]), SLOPE)
    problem = replace(bind(whole, y, None, Gaussian()), approximation=approximation)
    logs = bind(rows_of("slopes")[0], np.exp(y), None, Gaussian((Log(), Log())))
    assert LinearModel.of(problem) is None
    assert LinearModel.of(replace(logs, approximation=approximation)) is None


def test_scales_that_differ_between_shards_only_are_not_for_cross_products():
    leaf = np.sort(G)
    whole = design(
        ([ONE, X], [np.where(leaf < leaf[N // 2], 1.0, 2.0)]),
        Term("g", leaf, (ONE,), Unstructured(1)),
    )
    first = int(np.sum(leaf < leaf[N // 2]))
    assert LinearModel.of(bind(whole, Z, None, Gaussian(), first)) is None
    assert LinearModel.of(bind(whole.take(slice(0, first)), Z[:first], None, Gaussian(), 20))


def test_responses_that_a_model_reproduces_are_left_to_the_rows():
    whole, _ = rows_of("slopes")
    y = 3.0 + 2.0 * X + OFFSET
    exact, rows = (
        exactly(whole, y),
        fit(Gaussian(), whole, y, approximation=Laplace(integrated=(0,))),
    )
    assert exact.capped == rows.capped == ("precision",)
    assert_allclose(exact.beta[0], rows.beta[0], atol=1e-9)


@either_likelihood
@pytest.mark.parametrize("slope", [1e2, 3e4, 1e5])
def test_what_fixed_effects_explain_takes_no_digits_of_the_likelihood(slope, integrated):
    whole, y = rows_of("slopes")
    steep = exactly(whole, y + slope * X, integrated=integrated)
    plain = exactly(whole, y, integrated=integrated)
    assert_allclose(steep.log_likelihood, plain.log_likelihood, atol=1e-7)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_offsets_of_the_scale_are_known_parts_of_it(weights):
    whole, y = rows_of("slopes")
    whole = replace(whole, offsets=(OFFSET, 0.3 * Z + 0.2))
    rows = bind(whole, y, weights, Gaussian())
    model = LinearModel.of(replace(rows, approximation=ProfiledGaussian()))
    theta = point_of(model.profile)
    here = model.profile.evaluate(theta)
    vector, *_ = absolute(model, theta, here)
    assert_allclose(here.value, rows.evaluate(vector, tol=1e-20).value, rtol=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_uncorrelated_effects_of_a_column_far_from_zero_find_the_higher_maximum(seed):
    rng = np.random.default_rng(seed)
    codes, x = rng.integers(0, 20, 400), 5.0 * rng.normal(size=400) + 100.0
    slopes = 0.3 + 0.2 * rng.normal(size=20)
    y = 1.0 + rng.normal(size=20)[codes] + slopes[codes] * (x - 100.0) + rng.normal(size=400)
    one = np.ones(400)
    term = Term("g", codes, (one, x), Diagonal(2))
    found = exactly(design(([one, x], [one]), term), y)
    assert found.converged
    assert np.all(np.diag(found.lambdas[0]) > 0.05)  # at the lower one slopes hardly vary
