"""Standardized designs are centered and scaled, and lead back to the user's units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Term, design

from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured
from skglmm.engine import Params, bind
from skglmm.families import Beta
from skglmm.fitting.data.standardize import learn_scales
from skglmm.fitting.search.start import start
from skglmm.parts import Here

RNG = np.random.default_rng(6)
N = 400
ONE, X, Z = np.ones(N), RNG.normal(200, 30, N), RNG.normal(-1e-9, 1e-9, N)
G = RNG.integers(0, 25, N)
WEIGHTS = RNG.uniform(0.5, 2, N)


def standardize(whole, weights):
    """The design with standardized columns, and the maps."""
    scales = learn_scales(whole.layout, Here([whole]), Here([weights]))
    return scales.apply(whole), scales


def moments(columns, weights):
    mean = np.average(columns, axis=0, weights=weights)
    return mean, np.sqrt(np.average(columns**2, axis=0, weights=weights))


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_fixed_columns_have_mean_zero_and_unit_spread(weights):
    whole = design(([X, ONE, Z], [ONE]))
    found, scales = standardize(whole, weights)
    mean, spread = moments(found.fixed[0], weights)
    assert_allclose(mean, [0, 1, 0], atol=1e-12)
    assert_allclose(spread, 1, rtol=1e-12)
    assert_allclose(whole.fixed[0] @ scales.to_user[0], found.fixed[0], atol=1e-9)


def test_without_an_intercept_columns_are_only_scaled():
    found, _ = standardize(design(([X, Z], [ONE])), None)
    assert_allclose(found.fixed[0][:, 0], X / np.sqrt(np.mean(X**2)))


@pytest.mark.parametrize(
    ("covariance", "centered"),
    [
        (Unstructured(3), [False, True, True]),
        (Diagonal(3), [False, False, False]),
        (BlockDiagonal((Unstructured(2), Diagonal(1))), [False, True, False]),
        (BlockDiagonal((Unstructured(1), Unstructured(2))), [False, False, False]),
    ],
)
def test_effects_are_centered_where_the_covariance_allows_it(covariance, centered):
    whole = design(([ONE], [ONE]), Term("g", G, (ONE, X, Z), covariance))
    found, scales = standardize(whole, None)
    mean, spread = moments(found.columns[0], None)
    assert_allclose(spread, 1, rtol=1e-9)
    assert_allclose(np.abs(mean) < 1e-9, centered)
    assert_allclose(whole.columns[0] @ scales.bases[0], found.columns[0], atol=1e-9)


def test_a_column_that_barely_differs_from_a_constant_counts_as_one():
    _, scales = standardize(design(([ONE, 200 + 1e-13 * X, X], [ONE])), None)
    assert scales.aliased == ((1,), ())


def test_the_start_is_near_what_the_data_say():
    rng = np.random.default_rng(7)
    effects = rng.normal(0, 0.8, (2, 25))
    z = (X - 200) / 30
    y = Beta().sample([0.3 + 0.5 * z + effects[0, G] + effects[1, G] * z, 2.5 * ONE], rng)
    problem = bind(
        design(([ONE, z], [ONE]), Term("g", G, (ONE, z), Unstructured(2))), y, None, Beta()
    )
    vector = start(problem, Beta().start(y, None), np.full(6, np.inf))
    params = Params.unpack(vector, problem.shape)
    assert_allclose(params.beta[0], [0.3, 0.5], atol=0.35)
    assert_allclose(params.beta[1], 2.5, atol=1.5)
    assert_allclose(params.theta[0][[0, 2]], 0.8, atol=0.4)
    assert params.theta[0][1] == 0


def test_widths_are_the_largest_values_of_standardized_columns():
    found, scales = standardize(design(([ONE, X, 2.0 * X, Z], [ONE])), None)
    for x, width in zip(found.fixed, scales.widths, strict=True):
        assert_allclose(width, np.abs(x).max(axis=0), atol=1e-12)
    spans = scales.spans[0]
    assert spans[2] == 0.0  # left out, as twice the column before
    assert_allclose(spans[[1, 3]], [np.abs(column - column.mean()).max() for column in (X, Z)])
