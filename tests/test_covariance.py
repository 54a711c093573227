"""Every covariance keeps the same contract, whatever its parameters mean."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm.covariance import (
    Autoregressive,
    BlockDiagonal,
    CompoundSymmetry,
    Coordinate,
    Diagonal,
    EffectNames,
    Exponential,
    FactorAnalytic,
    GaussianKernel,
    HeterogeneousAutoregressive,
    HomogeneousCompoundSymmetry,
    HomogeneousDiagonal,
    HomogeneousToeplitz,
    Matern,
    OrnsteinUhlenbeck,
    Relationship,
    TensorPenalty,
    Toeplitz,
    Unstructured,
)

PLACES = np.random.default_rng(0).uniform(size=(6, 2))
RELATED = [[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.125]]

COVARIANCES = [
    Unstructured(1),
    Unstructured(3),
    Diagonal(1),
    Diagonal(3),
    CompoundSymmetry(2),
    CompoundSymmetry(3),
    CompoundSymmetry(5),
    Autoregressive(2),
    Autoregressive(4),
    Autoregressive(4, (3, 4, 7, 9)),
    HeterogeneousAutoregressive(4, (3, 4, 7, 9)),
    HomogeneousDiagonal(3),
    HomogeneousCompoundSymmetry(2),
    HomogeneousCompoundSymmetry(4),
    OrnsteinUhlenbeck([0.0, 0.3, 1.0, 2.5]),
    Toeplitz(2),
    Toeplitz(5),
    HomogeneousToeplitz(4),
    Exponential(PLACES),
    GaussianKernel(PLACES),
    Matern(PLACES),
    FactorAnalytic(5, 2),
    FactorAnalytic(3, 3),
    Relationship(RELATED),
    TensorPenalty([0.0, 0.0, 0.01, 0.4, 0.9, 1.0], ["x", "z"]),
    TensorPenalty([0.3, 0.7, 1.0]),
    TensorPenalty([0.3, 0.7]),
    BlockDiagonal((Unstructured(2), Diagonal(2), Unstructured(1))),
    BlockDiagonal((CompoundSymmetry(3), Unstructured(2), Autoregressive(3))),
    BlockDiagonal((Toeplitz(3), FactorAnalytic(3, 1), Matern(PLACES[:3]), HomogeneousDiagonal(2))),
]
FIELDS = (Exponential, GaussianKernel, Matern, OrnsteinUhlenbeck)
CORRELATED = (*FIELDS, FactorAnalytic, Relationship)  # from the start
pytestmark = pytest.mark.parametrize("covariance", COVARIANCES, ids=repr)
H = 1e-6


def random_theta(covariance, seed=0):
    """Any parameters, with ranges of fields at which differences are no noise."""
    theta, start = np.random.default_rng(seed).normal(size=covariance.n_params), 0
    for block in covariance.blocks:
        if isinstance(block, FIELDS):
            begin = block.start(np.ones(block.size))[1]
            theta[start + 1] = begin + 0.1 * theta[start + 1]
        start += block.n_params
    return theta


def differences(function, theta):
    steps = H * np.eye(len(theta))
    return np.array([(function(theta + e) - function(theta - e)) / (2 * H) for e in steps])


def sigma_of(covariance, theta):
    factor = covariance.factor(theta)
    return factor @ factor.T


def basis_of(covariance):
    """As general as the covariance allows: of any effects, of each, or of all in common."""
    rng, basis, start = np.random.default_rng(1), np.zeros((covariance.size,) * 2), 0
    for block in covariance.blocks:
        inside, size = slice(start, start + block.size), block.size
        if block.rebases:
            basis[inside, inside] = np.eye(size) + 0.2 * rng.normal(size=(size, size))
        elif block.rescales:
            basis[inside, inside] = np.diag(rng.uniform(0.5, 2.0, size))
        else:
            basis[inside, inside] = 1.7 * np.eye(size)
        start = inside.stop
    return basis


def labels_of(covariance):
    return EffectNames("g", tuple(f"z{i}" for i in range(covariance.size)))


def natural_of(covariance, theta):
    return list(covariance.natural(theta, basis_of(covariance), labels_of(covariance)))


def test_the_factor_is_lower_triangular_and_within_the_pairs(covariance):
    theta = random_theta(covariance)
    factor = covariance.factor(theta)
    assert factor.shape == (covariance.size, covariance.size)
    assert_array_equal(factor, np.tril(factor))
    assert_array_equal(sigma_of(covariance, theta) != 0, covariance.pairs)


def test_its_smallest_eigenvalue_is_no_negative_one(covariance):
    for seed in range(5):
        sigma = sigma_of(covariance, 2.0 * random_theta(covariance, seed))
        assert np.linalg.eigvalsh(sigma)[0] > -1e-10


def test_it_starts_at_independent_effects(covariance):
    assert not covariance.factor(covariance.start(np.zeros(covariance.size))).any()
    if any(isinstance(block, CORRELATED) for block in covariance.blocks):
        sds = np.sqrt(
            np.diag(sigma_of(covariance, covariance.start(np.full(covariance.size, 0.7))))
        )
        assert np.all((sds > 0.65) & (sds < 0.8))
        return
    sds = np.full(covariance.size, 0.7)
    assert_allclose(covariance.factor(covariance.start(sds)), np.diag(sds), atol=1e-15)
    if covariance.rescales:
        sds = np.linspace(0.5, 2.0, covariance.size)
        assert_allclose(covariance.factor(covariance.start(sds)), np.diag(sds), atol=1e-15)


def test_the_derivatives_match_differences(covariance):
    theta, rng = random_theta(covariance), np.random.default_rng(2)
    slopes = differences(covariance.factor, theta)
    assert_allclose(list(covariance.moves(theta)), slopes, atol=1e-8)
    step, kernel = rng.normal(size=len(theta)), rng.normal(size=slopes.shape[1:])
    assert_allclose(covariance.move(theta, step), np.tensordot(step, slopes, 1), atol=1e-7)
    assert_allclose(covariance.slope(theta, kernel), np.tensordot(slopes, kernel), atol=1e-7)
    kernels = np.stack([kernel, kernel.T, kernel**2], axis=-1)
    each = [covariance.slope(theta, kernels[..., p]) for p in range(3)]
    assert_allclose(covariance.slope(theta, kernels), np.transpose(each), atol=1e-14)


def test_the_information_is_that_of_normal_effects(covariance):
    theta, rng = random_theta(covariance), np.random.default_rng(3)
    precisions = np.stack([np.diag(row) for row in rng.uniform(1, 2, (4, covariance.size))])
    changes = differences(lambda t: sigma_of(covariance, t), theta)
    expected = [
        [0.5 * sum(np.trace(q @ a @ q @ b) for q in precisions) for b in changes] for a in changes
    ]
    found = covariance.information(theta, precisions)
    assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.max(np.abs(expected)))


def test_rectify_keeps_the_covariance_and_makes_the_diagonal_positive(covariance):
    for seed in range(5):
        theta = 3.0 * random_theta(covariance, seed)
        before, after = covariance.factor(theta), covariance.factor(covariance.rectify(theta))
        assert np.count_nonzero(np.diag(after) > 0) == covariance.ranked.sum()
        assert_allclose(after @ after.T, before @ before.T, rtol=1e-10, atol=1e-12)
        signs = np.where(np.diag(before) < 0, -1.0, 1.0)  # so that modes change sign only
        assert_allclose(after, before * signs, rtol=1e-10, atol=1e-12)
        again = covariance.rectify(covariance.rectify(theta))
        assert_array_equal(again, covariance.rectify(theta))


def test_scaled_multiplies_the_factor(covariance):
    theta = random_theta(covariance)
    found = covariance.factor(covariance.scaled(theta, 0.3))
    assert_allclose(found, 0.3 * covariance.factor(theta), atol=1e-15)
    assert_array_equal(covariance.scaled(theta, 1.0), theta)


def test_a_variance_of_zero_is_an_ordinary_point(covariance):
    theta = covariance.start(np.zeros(covariance.size))
    assert_array_equal(covariance.rectify(theta), theta)
    assert_array_equal(theta[covariance.spreads], 0.0)
    assert covariance.zeros(theta).all()
    assert np.isfinite(list(covariance.moves(theta))).all()


def test_on_an_edge_the_covariance_is_even(covariance):
    theta = covariance.rectify(random_theta(covariance))
    assert not covariance.zeros(theta).any()
    assert len(covariance.edges(theta)) > 0
    for edge in covariance.edges(theta):
        assert np.all(edge.distances > 0)
        on = theta.copy()
        on[edge.places] = edge.values
        assert covariance.zeros(on)[edge.places].all()
        assert any(np.all(each.distances == 0) for each in covariance.edges(on))
        if covariance.ranked.all() and not isinstance(covariance.blocks[0], FIELDS):
            assert np.any(np.diag(covariance.factor(on)) == 0)
        for place in edge.places:
            step = 1e-3 * np.eye(len(theta))[place]
            ahead, behind = sigma_of(covariance, on + step), sigma_of(covariance, on - step)
            assert_allclose(ahead, behind, atol=1e-11)


def test_what_is_no_zero_changes_the_covariance(covariance):
    theta = covariance.rectify(random_theta(covariance))
    for place in range(covariance.n_params):
        step = 1e-3 * np.eye(len(theta))[place]
        change = sigma_of(covariance, theta + step) - sigma_of(covariance, theta)
        assert np.abs(change).max() > 1e-8


def test_away_is_off_the_edges_and_leaves_alone_what_is_far(covariance):
    nothing = covariance.start(np.zeros(covariance.size))
    found = covariance.off_boundary(nothing, 0.1)
    assert not covariance.zeros(found).any()
    assert all(edge.distances[0] >= 0.1 - 1e-12 for edge in covariance.edges(found))
    theta = covariance.start(np.ones(covariance.size))
    assert_array_equal(covariance.off_boundary(theta, 0.1), theta)


def test_variances_depend_on_the_parameters_that_govern_their_effects(covariance):
    theta = random_theta(covariance)
    changes = differences(lambda t: np.diag(sigma_of(covariance, t)), theta)
    for effect in range(covariance.size):
        moving = np.flatnonzero(np.abs(changes[:, effect]) > 1e-7)
        assert set(moving) <= set(covariance.governing(effect))


def test_there_are_as_many_natural_parameters_as_names(covariance):
    theta = covariance.rectify(random_theta(covariance))
    found, names = natural_of(covariance, theta), covariance.names(labels_of(covariance))
    assert len(found) == len(names) == covariance.n_params
    assert {each.name for each in found} == set(names)
    assert len(set(names)) == len(names)


def test_natural_parameters_are_those_of_the_covariance(covariance):
    theta = covariance.rectify(random_theta(covariance))
    basis = basis_of(covariance)
    root = basis @ covariance.factor(theta)
    sigma = root @ root.T
    sd, labels = np.sqrt(np.diag(sigma)), labels_of(covariance)
    found = {each.name: each.value for each in natural_of(covariance, theta)}
    known = {labels.sd(i): sd[i] for i in range(covariance.size)}
    for i, j in zip(*np.triu_indices(covariance.size, 1), strict=True):
        known[labels.correlation(i, j)] = sigma[i, j] / sd[i] / sd[j]
    compared = set(found) & set(known)
    assert_allclose([found[n] for n in compared], [known[n] for n in compared], rtol=1e-10)
    for block in covariance.blocks:
        if isinstance(block, CompoundSymmetry | Autoregressive):
            theta = block.rectify(random_theta(block))
            values = [each.value for each in natural_of(block, theta)]
            whole = basis_of(block) @ block.factor(theta)
            whole = whole @ whole.T
            sd = np.sqrt(np.diag(whole))
            times = np.array(getattr(block, "times", np.arange(block.size)))
            steps = np.abs(np.subtract.outer(times, times))
            if isinstance(block, CompoundSymmetry):
                steps = np.minimum(steps, 1)
                assert_allclose(values[:-1], sd)
            else:
                assert_allclose(values[0], sd)
            assert_allclose(whole / np.outer(sd, sd), values[-1] ** steps)


def test_natural_parameters_have_the_slopes_of_differences(covariance):
    theta = covariance.rectify(random_theta(covariance))
    found = natural_of(covariance, theta)
    slopes = differences(lambda t: np.array([e.value for e in natural_of(covariance, t)]), theta)
    assert_allclose([each.gradient for each in found], slopes.T, atol=1e-7)
    for each in found:
        assert_allclose(each.back(np.array(each.working)), each.value, rtol=1e-10)
        rise = each.back(np.array(each.working + H)) - each.back(np.array(each.working - H))
        assert_allclose(1.0 / each.slope, rise / (2 * H), rtol=1e-6)


def test_on_the_boundary_nothing_is_known_of_natural_parameters(covariance):
    theta = covariance.start(np.zeros(covariance.size))
    for each in natural_of(covariance, theta):
        is_size = each.name.startswith(("sd", "loading"))
        assert each.value == 0.0 if is_size else np.isnan(each.value)
        assert np.isnan(each.gradient).all()


def test_coordinates_reproduce_their_parameters(covariance):
    theta = covariance.rectify(random_theta(covariance))
    basis, sigma = basis_of(covariance), sigma_of(covariance, theta)
    for which, parameter in enumerate(natural_of(covariance, theta)):
        found = covariance.coordinate(theta, basis, which)
        assert isinstance(found, Coordinate)
        assert_allclose(sigma_of(found.covariance, found.theta), sigma, atol=1e-12)
        assert_allclose(found.back(found.theta[found.place]), parameter.value, rtol=1e-10)
        assert_allclose(found.back(np.array(found.limits)), found.ends, atol=1e-12)
        assert found.limits[0] < found.theta[found.place] < found.limits[1]
        points = np.linspace(found.theta[found.place], min(found.limits[1], 9.0), 5)
        assert all(a < b for a, b in pairwise(found.back(points)))
        slopes = differences(found.covariance.factor, found.theta)
        assert_allclose(list(found.covariance.moves(found.theta)), slopes, atol=1e-7)


def test_coordinates_hold_their_parameter_as_others_move(covariance):
    theta = covariance.rectify(random_theta(covariance))
    start = 0
    for block in covariance.blocks:
        own = theta[start : start + block.n_params]
        start += block.n_params
        if type(block) in (Diagonal, Unstructured):
            continue
        for which in range(block.n_params):
            found = block.coordinate(own, basis_of(block), which)
            others = found.theta + 1e-4
            others[found.place] = found.theta[found.place]
            values = [each.value for each in natural_of(found.covariance, others)]
            assert_allclose(values[which], natural_of(block, own)[which].value)


def test_where_nothing_varies_correlations_are_anything(covariance):
    theta = covariance.start(np.zeros(covariance.size))
    basis = basis_of(covariance)
    for which, parameter in enumerate(natural_of(covariance, theta)):
        found = covariance.coordinate(theta, basis, which)
        if parameter.name.startswith(("range", "smoothness")):
            assert found == (0.0, np.inf)
        elif parameter.name.startswith(("corr", "rho")):
            assert found[0] <= 1e-4 < found[1] <= 1.0


def test_blocks_cover_all_effects(covariance):
    assert sum(block.size for block in covariance.blocks) == covariance.size
    assert sum(block.n_params for block in covariance.blocks) == covariance.n_params


def test_it_is_a_value(covariance):
    assert covariance in {covariance}
    assert covariance != Unstructured(7)
    assert pickle.loads(pickle.dumps(covariance)) == covariance


def test_components_are_what_may_be_correlated(covariance):
    linked = sigma_of(covariance, random_theta(covariance)) != 0
    expected = np.zeros_like(linked)
    for component in covariance.components:
        expected[np.ix_(component, component)] = True
    assert_array_equal(linked, expected)
    assert sorted(c for component in covariance.components for c in component) == list(
        range(covariance.size)
    )
