"""Likelihood-ratio tests of families that are others at an end of a parameter's range."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

from skglmm import (
    BetaBinomialGLMMRegressor,
    BinomialGLMMRegressor,
    LMMRegressor,
    NegativeBinomialGLMMRegressor,
    PoissonGLMMRegressor,
    StudentTGLMMRegressor,
)
from skglmm.model_selection import likelihood_ratio_test

FORMULA = "x + (1 | g)"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(size=200), "g": np.arange(200) // 10})
    eta = 0.5 * X["x"].to_numpy() + rng.normal(0.0, 0.5, 20)[X["g"]]
    mean = np.exp(eta)
    return X, {
        "counts": rng.negative_binomial(1.5, 1.5 / (1.5 + mean)),
        "zeros": rng.negative_binomial(3.0, 3.0 / (3.0 + 4.0 * mean)) * (rng.random(200) < 0.7),
        "successes": rng.binomial(20, rng.beta(3.0 / (1.0 + mean), 3.0 - 3.0 / (1.0 + mean))),
        "real": eta + 0.5 * rng.standard_t(3.0, 200),
    }


@pytest.mark.parametrize(
    ("smaller", "larger", "y"),
    [
        (PoissonGLMMRegressor(FORMULA), NegativeBinomialGLMMRegressor(FORMULA), "counts"),
        (
            PoissonGLMMRegressor(FORMULA, zero="1"),
            NegativeBinomialGLMMRegressor(FORMULA, zero="1"),
            "zeros",
        ),
        (
            NegativeBinomialGLMMRegressor(FORMULA),
            NegativeBinomialGLMMRegressor(FORMULA, zero="1"),
            "zeros",
        ),
        (
            BinomialGLMMRegressor(FORMULA, trials=20),
            BetaBinomialGLMMRegressor(FORMULA, trials=20),
            "successes",
        ),
        (LMMRegressor(FORMULA, reml=False), StudentTGLMMRegressor(FORMULA), "real"),
    ],
    ids=["dispersion", "dispersion beside zeros", "zeros", "precision", "tails"],
)
def test_one_parameter_at_the_end_of_its_range_has_half_a_chi_square(rows, smaller, larger, y):
    X, ys = rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = smaller.fit(X, ys[y]), larger.fit(X, ys[y])
    if any(model.is_singular_ for model in models):
        pytest.fail("the data were meant to vary between groups")
    test = likelihood_ratio_test(*models)
    assert test.method == "boundary-corrected"
    assert_allclose(test.p_value, 0.5 * chi2.sf(test.statistic, 1))


def test_several_at_once_have_a_word_of_caution(rows):
    X, ys = rows
    smaller = PoissonGLMMRegressor(FORMULA).fit(X, ys["zeros"])
    larger = NegativeBinomialGLMMRegressor(FORMULA, zero="1").fit(X, ys["zeros"])
    test = likelihood_ratio_test(smaller, larger)
    assert (test.method, test.df) == ("conservative", 2)
    assert "dispersion and zero at the end of the range" in test.notes[0]


def test_another_link_is_no_extension(rows):
    X, ys = rows
    smaller = PoissonGLMMRegressor("x", link="sqrt").fit(X, ys["counts"])
    larger = NegativeBinomialGLMMRegressor("x").fit(X, ys["counts"])
    with pytest.raises(ValueError, match="the families differ"):
        likelihood_ratio_test(smaller, larger)


@pytest.mark.slow
def test_under_the_smaller_model_a_twentieth_is_significant_at_five_percent():
    p_values, X = [], pd.DataFrame({"g": np.repeat(np.arange(20), 20)})
    for seed in range(400):
        rng = np.random.default_rng([80, seed])
        y = rng.poisson(np.exp(1.0 + rng.normal(0.0, 0.5, 20)[X["g"]]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            smaller = PoissonGLMMRegressor("1 + (1 | g)").fit(X, y)
            larger = NegativeBinomialGLMMRegressor("1 + (1 | g)").fit(X, y)
        p_values.append(likelihood_ratio_test(smaller, larger).p_value)
    assert 0.025 < np.mean(np.array(p_values) < 0.05) < 0.075
