"""Betas that reach beyond 0 and 1, against their definition on another grid, and their fits."""

import numpy as np
import pytest
from family_cases import STRETCHED, evaluate, name, point
from numpy.testing import assert_allclose
from oracles import Term, design
from scipy.optimize import minimize
from scipy.special import betainc, expit, logsumexp
from scipy.stats import beta as scipy_beta

from skglmm.covariance import Unstructured
from skglmm.families import Beta, ExtendedBeta, FixedExtendedBeta
from skglmm.families.bounded import exceedance as _exceedance
from skglmm.fitting import fit

stretched = pytest.mark.parametrize("family", STRETCHED, ids=name)


def fixed_log_density(y, mean, precision, u):
    """The log density of a censored beta on (-u, 1 + u), by scipy, shape (m, n) of u (m, 1)."""
    full = np.broadcast_arrays(mean, precision, y)
    a, b = (expit(sign * full[0]) * np.exp(full[1]) for sign in (1, -1))
    result = scipy_beta.logpdf((y + u) / (1 + 2 * u), a, b) - np.log1p(2 * u)
    for bound, one, other in ((0.0, a, b), (1.0, b, a)):
        at = y == bound
        with np.errstate(divide="ignore"):
            result[..., at] = np.log(betainc(one[at], other[at], u / (1 + 2 * u)))
    return result


def log_density(y, mean, precision, exceedance, step=0.01, low=-45.0):
    """The same, averaged over exponential exceedances on an even grid of their logarithms."""
    t = np.arange(low, 7.0, step)[:, None]
    weights = t - np.exp(t) + np.log(step)
    of_each = fixed_log_density(y, mean, precision, np.exp(t + exceedance))
    return logsumexp(weights + of_each, axis=0)


def rows_of(family, y, eta):
    return evaluate(family, y, [np.full(len(y), each) for each in eta], 0).value


# The density


