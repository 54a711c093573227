"""Models without random effects against densities written down anew and optimized directly.

Nothing here comes from the families: the densities are scipy's, the integral over the exceedance
is a sum over many nodes, the optimizer works with differences.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import beta

from skglmm import (
    ExtendedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)

T = np.linspace(-22.0, 4.0, 200)  # log exceedances, in units of their mean


def rows(seed, n=150):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return rng, pd.DataFrame({"x": x}), x


def optimum(log_likelihood, start):
    """Maximize by a quasi-Newton method with differences, and polish by Newton's steps."""
    at = minimize(lambda v: -log_likelihood(v), start, method="BFGS").x
    for _ in range(2):
        at = at - np.linalg.solve(
            differenced_hessian(log_likelihood, at), slopes(log_likelihood, at)
        )
    return log_likelihood(at), at


def slopes(function, at, h=1e-4):
    return np.array([function(at + e) - function(at - e) for e in h * np.eye(len(at))]) / (2 * h)


def differenced_hessian(function, at, h=1e-4):
    steps = h * np.eye(len(at))
    return np.array([slopes(function, at + e) - slopes(function, at - e) for e in steps]) / (2 * h)


def assert_same(model, estimates, value, expected):
    """Log likelihoods to 1e-6, coefficients to 1e-4 standard errors."""
    assert_allclose(model.log_likelihood_, value, rtol=0, atol=1e-6)
    errors = np.sqrt(np.diag(model.vcov("fixed")))
    assert len(errors) == len(expected)
    # differences in place of derivatives leave some 1e-5 standard errors
    assert np.all(np.abs(np.concatenate(estimates) - expected) < 1e-4 * errors)


def test_zero_one_inflated_betas():
    rng, X, x = rows(1)
    mu, phi = expit(0.3 + 0.5 * x), np.exp(1.5 + 0.3 * x)
    odds = np.stack([np.exp(-1.0 + 0.6 * x), np.ones_like(x), np.exp(-1.5 - 0.4 * x)])
    part = (rng.random(len(x)) > np.cumsum(odds / odds.sum(axis=0), axis=0)).sum(axis=0)
    y = np.where(part == 1, rng.beta(mu * phi, (1 - mu) * phi), part / 2.0)

    def log_likelihood(v):
        mean, precision = expit(v[0] + v[1] * x), np.exp(v[2] + v[3] * x)
        low, high = v[4] + v[5] * x, v[6] + v[7] * x
        total = np.log(1.0 + np.exp(low) + np.exp(high))
        inside = beta.logpdf(np.where(part == 1, y, 0.5), mean * precision, (1 - mean) * precision)
        return np.sum(np.choose(part, [low, inside, high]) - total)

    model = ZeroOneInflatedBetaGLMMRegressor("x", precision="x", zero="x", one="x").fit(X, y)
    value, expected = optimum(log_likelihood, np.array([0.2, 0.4, 1.4, 0.2, -1.0, 0.5, -1.3, -0.3]))
    estimates = [
        [model.intercept_],
        model.coef_,
        model.precision_coef_,
        model.zero_coef_,
        model.one_coef_,
    ]
    assert_same(model, estimates, value, expected)


def test_ordered_betas():
    rng, X, x = rows(2)
    eta = 0.4 + 0.7 * x
    mu, phi = expit(eta), np.exp(1.8)
    draw = rng.logistic(size=len(x)) + eta
    y = np.where(draw < -1.0, 0.0, np.where(draw > 2.0, 1.0, rng.beta(mu * phi, (1 - mu) * phi)))

    def log_likelihood(v):
        eta, phi = v[0] + v[1] * x, np.exp(v[2])
        low, high = expit(v[3] - eta), expit(eta - v[3] - np.exp(v[4]))
        inside = beta.logpdf(np.clip(y, 1e-9, 1 - 1e-9), expit(eta) * phi, expit(-eta) * phi)
        inside = inside + np.log(np.maximum(1.0 - low - high, 1e-300))
        return np.sum(np.where(y == 0, np.log(low), np.where(y == 1, np.log(high), inside)))

    model = OrderedBetaGLMMRegressor("x").fit(X, y)
    value, expected = optimum(log_likelihood, np.array([0.3, 0.6, 1.6, -1.1, 1.0]))
    estimates = [
        [model.intercept_],
        model.coef_,
        model.precision_coef_,
        model.lower_cut_coef_,
        model.cut_gap_coef_,
    ]
    assert_same(model, estimates, value, expected)


def stretched(rng, x, u):
    mu, phi = expit(0.3 + 0.6 * x), 9.0
    inner = rng.beta(mu * phi, (1 - mu) * phi)
    return np.clip(inner + u * (2.0 * inner - 1.0), 0.0, 1.0)


def log_stretched(y, u, a, b):
    """Log density, or log probability of a bound, of a censored beta on (-u, 1 + u)."""
    low = beta.logcdf(u / (1.0 + 2.0 * u), a, b)
    high = beta.logsf((1.0 + u) / (1.0 + 2.0 * u), a, b)
    inside = beta.logpdf((y + u) / (1.0 + 2.0 * u), a, b) - np.log1p(2.0 * u)
    return np.where(y <= 0.0, low, np.where(y >= 1.0, high, inside))


@pytest.mark.parametrize("u", [0.05, 0.3])
def test_extended_betas_of_known_exceedance(u):
    rng, X, x = rows(3)
    y = stretched(rng, x, u)

    def log_likelihood(v):
        mu, phi = expit(v[0] + v[1] * x), np.exp(v[2])
        return log_stretched(y, u, mu * phi, (1 - mu) * phi).sum()

    model = ExtendedBetaGLMMRegressor("x", exceedance=u).fit(X, y)
    value, expected = optimum(log_likelihood, np.array([0.2, 0.5, 2.0]))
    assert_same(model, [[model.intercept_], model.coef_, model.precision_coef_], value, expected)


@pytest.mark.slow
def test_extended_betas_of_unknown_exceedance():
    rng, X, x = rows(4, n=45)
    y = stretched(rng, x, rng.exponential(0.3, len(x)))
    assert ((y == 0.0) | (y == 1.0)).sum() > 3

    def log_likelihood(v):
        mu, phi = expit(v[0] + v[1] * x)[:, None], np.exp(v[2])
        u = np.exp(v[3] + T)
        weight = T - np.exp(T) + np.log(T[1] - T[0])  # of an exponential, on the log scale
        each = log_stretched(y[:, None], u, mu * phi, (1.0 - mu) * phi) + weight
        return logsumexp(each, axis=1).sum()

    model = ExtendedBetaGLMMRegressor("x").fit(X, y)
    start = np.array([model.intercept_, *model.coef_, *model.precision_coef_, -1.2]) + 0.05
    value, expected = optimum(log_likelihood, start)
    estimates = [
        [model.intercept_],
        model.coef_,
        model.precision_coef_,
        [np.log(model.exceedance_)],
    ]
    assert_same(model, estimates, value, expected)
