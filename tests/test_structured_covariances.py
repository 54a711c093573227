"""Fits with covariances whose parameters are no entries of a factor, against dense algebra."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian, Term, design
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from skglmm.covariance import (
    Autoregressive,
    BlockDiagonal,
    CompoundSymmetry,
    FactorAnalytic,
    GaussianKernel,
    HeterogeneousAutoregressive,
    HomogeneousToeplitz,
    Matern,
    OrnsteinUhlenbeck,
    Relationship,
    TensorPenalty,
    Toeplitz,
    Unstructured,
)
from skglmm.engine import bind
from skglmm.families import Beta
from skglmm.fitting import Study, fit
from skglmm.inference.parameters.names import parameter_names
from skglmm.inference.parameters.natural import natural, std_errors
from skglmm.inference.uncertainty.profile import profile_intervals, profiles
from skglmm.links import Identity, Log

LEVELS, TIMES, REPEATS = 30, 4, 3
N = LEVELS * TIMES * REPEATS
CODES = np.repeat(np.arange(LEVELS), TIMES * REPEATS)
TIME = np.tile(np.repeat(np.arange(TIMES), REPEATS), LEVELS)
COLUMNS = tuple((t == TIME).astype(float) for t in range(TIMES))
ONE, X = np.ones(N), np.sin(np.arange(N))
NORMAL = Gaussian(links=(Identity(), Log()))
STEPS = np.abs(np.subtract.outer(np.arange(TIMES), np.arange(TIMES)))


def by_symmetry(values):
    """Covariance of the effects of standard deviations and a correlation of all pairs."""
    return np.outer(values[:-1], values[:-1]) * values[-1] ** np.minimum(STEPS, 1)


def by_steps(values):
    return values[0] ** 2 * values[1] ** STEPS


def is_possible(sigma):
    return np.linalg.eigvalsh(sigma)[0] > 0


def by_bands(values):
    return values[0] ** 2 * np.append(1.0, values[1:])[STEPS]


CASES = {
    "compound symmetry": (CompoundSymmetry(TIMES), by_symmetry, [0.5, 0.8, 1.0, 0.6, 0.4]),
    "autoregression": (Autoregressive(TIMES), by_steps, [0.8, 0.6]),
    "bands": (HomogeneousToeplitz(TIMES), by_bands, [0.8, 0.5, 0.4, 0.1]),
    "process": (OrnsteinUhlenbeck(range(TIMES)), by_steps, [0.8, 0.6]),
    "falling": (Autoregressive(TIMES), by_steps, [0.8, -0.5]),
}

OTHERS = [
    Matern([[0.0, 0.0], [1.0, 0.3], [0.4, 2.0], [2.5, 1.0]]),
    GaussianKernel([0.0, 1.0, 2.5, 3.0]),
    Toeplitz(TIMES),
    HeterogeneousAutoregressive(TIMES, (0, 1, 4, 6)),
    FactorAnalytic(TIMES, 2),
    Relationship(0.5**STEPS + 0.1 * np.eye(TIMES)),
    TensorPenalty([0.0, 0.2, 0.7, 1.0]),
]


def whole_of(covariance, columns=COLUMNS):
    return design(([ONE, X], [ONE]), Term("g", CODES, columns, covariance))


def effects(sigma, seed):
    rng = np.random.default_rng(seed)
    b = rng.multivariate_normal(np.zeros(TIMES), sigma, LEVELS)
    return rng, 0.3 + 0.5 * X + b[CODES, TIME]


def dense(y, beta, log_tau, sigma):
    """Log likelihood of normal responses, level by level."""
    z = np.column_stack(COLUMNS)
    value = 0.0
    for level in range(LEVELS):
        rows = level == CODES
        total = z[rows] @ sigma @ z[rows].T + np.exp(-log_tau) * np.eye(rows.sum())
        mean = beta[0] + beta[1] * X[rows]
        value += multivariate_normal(mean, total).logpdf(y[rows])
    return value


@pytest.fixture(scope="module", params=list(CASES))
def case(request):
    covariance, sigma_of, truth = CASES[request.param]
    rng, eta = effects(sigma_of(np.array(truth)), 5)
    y = eta + 0.5 * rng.normal(size=N)
    whole = whole_of(covariance)
    return covariance, sigma_of, y, whole, fit(NORMAL, whole, y)


def variance_parameters(found, covariance):
    return list(natural(found))[-covariance.n_params :]


def test_the_likelihood_is_that_of_the_dense_normal_distribution(case):
    covariance, sigma_of, y, _, found = case
    assert found.converged
    values = np.array([each.value for each in variance_parameters(found, covariance)])
    known = dense(y, found.beta[0], found.beta[1][0], sigma_of(values))
    assert_allclose(found.log_likelihood, known, rtol=1e-10)
    assert_allclose(found.lambdas[0] @ found.lambdas[0].T, sigma_of(values), rtol=1e-10)


@pytest.mark.slow
def test_no_other_parameters_have_a_higher_likelihood(case):
    covariance, sigma_of, y, _, found = case
    values = [each.value for each in variance_parameters(found, covariance)]
    start = np.concatenate([*found.beta, values])

    def loss(vector):
        sigma = sigma_of(vector[3:])
        if np.linalg.eigvalsh(sigma)[0] < 0:
            return np.inf
        return -dense(y, vector[:2], vector[2], sigma)

    def slope(vector):
        steps = 1e-5 * np.eye(len(vector))
        return np.array([(loss(vector + e) - loss(vector - e)) / 2e-5 for e in steps])

    assert_allclose(slope(start), 0.0, atol=2e-3)
    best = minimize(loss, start + 0.02, jac=slope, method="BFGS", options={"gtol": 1e-3})
    assert best.fun >= -found.log_likelihood - 1e-5
    assert_allclose(best.fun, -found.log_likelihood, atol=1e-4)


def test_standard_errors_are_those_of_differences(case):
    covariance, sigma_of, y, _, found = case
    parameters = variance_parameters(found, covariance)
    center = np.concatenate([*found.beta, [each.value for each in parameters]])

    def loss(vector):
        return -dense(y, vector[:2], vector[2], sigma_of(vector[3:]))

    h, n = 1e-3, len(center)
    steps, hessian = h * np.eye(n), np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            a, b = steps[i], steps[j]
            ends = loss(center + a + b) - loss(center + a - b)
            ends += loss(center - a - b) - loss(center - a + b)
            hessian[i, j] = hessian[j, i] = ends / (4 * h * h)
    expected = np.sqrt(np.diag(np.linalg.inv(hessian)))[3:]
    assert_allclose(std_errors(found, parameters), expected, rtol=2e-3)


@pytest.mark.parametrize("family", [NORMAL, Beta()], ids=["normal", "beta"])
@pytest.mark.parametrize("covariance", [*OTHERS, *(c[0] for c in CASES.values())][:-1], ids=repr)
def test_the_gradient_is_that_of_differences(covariance, family):
    rng = np.random.default_rng(0)
    y = rng.beta(2.0, 2.0, N)
    mixed = BlockDiagonal((covariance, Unstructured(1)))
    problem = bind(whole_of(mixed, (*COLUMNS, X)), y, None, family)
    vector = np.concatenate([[0.1, 0.2, 0.5], rng.uniform(0.3, 0.9, mixed.n_params)])
    here, steps = problem.evaluate(vector), 1e-5 * np.eye(len(vector))
    found = [
        (problem.evaluate(vector + e).value - problem.evaluate(vector - e).value) / 2e-5
        for e in steps
    ]
    assert_allclose(here.gradient, found, rtol=1e-6, atol=1e-6)
    shares = problem.cluster_gradients(here.mode, CODES)
    assert_allclose(shares.sum(axis=0), here.gradient, rtol=1e-8, atol=1e-8)


def test_names_say_what_each_parameter_governs(case):
    covariance, _, y, whole, found = case
    study = Study.of(NORMAL, whole, y)
    names = [each.name for each in natural(found)]
    assert list(parameter_names(study)) == names
    if isinstance(covariance, CompoundSymmetry):
        assert names[-2:] == ["sd(z3 | g)", "corr(z0, ..., z3 | g)"]
    elif isinstance(covariance, Autoregressive):
        assert names[-2:] == ["sd(z0, ..., z3 | g)", "rho(z0, ..., z3 | g)"]


def test_the_profile_of_the_correlation_is_that_of_dense_algebra(case):
    covariance, sigma_of, y, whole, found = case
    study = Study.of(NORMAL, whole, y)
    place = 3 + covariance.n_params - 1
    walked = profiles(found, study, [place], level=0.9, n_points=4)
    interval = profile_intervals(walked, 0.9)
    estimate, low, high = interval.estimate[0], interval.low[0], interval.high[0]
    assert -1 < low < estimate < high < 1
    values = [each.value for each in variance_parameters(found, covariance)]
    start = np.concatenate([*found.beta, values[:-1]])

    def loss(vector, end):
        sigma = sigma_of(np.append(vector[3:], end))
        return -dense(y, vector[:2], vector[2], sigma) if is_possible(sigma) else 1e6

    for end in (low, high):
        held = minimize(
            partial(loss, end=end),
            start,
            method="BFGS",
            options={"gtol": 1e-4},
        )
        lost = 2.0 * (held.fun + found.log_likelihood)
        assert_allclose(lost, 2.705543, rtol=2e-3)


def test_effects_that_do_not_vary_have_an_exact_zero():
    rng = np.random.default_rng(3)
    for covariance in (CompoundSymmetry(TIMES), Autoregressive(TIMES)):
        y = 0.3 + 0.5 * X + rng.normal(size=N)
        y -= np.array([np.sum(y[level == CODES]) / 12 for level in range(LEVELS)])[CODES]
        y -= np.array(
            [[np.mean(y[(g == CODES) & (t == TIME)]) for t in range(TIMES)] for g in range(LEVELS)]
        )[CODES, TIME]
        found = fit(NORMAL, whole_of(covariance), y)
        assert found.converged
        assert_array_equal(found.lambdas[0], 0.0)
        assert "is 0" in found.singular[0]
        parameters = variance_parameters(found, covariance)
        assert np.isnan(std_errors(found, parameters)).all()


@pytest.mark.parametrize("covariance", [CompoundSymmetry(TIMES), Autoregressive(TIMES)], ids=repr)
def test_a_correlation_of_one_is_found_and_named(covariance):
    rng = np.random.default_rng(8)
    b = rng.normal(0, 1.0, LEVELS)
    noise = rng.normal(size=N)
    cell = np.array(
        [[np.mean(noise[(g == CODES) & (t == TIME)]) for t in range(TIMES)] for g in range(LEVELS)]
    )
    y = 0.3 + b[CODES] + noise - cell[CODES, TIME]
    found = fit(NORMAL, whole_of(covariance), y)
    assert found.converged
    assert variance_parameters(found, covariance)[-1].value == 1.0
    assert len(found.singular) == 1
    one = design(([ONE, X], [ONE]), Term("g", CODES, (ONE,), Unstructured(1)))
    assert found.log_likelihood >= fit(NORMAL, one, y).log_likelihood - 1e-6


@pytest.mark.parametrize("name", ["compound symmetry", "autoregression"])
def test_a_beta_model_has_the_gradient_zero_where_it_ends(name):
    covariance, sigma_of, truth = CASES[name]
    rng, eta = effects(sigma_of(np.array(truth)), 2)
    mu = 1.0 / (1.0 + np.exp(-eta))
    y = rng.beta(8 * mu, 8 * (1 - mu)).clip(1e-6, 1 - 1e-6)
    whole = whole_of(covariance)
    found = fit(Beta(), whole, y)
    assert found.converged
    study = Study.of(Beta(), whole, y)
    here = study.problem.evaluate(study.vector(found))
    assert_allclose(here.gradient, 0.0, atol=1e-3)
    parameters = variance_parameters(found, covariance)
    errors = std_errors(found, parameters)
    values = np.array([each.value for each in parameters])
    assert np.all(np.abs(values - truth) < 4 * errors)


@pytest.mark.parametrize("rho", [-0.7, 0.4, 1.0 - 1e-9])
def test_gaps_between_times_may_be_as_long_as_they_like(rho):
    times = np.array([0, 1, 10**9, 10**9 + 3])
    covariance = Autoregressive(4, tuple(times.tolist()))
    theta = np.array([1.5, np.arcsin(rho)])
    factor = covariance.factor(theta)
    exact = 2.25 * np.sin(theta[1]) ** np.abs(times[:, None] - times)
    assert_allclose(factor @ factor.T, exact, rtol=1e-8, atol=1e-12)
    around = [covariance.factor(np.add(theta, (0.0, step))) for step in (1e-7, -1e-7)]
    if rho < 0.9:  # where differences have digits
        change = (around[0] - around[1]) / 2e-7
        assert_allclose(covariance.move(theta, np.array([0.0, 1.0])), change, atol=1e-6)