@pytest.mark.parametrize(
    "eta",
    [
        (0.0, np.log(2.0), np.log(0.5)),
        (-1.0, np.log(10.0), np.log(0.1)),
        (0.5, np.log(30.0), np.log(0.05)),
        (-1.0, np.log(100.0), np.log(0.3)),
        (2.0, np.log(0.5), 0.0),
        (-4.4, np.log(400.0), np.log(20.0)),
        (0.0, np.log(300.0), np.log(1e-3)),
        (-3.0, np.log(5.0), np.log(1e-5)),
        (0.3, np.log(4000.0), np.log(0.2)),
    ],
    ids=str,
)
def test_the_density_is_the_average_over_exceedances(eta):
    y = np.array([0.0, 1e-60, 1e-9, 1e-4, 0.02, 0.3, 0.5, 0.9, 1 - 1e-6, 1.0])
    expected = log_density(y, *eta, low=-180.0)
    likely = expected > -300.0  # beyond, scipy's cdf of a beta has fewer digits
    found = rows_of(ExtendedBeta(), y, eta)
    assert likely.sum() > 3
    assert_allclose(found[likely], expected[likely], rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("u", [1e-4, 0.1, 3.0])
@pytest.mark.parametrize("mean", [-2.0, 0.7])
def test_the_density_of_a_fixed_exceedance_is_that_of_scipy(u, mean):
    family, y = FixedExtendedBeta(exceedance=u), np.array([0.0, 1e-9, 0.02, 0.5, 0.9, 1.0])
    for precision in (-1.0, 2.0, 6.0):
        expected = fixed_log_density(y, mean, precision, u)
        found = rows_of(family, y, (mean, precision))
        likely = expected > -300.0
        assert_allclose(found[likely], expected[likely], rtol=1e-9, atol=1e-9)


def test_a_tiny_exceedance_leaves_the_beta_as_it_is():
    rng = np.random.default_rng(4)
    y, eta = rng.uniform(0.01, 0.99, 50), (rng.normal(size=50), rng.normal(2.0, 1.0, 50))
    plain = evaluate(Beta(), y, eta, 3)
    found = evaluate(ExtendedBeta(), y, (*eta, np.full(50, -29.0)), 3)
    assert_allclose(found.value, plain.value, rtol=1e-10, atol=1e-10)
    assert_allclose(found.grad[:2], plain.grad, rtol=1e-9, atol=1e-9)
    assert_allclose(found.hess[[0, 1, 3]], plain.hess, rtol=1e-9, atol=1e-9)
    assert_allclose(found.third[[0, 1, 3, 6]], plain.third, rtol=1e-9, atol=1e-8)
    fixed = evaluate(FixedExtendedBeta(exceedance=1e-13), y, eta, 3)
    assert_allclose(fixed.third, plain.third, rtol=1e-9, atol=1e-8)


@stretched
def test_a_finer_rule_says_the_same(family, monkeypatch):
    """Also for precisions up to the ceiling, long exceedances and responses next to the bounds."""
    rng = np.random.default_rng(0)
    n = 500
    eta = [rng.normal(0.0, 1.7, n), rng.uniform(-2.0, 11.0, n)]
    eta += [rng.uniform(-8.0, 4.0, n) for _ in family.links[2:]]
    y = family.sample(eta, rng)
    y[:100] = 10.0 ** rng.uniform(-9.0, -2.0, 100)
    y[100:200] = rng.integers(0, 2, 100)
    value, grad, hess = evaluate(family, y, eta, 2)[:3]
    below, mean = family.cdf(y, eta), family.mean(eta)
    monkeypatch.setattr(_exceedance, "STEP", 0.3 * _exceedance.STEP)
    finer = evaluate(family, y, eta, 2)
    likely = finer.value > -100.0
    for rough, fine in zip((value, grad, hess), finer, strict=False):
        scale = 1.0 + np.abs(fine)
        assert_allclose(((rough - fine) / scale)[..., likely], 0.0, atol=1e-7)
    assert_allclose(value[likely], finer.value[likely], atol=1e-9)
    assert_allclose(below, family.cdf(y, eta), atol=1e-10)
    assert_allclose(mean, family.mean(eta), atol=1e-10)


@stretched
def test_swapping_the_bounds_mirrors_everything(family):
    rng = np.random.default_rng(6)
    n = 60
    y = np.concatenate([[0.0, 1.0], rng.uniform(0.001, 0.999, n - 2)])
    eta = point(family, rng.normal(size=n), rng.normal(2.0, 1.0, n))
    mirrored = (-eta[0], *eta[1:])
    one, other = evaluate(family, y, eta, 1), evaluate(family, 1.0 - y, mirrored, 1)
    assert_allclose(one.value, other.value, rtol=1e-9, atol=1e-9)
    assert_allclose(one.grad[0], -other.grad[0], rtol=1e-8, atol=1e-8)
    assert_allclose(family.mean(eta), 1.0 - family.mean(mirrored), rtol=1e-12)
    assert_allclose(family.variance(eta), family.variance(mirrored), rtol=1e-10)


def test_the_moments_hold_digits_where_the_precision_is_large():
    """Nothing touches the bounds here, so the moments are those of a stretched beta."""
    eta = (np.array([0.4]), np.log([1e10]))
    mu, variance = expit(0.4), expit(0.4) * expit(-0.4) / (1 + 1e10)
    family = FixedExtendedBeta(exceedance=0.1)
    assert_allclose(family.mean(eta), 1.2 * mu - 0.1, rtol=1e-14)
    assert_allclose(family.variance(eta), 1.44 * variance, rtol=1e-9)


@pytest.mark.parametrize("family", [ExtendedBeta(), FixedExtendedBeta(exceedance=0.3)], ids=name)
@pytest.mark.parametrize("log_precision", [-16.0, -22.0, -28.0])
def test_bounds_keep_their_digits_where_the_precision_is_next_to_nothing(family, log_precision):
    """All responses are on the bounds there: at 1 with the probability of the mean."""
    eta = [np.array([each]) for each in (1.2, log_precision, -9.0)[: len(family.links)]]
    for y, sign in ((0.0, -1.0), (1.0, 1.0)):
        value, grad = evaluate(family, np.array([y]), eta, 1)[:2]
        allowed = 1e-12 + 30.0 * np.exp(log_precision)
        assert_allclose(value, np.log(expit(sign * 1.2)), atol=allowed)
        assert_allclose(grad[0], sign * expit(-sign * 1.2), atol=allowed)


@pytest.mark.parametrize("u", [0.0, -0.1, np.inf, np.nan])
def test_an_exceedance_that_is_not_positive_is_refused(u):
    with pytest.raises(ValueError, match="the exceedance must be positive and finite, got"):
        FixedExtendedBeta(exceedance=u)


# Fits


def touching(n=150):
    """Responses of which some 5 % are 0 and 10 % are 1."""
    rng = np.random.default_rng(21)
    x = rng.normal(size=n)
    eta = (0.4 + 0.5 * x, np.full(n, 2.0), np.full(n, np.log(0.15)))
    return x, ExtendedBeta().sample(eta, rng)


def without_groups(family, x, y):
    one = np.ones(len(y))
    return fit(family, design([[one, x], *([one] for _ in family.links[1:])]), y)


@pytest.mark.parametrize("family", [ExtendedBeta(), FixedExtendedBeta(exceedance=0.2)], ids=name)
def test_a_fit_maximizes_the_definition(family):
    x, y = touching()
    found = without_groups(family, x, y)

    def loss(p):
        if isinstance(family, FixedExtendedBeta):
            return -fixed_log_density(y, p[0] + p[1] * x, p[2], 0.2).sum()
        return -log_density(y, p[0] + p[1] * x, p[2], p[3], step=0.1).sum()

    start = np.zeros(sum(map(len, found.beta)))
    best = minimize(loss, start, method="BFGS", options={"gtol": 1e-4})
    assert found.converged
    assert_allclose(found.log_likelihood, -best.fun, atol=1e-6)
    errors = np.sqrt(np.diag(found.covariance))
    assert_allclose((np.concatenate(found.beta) - best.x) / errors, 0.0, atol=1e-3)


@stretched
def test_a_fit_with_random_effects_recovers_its_parameters(family):
    rng = np.random.default_rng(3)
    n, g = 1200, np.repeat(np.arange(40), 30)
    x, b = rng.normal(size=n), rng.normal(0.0, 0.6, 40)
    eta = point(family, 0.3 + 0.5 * x + b[g], np.full(n, 2.0))
    y = family.sample(eta, rng)
    one = np.ones(n)
    term = Term("g", g, (one,), Unstructured(1))
    found = fit(family, design([[one, x], *([one] for _ in family.links[1:])], term), y)
    assert found.converged
    truth = [0.3, 0.5, *(each[0] for each in eta[1:])]
    errors = np.sqrt(np.diag(found.covariance))[: len(truth)]
    assert_allclose((np.concatenate(found.beta) - truth) / errors, 0.0, atol=3.0)
    assert_allclose(abs(found.lambdas[0][0, 0]), 0.6, atol=0.25)


@stretched
@pytest.mark.parametrize("share", [0.0, 0.93, 1.0])
def test_the_start_is_finite_however_many_responses_are_zero(family, share):
    rng = np.random.default_rng(2)
    y = expit(rng.normal(-1.0, 0.5, 300))
    y[: int(share * 300)] = 0.0
    start = family.start(y)
    density = evaluate(family, y, [np.array([each]) for each in start], 3)
    assert all(np.isfinite(part).all() for part in (start, *density))
    assert (start < family.ceilings).all()


@stretched
def test_responses_of_which_most_are_zero_have_a_fit(family):
    rng = np.random.default_rng(8)
    x = rng.normal(size=1000)
    eta = (-4.1 + 0.3 * x, np.full(1000, 2.0), *(np.full(1000, -0.7) for _ in family.links[2:]))
    y = family.sample(eta, rng)
    assert np.mean(y == 0.0) > 0.85
    found = without_groups(family, x, y)
    assert found.converged
    assert np.isfinite(np.diag(found.covariance)).all()
    eta = (found.beta[0][0] + found.beta[0][1] * x, *(each[:1] for each in found.beta[1:]))
    low = family.part_probabilities(eta)[0].mean()
    assert_allclose(low, np.mean(y == 0.0), atol=0.01)


@pytest.mark.slow
def test_a_precision_without_bounds_stops_at_its_ceiling():
    """Here exceedances alone explain all that lies between the bounds."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=300)
    y = expit(rng.normal(-1.0 + 0.3 * x, 0.5))
    y[rng.permutation(300)[:279]] = 0.0
    found = without_groups(ExtendedBeta(), x, y)
    assert found.converged
    assert found.capped == ("precision",)


@stretched
def test_the_start_counts_weights(family):
    _, y = touching(30)
    weights = np.resize([1.0, 2.0], 30)
    twice = family.start(np.repeat(y, weights.astype(int)))
    assert_allclose(family.start(y, weights), twice, rtol=1e-10)


@pytest.mark.parametrize("family", [ExtendedBeta(), FixedExtendedBeta(exceedance=0.1)])
def test_the_information_of_many_rows_is_that_of_few(family):
    rng = np.random.default_rng(12)
    first = rng.uniform(-5.0, 5.0, 2000)
    eta = [first, np.array([np.log(20.0)]), np.array([np.log(0.1)])][: len(family.links)]
    many = family.expected_information(eta)
    few = np.argsort(first)[:: 2000 // 9]
    alone = family.expected_information([first[few], *eta[1:]])
    assert_allclose(
        many[:, few] / np.abs(alone).max(axis=1, keepdims=True),
        alone / np.abs(alone).max(axis=1, keepdims=True),
        atol=1e-6,
    )
    same = family.expected_information([np.full(1000, first[0]), *eta[1:]])
    assert_allclose(same, np.repeat(family.expected_information([first[:1], *eta[1:]]), 1000, 1))
