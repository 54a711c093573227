"""Known parameters are found again in 200 simulated data sets.

Each parameter's mean error must lie within two Monte-Carlo errors of zero. Maximum likelihood is
biased in finite samples, mostly in variances and precisions, and the more groups there are the
less: the sizes below were chosen so that the theoretical bias, of the order of one over the number
of groups, is below the Monte-Carlo error.

Effects of whether a response is on a bound have yes-or-no data, for which Laplace's approximation
leans to small variances, the more so the fewer rows a group has. It is the approximation and no
error of ours: a test of its own has its size.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from skglmm import (
    ExtendedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)

SETS = 200


def grouped(rng, n_groups, n_rows):
    g = np.repeat(np.arange(n_groups), n_rows)
    return pd.DataFrame({"x": rng.normal(size=len(g)), "g": g})


def beta_of(rng, eta, log_precision):
    mu, phi = expit(eta), np.exp(log_precision)
    return rng.beta(mu * phi, (1.0 - mu) * phi).clip(1e-9, 1.0 - 1e-9)


def zero_one_inflated(rng):
    X = grouped(rng, 300, 12)
    y = beta_of(rng, 0.3 + 0.5 * X["x"] + rng.normal(0, 0.6, 300)[X["g"]], 2.0)
    odds = np.stack([np.exp(-1.0 + 0.5 * X["x"]), np.ones(len(X)), np.full(len(X), 0.2)])
    part = (rng.random(len(X)) > np.cumsum(odds / odds.sum(axis=0), axis=0)).sum(axis=0)
    return X, np.where(part == 1, y, part / 2.0)


def extended(rng):
    X = grouped(rng, 60, 12)
    b, u = rng.normal(0, 0.6, 60)[X["g"]], rng.exponential(0.1, len(X))
    y = beta_of(rng, 0.3 + 0.5 * X["x"] + b, 2.5)
    return X, np.clip(y + u * (2.0 * y - 1.0), 0.0, 1.0)


def ordered(rng):
    X = grouped(rng, 300, 12)
    eta = 0.3 + 0.5 * X["x"] + rng.normal(0, 0.6, 300)[X["g"]]
    draw, y = rng.logistic(size=len(X)) + eta, beta_of(rng, eta, 2.0)
    return X, np.where(draw < -1.5, 0.0, np.where(draw > 2.0, 1.0, y))


def correlated(rng):
    X = grouped(rng, 100, 15)
    b = rng.multivariate_normal([0, 0], [[0.36, -0.21], [-0.21, 0.49]], 100)[X["g"]]
    y = beta_of(rng, 0.3 + 0.5 * X["x"] + b[:, 0], 2.0)
    return X, np.where(rng.random(len(X)) < expit(-1.0 + b[:, 1]), 0.0, y)


def log_sd(model):
    return np.log(model.variance_components()["sd"].to_numpy())


def coefficients(model):
    return [model.intercept_, *model.coef_, *model.precision_coef_]


CASES = {
    "zero-one-inflated": (
        zero_one_inflated,
        ZeroOneInflatedBetaGLMMRegressor("x + (1 | g)", zero="x", inference=False),
        lambda m: [*coefficients(m), *m.zero_coef_, *m.one_coef_, *log_sd(m)],
        [0.3, 0.5, 2.0, -1.0, 0.5, np.log(0.2), np.log(0.6)],
    ),
    "extended": (
        extended,
        ExtendedBetaGLMMRegressor("x + (1 | g)", inference=False),
        lambda m: [*coefficients(m), np.log(m.exceedance_), *log_sd(m)],
        [0.3, 0.5, 2.5, np.log(0.1), np.log(0.6)],
    ),
    "ordered": (
        ordered,
        OrderedBetaGLMMRegressor("x + (1 | g)", inference=False),
        lambda m: [*coefficients(m), *m.cut_points_, *log_sd(m)],
        [0.3, 0.5, 2.0, -1.5, 2.0, np.log(0.6)],
    ),
    "correlated": (
        correlated,
        ZeroInflatedBetaGLMMRegressor("x + (1 |p| g)", zero="1 + (1 |p| g)", inference=False),
        lambda m: [*coefficients(m), *m.zero_coef_, *log_sd(m), correlation(m)],
        [0.3, 0.5, 2.0, -1.0, np.log(0.6), np.log(0.7), np.arctanh(-0.5)],
    ),
}


def correlation(model):
    """On the scale without bounds."""
    root = model.fit_.roots[0]
    sigma = root @ root.T
    return np.arctanh(sigma[0, 1] / np.sqrt(sigma[0, 0] * sigma[1, 1]))


def errors(name, sets=SETS):
    """Errors of all parameters in simulated sets, (sets, n_params)."""
    draw, model, parameters, true = CASES[name]
    found = []
    for seed in range(sets):
        X, y = draw(np.random.default_rng([7, seed]))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found.append(parameters(model.fit(X, y)))
    return np.array(found) - true


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zero-one-inflated", "extended", "ordered"])
def test_parameters_are_recovered_without_bias(name):
    found = errors(name)
    monte_carlo = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(found.mean(axis=0)) < 2.0 * monte_carlo)


@pytest.mark.slow
def test_effects_in_the_zeros_are_smaller_by_a_few_percent():
    found = errors("correlated")
    bias = found.mean(axis=0)
    monte_carlo = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    fixed, zero_sd = [0, 1, 2, 3, 4], 5
    assert np.all(np.abs(bias[fixed]) < 2.0 * monte_carlo[fixed])
    assert -0.06 < bias[zero_sd] < 0.0
    assert abs(bias[6]) < 0.08


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_near_in_one_set(name):
    draw, model, parameters, true = CASES[name]
    found = np.array(parameters(model.fit(*draw(np.random.default_rng(1)))))
    assert np.all(np.abs(found - true) < 0.5)
