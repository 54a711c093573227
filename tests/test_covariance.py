"""Every covariance keeps the same contract."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured

COVARIANCES = [
    Unstructured(1),
    Unstructured(3),
    Diagonal(1),
    Diagonal(3),
    BlockDiagonal((Unstructured(2), Diagonal(2), Unstructured(1))),
]
pytestmark = pytest.mark.parametrize("covariance", COVARIANCES, ids=repr)


def random_theta(covariance):
    return np.random.default_rng(0).normal(size=covariance.n_params)


def test_the_factor_is_lower_triangular_and_within_the_mask(covariance):
    factor = covariance.factor(random_theta(covariance))
    assert factor.shape == (covariance.size, covariance.size)
    assert_array_equal(factor != 0, covariance.mask)
    assert_array_equal(factor, np.tril(factor))


def test_it_starts_at_the_identity(covariance):
    assert_array_equal(covariance.factor(covariance.start()), np.eye(covariance.size))


def test_the_derivative_matches_differences(covariance):
    theta, h = random_theta(covariance), 1e-6
    steps = h * np.eye(covariance.n_params)
    slopes = [
        (covariance.factor(theta + e) - covariance.factor(theta - e)) / (2 * h) for e in steps
    ]
    assert_allclose(covariance.factor_grad(theta), slopes, atol=1e-9)


def test_rectify_keeps_the_covariance_and_makes_the_diagonal_positive(covariance):
    theta = -random_theta(covariance)  # the first draw is positive
    before, after = covariance.factor(theta), covariance.factor(covariance.rectify(theta))
    assert before[0, 0] < 0
    assert np.any(np.diag(before) < 0)
    assert np.all(np.diag(after) > 0)
    assert_allclose(after @ after.T, before @ before.T, rtol=1e-14, atol=1e-14)


def test_zero_is_an_ordinary_point(covariance):
    theta = np.zeros(covariance.n_params)
    assert not covariance.factor(theta).any()
    assert_array_equal(covariance.rectify(theta), theta)


def test_the_diagonal_of_the_factor_is_where_it_says(covariance):
    theta = random_theta(covariance)
    assert_array_equal(theta[covariance.diagonal], np.diag(covariance.factor(theta)))


def test_parameters_come_back_from_the_factor(covariance):
    theta = random_theta(covariance)
    assert_array_equal(covariance.from_factor(covariance.factor(theta)), theta)


def test_blocks_cover_all_effects(covariance):
    assert sum(block.size for block in covariance.blocks) == covariance.size
    assert sum(block.n_params for block in covariance.blocks) == covariance.n_params


def test_it_is_a_value(covariance):
    assert covariance in {covariance}
    assert covariance != Unstructured(7)


def test_components_are_what_may_be_correlated(covariance):
    factor = covariance.factor(random_theta(covariance))
    linked = factor @ factor.T != 0
    expected = np.zeros_like(linked)
    for component in covariance.components:
        expected[np.ix_(component, component)] = True
    assert_array_equal(linked, expected)
    assert sorted(c for component in covariance.components for c in component) == list(
        range(covariance.size)
    )
