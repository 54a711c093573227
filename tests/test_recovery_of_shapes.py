"""Estimates of the power of amounts, and of the degrees of freedom of a t, find the truth."""

import numpy as np
import pandas as pd
import pytest

from skglmm import StudentTGLMMRegressor, TweedieGLMMRegressor

SETS = 200
GROUP = np.repeat(np.arange(60), 10)
AMOUNTS = {
    "Intercept": 1.0,
    "x": 0.5,
    "dispersion": 1.2,
    "power": 1.5,
    "sd(Intercept | g)": 0.5,
}
TAILS = {"Intercept": 1.0, "x": 0.5, "scale": 0.8, "df": 4.0, "sd(Intercept | g)": 0.5}


def predictor(rng, sd):
    x = rng.normal(size=len(GROUP))
    return pd.DataFrame({"x": x, "g": GROUP}), 1.0 + 0.5 * x + rng.normal(0.0, sd, 60)[GROUP]


def amounts(seed):
    """Sums of a Poisson number of gamma parts, of mean mu and variance 1.2 mu^1.5."""
    rng = np.random.default_rng([78, seed])
    X, eta = predictor(rng, 0.5)
    root = np.exp(0.5 * eta)
    number = rng.poisson(root / 0.6)
    return X, np.where(number > 0, rng.gamma(np.maximum(number, 1), 0.6 * root), 0.0)


def tails(seed):
    rng = np.random.default_rng([79, seed])
    X, eta = predictor(rng, 0.5)
    return X, eta + 0.8 * rng.standard_t(4.0, len(eta))


def recovered(model, draw, true):
    """Estimates and limits of all sets, (SETS, parameters, 3)."""
    found = [model.fit(*draw(seed)).confint().loc[list(true)] for seed in range(SETS)]
    return np.array(found, dtype=float)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "draw", "true"),
    [
        (TweedieGLMMRegressor("x + (1 | g)"), amounts, AMOUNTS),
        (StudentTGLMMRegressor("x + (1 | g)"), tails, TAILS),
    ],
    ids=["amounts", "tails"],
)
def test_shapes_are_recovered(model, draw, true):
    found, value = recovered(model, draw, true), np.array([*true.values()])
    error = np.log(found[:, :, 0] / value)  # degrees of freedom are skew
    noise = error.std(axis=0, ddof=1) / np.sqrt(SETS)
    bias = error.mean(axis=0)
    held = np.mean((found[:, :, 1] < value) & (value < found[:, :, 2]), axis=0)
    assert np.all(np.abs(bias)[:-1] < 3.3 * noise[:-1] + 0.01)
    assert -0.05 < bias[-1] < 0.02  # maximum likelihood, of 60 groups
    assert np.all((held > 0.9) & (held < 0.99))
