"""Tests of residuals where a level has nearly all information, or a bound is hardly possible."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import ZeroInflatedBetaGLMMRegressor
from skglmm.inference.residuals.distribution_tests import two_sided
from skglmm.inference.residuals.misfit import _spread, link_test
from skglmm.inspection import residuals


@pytest.mark.parametrize("n_levels", [2, 3, 8])
def test_the_spread_of_levels_is_that_of_the_covariance_of_centered_scores(n_levels):
    rng = np.random.default_rng(n_levels)
    variances = rng.uniform(0.5, 2.0, n_levels)
    scores = 3.0 * rng.normal(size=n_levels)
    shares = variances / variances.sum()
    center = np.eye(n_levels) - np.outer(shares, np.ones(n_levels))
    covariance = center @ np.diag(variances) @ center.T
    found = float(np.sum((center @ scores) ** 2))
    excess = max(0.0, found - np.trace(covariance)) / np.sum(covariance**2)
    assert_allclose(_spread(scores, variances)[0], np.sqrt(excess), rtol=1e-12)


@pytest.mark.parametrize("rest", [1e-3, 1e-6, 1e-8, 1e-10])
def test_two_levels_of_unequal_information_compare_their_difference(rest):
    """Their centered scores are plus and minus one number, whose square is a chi-square with 1."""
    variances = np.array([1.0, rest])
    deviation = 2.0 * np.sqrt(rest * (1.0 + rest) ** -1)  # two standard deviations
    scores = np.array([0.0, deviation * (1.0 + rest)]) + 0.3 * variances
    _, p_value = _spread(scores, variances)
    assert_allclose(p_value, 0.04550026389635842, rtol=1e-5)


def test_bounds_that_are_hardly_possible():
    assert two_sided(0, 1e-200, 0.0) == 1.0
    assert two_sided(0, 0.0, 0.0) == 1.0
    assert two_sided(1, 0.0, 0.0) == 0.0
    assert_allclose(two_sided(1, 1e-200, 0.0), 2e-200)


def test_rows_that_say_nothing_of_their_mean_say_nothing_of_its_link():
    rows = SimpleNamespace(eta=[np.zeros(3)], steepness=np.zeros(3), fixed=np.ones((3, 1)))
    found = link_test(rows, "logit")
    assert (found.effect, found.p_value) == (0.0, 1.0)


def test_a_response_that_was_certain_has_a_residual_of_zero():
    """After separation the probability of a bound is 1 - 1e-300 in some rows, and 0 in others."""
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"dose": rng.normal(20.0, 5.0, 150)})
    y = np.where(X["dose"] > 22.0, 0.0, rng.beta(2.0, 3.0, 150))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the likelihood rises", UserWarning)
        model = ZeroInflatedBetaGLMMRegressor("dose", zero="dose").fit(X, y)
    assert model.predict(X, return_std=True)[1].min() == 0.0
    found = residuals(model, X, y, kind="pearson")
    assert_allclose(found[y == 0.0], 0.0, atol=1e-3)
    assert np.isfinite(found).all()
    shares = model.r2(X, y).to_frame()["marginal"]  # no warning of an overflow
    assert shares.between(0.0, 1.0).all()
