"""Tests that curves are 0: against mgcv, and against an inverted characteristic function."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import chi2

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.inference.parameters.smooth_tests import weighted_tail

INDEX = np.arange(1, 121)
X = np.round(10 * ((np.sin(1.7 * INDEX) + 1) / 2) ** 1.3, 2)
Z = np.cos(2.3 * INDEX) + 0.3 * np.sin(INDEX)
NOISE = np.sin(INDEX**2)
ROWS = pd.DataFrame({"x": X, "z": Z, "twice z": 2 * Z})
WEAK = 0.06 * (X - 5) ** 2 / 5 + 0.1 * Z + NOISE
COUNT = np.round(np.exp(0.8 * np.sin(X / 1.5) + 0.8 * NOISE + 0.8))


def test_tests_of_curves_are_those_of_mgcv():
    # summary(gam(weak ~ s(x) + s(z), method = "REML")) of mgcv 1.8-41, which rounds the residual
    # degrees of freedom for p-values
    table = LMMRegressor("s(x) + s(z)").fit(ROWS, WEAK).smooth_terms()
    assert_allclose(table["edf"], [2.878462156, 1.000419243], rtol=1e-3)
    assert_allclose(table["reference_df"], [3.545645136, 1.000837851], rtol=1e-3)
    assert_allclose(table["residual_df"], 115.1211, rtol=1e-5)
    assert_allclose(table["p_value"], [0.002852349556, 0.009380616330], rtol=3e-3)


def test_tests_of_curves_of_counts_are_those_of_mgcv():
    # summary(gam(count ~ s(x, k = 6) + s(z, k = 5), family = poisson, method = "ML"))
    table = PoissonGLMMRegressor("s(x, k=6) + s(z, k=5)").fit(ROWS, COUNT).smooth_terms()
    assert_allclose(table["edf"], [4.407452969, 1.000085510], rtol=1e-3)
    assert_allclose(table["reference_df"], [4.829485121, 1.000170947], rtol=1e-3)
    assert_allclose(table.loc[1, "statistic"], 2.10506078, rtol=2e-3)
    assert_allclose(table.loc[1, "p_value"], 0.1468082507, rtol=2e-3)
    assert np.isinf(table["residual_df"]).all()


@pytest.mark.parametrize(("whole", "rest"), [(1, 0.3), (1, 1.0), (2, 0.5), (5, 0.001), (8, 0.9)])
@pytest.mark.parametrize("statistic", [0.5, 3.0, 12.0])
def test_tails_of_fractional_rank_are_those_of_the_characteristic_function(whole, rest, statistic):
    half = np.sqrt(1 - rest**2) / 2
    weights = np.array([*np.ones(whole - 1), (1 + rest) / 2 + half, (1 + rest) / 2 - half])

    def integrand(u):  # Imhof (1961)
        angle = 0.5 * np.sum(np.arctan(weights * u)) - 0.5 * statistic * u
        return np.sin(angle) / (u * np.prod((1 + (weights * u) ** 2) ** 0.25))

    bounds = [1e-12, *np.arange(1, 401) * np.pi]
    pieces = sum(quad(integrand, a, b)[0] for a, b in pairwise(bounds))
    tail = 1.5e-3 if whole == 1 else 1e-5  # what is beyond the last piece
    assert_allclose(weighted_tail(statistic, whole, rest), 0.5 + pieces / np.pi, atol=tail)


def test_a_whole_rank_is_a_chi_square():
    assert_allclose(weighted_tail(7.0, 3, 0.0), chi2.sf(7.0, 3))
    assert_allclose(weighted_tail(7.0, 3, 1e-9), chi2.sf(7.0, 3), rtol=1e-6)
    assert_allclose(weighted_tail(7.0, 3, 1 - 1e-9), chi2.sf(7.0, 4), rtol=1e-4)


def test_columns_that_were_dropped_take_no_degrees_of_freedom():
    one = LMMRegressor("s(x) + z").fit(ROWS, WEAK)
    with pytest.warns(UserWarning, match="dropped"):
        other = LMMRegressor("s(x) + z + `twice z`").fit(ROWS, WEAK)
    for name in ("residual_df", "p_value"):
        assert_allclose(one.smooth_terms()[name], other.smooth_terms()[name], rtol=1e-6)


def test_without_degrees_of_freedom_tables_have_chi_square_tests():
    model = LMMRegressor("s(x) + s(z)").fit(ROWS, WEAK)
    exact, plain = (model.anova(df=df).to_frame() for df in ("satterthwaite", "normal"))
    assert_allclose(exact["p_value"], model.smooth_terms()["p_value"])
    rank = model.smooth_terms()["reference_df"].to_numpy()
    assert_allclose(plain["statistic"], rank * exact["statistic"])
    assert_allclose(plain.loc["s(z)", "p_value"], chi2.sf(plain.loc["s(z)", "statistic"], 1))
    assert np.all(plain["p_value"] < exact["p_value"])
