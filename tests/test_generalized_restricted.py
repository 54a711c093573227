"""Generalized linear mixed models by REML, against glmmTMB, mgcv and dense algebra."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit
from sklearn.base import clone

from skglmm import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMRegressor,
    GammaGLMMRegressor,
    NegativeBinomialGLMMRegressor,
    PoissonGLMMRegressor,
    StudentTGLMMRegressor,
)

CASES = json.loads((REFERENCE / "generalized_restricted.json").read_text(encoding="utf-8"))
N_GROUPS, N_ROWS = 20, 8
N = N_GROUPS * N_ROWS
G = np.repeat(np.arange(N_GROUPS), N_ROWS)


def spread(step, n):
    """Evenly spread probabilities, as generalized_restricted.R has them."""
    return step * np.arange(1, n + 1) % 1


X = pd.DataFrame({"x": np.sin(1.7 * np.arange(1, N + 1)), "g": G, "trials": 6})


def responses():
    x, p, z = X["x"].to_numpy(), spread(0.44948974278, N), spread(0.31662479036, N)
    b = stats.norm.ppf([spread(step, N_GROUPS) for step in (0.61803398875, 0.23606797750)])[:, G]
    eta = 0.3 + 0.5 * x + 0.7 * b[0] + 0.8 * b[1] * x
    poisson = stats.poisson.ppf(p, np.exp(eta))
    beta = stats.beta.ppf(p, 8 * expit(eta), 8 * expit(-eta))
    return {
        "poisson": poisson,
        "zeros": np.where(z < 0.25, 0, poisson),
        "nbinom2": stats.nbinom.ppf(p, 3, 3 / (3 + np.exp(1 + eta))),
        "binomial": stats.binom.ppf(p, 6, expit(eta)),
        "beta": beta,
        "betabinomial": stats.binom.ppf(z, 6, beta),
        "gamma": stats.gamma.ppf(p, 4, scale=np.exp(eta) / 4),
        "t": eta + 0.5 * stats.t.ppf(p, 5),
    }


Y = responses()
SLOPES = {"formula": "x + (x | g)", "reml": True}
MODELS = {
    "poisson": PoissonGLMMRegressor(**SLOPES),
    "zeros": PoissonGLMMRegressor(**SLOPES, zero="1"),
    "nbinom2": NegativeBinomialGLMMRegressor(**SLOPES),
    "binomial": BinomialGLMMRegressor(**SLOPES, trials="trials"),
    "beta": BetaGLMMRegressor(**SLOPES),
    "betabinomial": BetaBinomialGLMMRegressor(**SLOPES, trials="trials"),
    "gamma": GammaGLMMRegressor(**SLOPES),
    "t": StudentTGLMMRegressor(**SLOPES),
}


@pytest.mark.parametrize("case", CASES["fits"], ids=lambda case: case["name"])
def test_a_fit_is_that_of_glmmtmb(case):
    model = MODELS[case["name"]].fit(X, Y[case["name"]])
    errors, own = np.array(case["std_error"]), np.sqrt(np.diag(model.vcov()))[:2]
    found = model.variance_components()
    mean = np.array([model.intercept_, *model.coef_])
    assert model.converged_
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-7)
    assert_allclose(mean / errors, case["mean"] / errors, atol=1e-6)
    assert_allclose(own, errors, rtol=1e-6)
    assert_allclose(found["sd"], case["sds"], rtol=1e-6)
    assert_allclose(found["corr"].dropna(), case["corr"], atol=1e-6)


@pytest.mark.parametrize("case", CASES["smooths"], ids=lambda case: case["name"])
def test_a_fit_is_that_of_mgcv(case):
    model = MODELS[case["name"]]
    model = clone(model).set_params(formula="x + (1 | g)").fit(X, Y[case["name"]])
    mean = np.array([model.intercept_, *model.coef_])
    errors, sd = np.sqrt(np.diag(model.vcov()))[:2], model.variance_components()["sd"][0]
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-7)
    assert_allclose(mean / errors, case["mean"] / errors, atol=1e-6)
    assert_allclose(sd, case["sd"], rtol=1e-6)
