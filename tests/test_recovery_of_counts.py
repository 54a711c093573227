"""Estimates of zero-inflated negative binomials, with random effects in both parts, find the truth.

Whether a count is an extra zero is yes-or-no data, for which Laplace's approximation leans to small
variances: the standard deviation of the effects in the zeros is a few percent short of it.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from skglmm import NegativeBinomialGLMMRegressor

SETS = 200
TRUE = {
    "Intercept": 1.2,
    "x": 0.5,
    "dispersion": 0.5,
    "zero(Intercept)": -1.0,
    "zero(x)": 0.5,
    "sd(Intercept | g)": 0.6,
    "sd(zero(Intercept) | g)": 0.8,
}


def limits_of(seed):
    rng, g = np.random.default_rng([77, seed]), np.repeat(np.arange(150), 20)
    b, x = rng.normal(size=(150, 2)) * [0.6, 0.8], rng.normal(size=len(g))
    mean = np.exp(1.2 + 0.5 * x + b[g, 0])
    is_extra = rng.random(len(g)) < expit(-1.0 + 0.5 * x + b[g, 1])
    y = np.where(is_extra, 0, rng.negative_binomial(2.0, 2.0 / (2.0 + mean)))
    model = NegativeBinomialGLMMRegressor("x + (1 | g)", zero="x + (1 | g)")
    model.fit(pd.DataFrame({"x": x, "g": g}), y)
    assert model.converged_
    return model.confint().loc[list(TRUE)].to_numpy(float)


@pytest.mark.slow
def test_parameters_of_both_parts_are_recovered():
    found, true = np.array([limits_of(seed) for seed in range(SETS)]), np.array([*TRUE.values()])
    error = found[:, :, 0] - true
    noise = error.std(axis=0, ddof=1) / np.sqrt(SETS)
    assert np.all(np.abs(error.mean(axis=0))[:-1] < 3.3 * noise[:-1])
    assert -0.08 < error.mean(axis=0)[-1] < 0.0
    held = np.mean((found[:, :, 1] < true) & (true < found[:, :, 2]), axis=0)
    assert np.all((held > 0.9) & (held < 0.99))
