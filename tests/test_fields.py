"""Fields, processes and relationships: correlations, factors and predictions by plain formulas."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.linalg import toeplitz
from scipy.spatial.distance import cdist
from scipy.special import gamma, kv

from skglmm.covariance import (
    Autoregressive,
    BlockDiagonal,
    CompoundSymmetry,
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
    Toeplitz,
    Unstructured,
)

PLACES = np.random.default_rng(0).uniform(size=(40, 2))
NEW = np.random.default_rng(1).uniform(size=(5, 2))
TIMES = np.cumsum(np.random.default_rng(2).uniform(0.2, 2.0, 30))


def matern(d, sd, reach, nu):
    x = np.where(d > 0, d / reach, 1.0)
    return sd**2 * np.where(d > 0, 2 ** (1 - nu) / gamma(nu) * x**nu * kv(nu, x), 1.0)


FORMULAS = {
    Exponential: lambda d, sd, reach: sd**2 * np.exp(-d / reach),
    GaussianKernel: lambda d, sd, reach: sd**2 * np.exp(-((d / reach) ** 2)),
    Matern: matern,
    OrnsteinUhlenbeck: lambda d, sd, rho: sd**2 * rho**d,
}
CASES = [
    (Exponential(PLACES), NEW),
    (GaussianKernel(PLACES), NEW),
    (Matern(PLACES), NEW),
    (OrnsteinUhlenbeck(TIMES), np.array([-1.0, 0.3, 4.0, 99.0])),
]
by_field = pytest.mark.parametrize(("covariance", "new"), CASES, ids=lambda v: type(v).__name__)


def theta_of(covariance):
    theta = covariance.start(np.full(covariance.size, 1.3))
    theta[1:] += 0.1
    return theta


def numbers(covariance, theta):
    labels = EffectNames("g", tuple(map(str, range(covariance.size))))
    basis = np.eye(covariance.size)
    return [each.value for each in covariance.natural(theta, basis, labels)]


@by_field
def test_a_field_has_the_covariances_of_its_formula(covariance, new):
    theta, points = theta_of(covariance), np.array(covariance.points)
    known = FORMULAS[type(covariance)](cdist(points, points), *numbers(covariance, theta))
    factor = covariance.factor(theta)
    assert_allclose(factor @ factor.T, known, rtol=1e-8)


@by_field
def test_new_points_have_the_covariances_of_the_formula(covariance, new):
    theta, points = theta_of(covariance), np.array(covariance.points)
    of, values = FORMULAS[type(covariance)], numbers(covariance, theta)
    places = new.reshape(len(new), -1)
    assert_allclose(covariance.between(theta, new), of(cdist(places, points), *values), rtol=1e-8)
    among = of(cdist(places, places), *values)
    assert_allclose(covariance.among(theta, new), among, rtol=1e-8)
    assert_allclose(covariance.variance(theta, new), np.diag(among))


@by_field
def test_learned_points_are_no_new_ones(covariance, new):
    theta, points = theta_of(covariance), np.array(covariance.points)
    factor = covariance.factor(theta)
    assert_allclose(covariance.between(theta, points), factor @ factor.T, rtol=1e-7)


@pytest.mark.parametrize("covariance", [case[0] for case in CASES], ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("omega", [-1.2, 0.3, 1.5])
def test_moves_are_exact_where_the_matrix_is_nearly_singular(covariance, omega):
    rng, theta = np.random.default_rng(0), theta_of(covariance)
    theta[1] = omega
    step, h = rng.normal(size=len(theta)), 1e-4
    ends = [
        covariance.between(theta + h * k * step, np.array(covariance.points))
        for k in (-2, -1, 1, 2)
    ]
    known = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)
    half = covariance.move(theta, step) @ covariance.factor(theta).T
    assert_allclose(half + half.T, known, atol=1e-8)
    kernel = rng.normal(size=half.shape)
    found = covariance.slope(theta, kernel) @ step
    assert_allclose(found, np.vdot(covariance.move(theta, step), kernel), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("nu", [0.05, 0.3, 0.5, 1.0, 2.7, 20.0])
def test_matern_is_that_of_mpmath(nu):
    field = Matern([0.0, 1.0]).correlation
    x = np.array([1e-8, 1e-3, 0.1, 0.9, 3.0, 20.0, 90.0])

    def known(log_reach, log_nu, at):
        order, z = mpmath.e**log_nu, at * mpmath.e ** (-log_reach)
        scale = mpmath.mpf(2) ** (1 - order) / mpmath.gamma(order)
        return scale * z**order * mpmath.besselk(order, z)

    found = field.values(x, [1.0, nu])
    with mpmath.workdps(30):
        for i, at in enumerate(map(mpmath.mpf, x.tolist())):
            log_nu, h = mpmath.log(nu), mpmath.mpf("1e-10")
            value = known(0, log_nu, at)
            of_reach = (known(h, log_nu, at) - known(-h, log_nu, at)) / (2 * h)
            of_nu = (known(0, log_nu + h, at) - known(0, log_nu - h, at)) / (2 * h)
            expected = [float(each) for each in (value, of_reach, of_nu)]
            assert_allclose(found[:, i], expected, rtol=1e-10, atol=1e-12)


def test_half_a_smoothness_is_exponential():
    distances = np.linspace(0.01, 5.0, 50)
    found = Matern([0.0, 1.0]).correlation.values(distances, [0.7, 0.5])
    assert_allclose(found[0], np.exp(-distances / 0.7), rtol=1e-12)


def test_the_correlations_of_bands_are_those_of_durbin_and_levinson():
    omega = np.array([0.4, -0.9, 0.3, 1.1])
    rho, coefficients = [1.0], np.zeros(0)
    variance = 1.0
    for partial in np.sin(omega):
        past = np.array(rho[::-1][: len(coefficients)])
        rho.append(partial * variance + coefficients @ past)
        coefficients = np.append(coefficients - partial * coefficients[::-1], partial)
        variance *= 1.0 - partial**2
    factor = HomogeneousToeplitz(5).factor(np.append(1.0, omega))
    assert_allclose(factor, np.linalg.cholesky(toeplitz(rho)), atol=1e-12)


def test_an_autoregression_reaches_times_between_and_beyond():
    covariance, theta = Autoregressive(3, (1990, 1992, 1995)), np.array([2.0, np.arcsin(-0.6)])
    found = covariance.between(theta, np.array([1991, 1997]))
    assert_allclose(found, 4.0 * (-0.6) ** np.array([[1, 1, 4], [7, 5, 2]]))
    with pytest.raises(ValueError, match=r"whole times, got 1990\.5; ou"):
        covariance.between(theta, np.array([1990.5]))


def test_a_relationship_is_that_of_its_inverse():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(6, 6))
    matrix = half @ half.T + np.eye(6)
    inverse = sparse.csc_array(np.linalg.inv(matrix))
    one, other = Relationship(matrix), Relationship.of_inverse(inverse)
    assert_allclose(one.factor(np.array([1.5])), other.factor(np.array([1.5])), rtol=1e-9)


def test_new_individuals_come_with_their_rows():
    matrix = np.array([[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.2]])
    covariance, theta = Relationship(matrix[:2, :2]), np.array([2.0])
    assert_allclose(covariance.between(theta, matrix[2:]), 4.0 * matrix[2:, :2])
    assert_allclose(covariance.variance(theta, matrix[2:]), [4.8])
    with pytest.raises(ValueError, match=r"\(m, 2 \+ m\)"):
        covariance.between(theta, matrix)


@pytest.mark.parametrize(
    "covariance",
    [Unstructured(3), Toeplitz(3), Diagonal(3), HomogeneousToeplitz(3), FactorAnalytic(3, 1)],
    ids=repr,
)
def test_what_has_no_points_says_so(covariance):
    theta = covariance.start(np.ones(3))
    for ask in (covariance.between, covariance.among, covariance.variance):
        with pytest.raises(NotImplementedError, match="tells nothing of effects that were not"):
            ask(theta, np.array([7.0]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Exponential([[0.0, 1.0], [2.0, 2.0], [0.0, 1.0]]), "points 0 and 2 are both"),
        (lambda: Matern([0.0, np.nan]), "point 1 is not finite"),
        (lambda: GaussianKernel([1.0]), "needs 2 points or more"),
        (lambda: OrnsteinUhlenbeck([1.0, 3.0, 2.0]), "times that increase"),
        (lambda: Autoregressive(3, (1, 3, 2)), "3 whole times that increase"),
        (lambda: HeterogeneousAutoregressive(2, (0, 1.5)), "2 whole times that increase"),
        (lambda: Autoregressive(1), "at least 2 effects"),
        (lambda: Toeplitz(1), "at least 2 effects"),
        (lambda: HomogeneousToeplitz(1), "at least 2 effects"),
        (lambda: HomogeneousCompoundSymmetry(1), "at least 2 effects"),
        (lambda: FactorAnalytic(3, 4), "rank must be from 1 to the 3 effects, got 4"),
        (lambda: Relationship([[1.0, 1.0], [1.0, 1.0]]), "positive definite.*twins"),
        (lambda: Relationship([[1.0, 0.3], [0.2, 1.0]]), r"symmetric: entry \(0, 1\)"),
        (lambda: Relationship(np.ones((2, 3))), "square"),
        (lambda: Relationship([[np.nan]]), "not finite"),
        (lambda: Relationship.of_inverse([[1.0, -1.0], [-1.0, 1.0]]), "intrinsic precision"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


CONTAINED = [
    (Unstructured(3), Toeplitz(3)),
    (CompoundSymmetry(3), HomogeneousCompoundSymmetry(3)),
    (CompoundSymmetry(3), Diagonal(3)),
    (Diagonal(3), HomogeneousDiagonal(3)),
    (Autoregressive(3, (0, 2, 3)), HomogeneousDiagonal(3)),
    (HeterogeneousAutoregressive(3, (0, 2, 3)), Autoregressive(3, (0, 2, 3))),
    (HeterogeneousAutoregressive(3), Diagonal(3)),
    (HomogeneousToeplitz(3), Autoregressive(3, (5, 6, 7))),
    (HomogeneousToeplitz(3), HomogeneousCompoundSymmetry(3)),
    (Toeplitz(3), HeterogeneousAutoregressive(3)),
    (Toeplitz(3), HomogeneousToeplitz(3)),
    (Toeplitz(3), CompoundSymmetry(3)),
    (Matern(PLACES), Exponential(PLACES)),
    (FactorAnalytic(4, 2), FactorAnalytic(4, 1)),
    (FactorAnalytic(3, 3), Unstructured(3)),
    (BlockDiagonal((Toeplitz(3), Diagonal(2))), BlockDiagonal((Diagonal(3), Diagonal(2)))),
]


@pytest.mark.parametrize(("larger", "smaller"), CONTAINED, ids=repr)
def test_a_larger_covariance_contains_the_smaller_one(larger, smaller):
    assert larger.contains(smaller)
    assert larger.contains(larger)
    if larger.n_params != smaller.n_params:
        assert not smaller.contains(larger)


def test_what_differs_in_times_or_size_is_not_contained():
    assert not HomogeneousToeplitz(3).contains(Autoregressive(3, (0, 2, 3)))
    assert not Matern(PLACES).contains(Exponential(PLACES[:5]))
    assert not Unstructured(3).contains(Diagonal(2))
    assert not Toeplitz(3).contains(Toeplitz(4))


def test_ranges_at_their_ends_are_their_ends():
    covariance = Exponential(PLACES)
    basis, labels = np.eye(40), EffectNames("g", tuple(map(str, range(40))))
    for end in (-np.pi / 2, np.pi / 2):
        theta = np.array([1.0, end])
        *_, reach = covariance.natural(theta, basis, labels)
        assert reach.value in covariance.correlation.ends(0)
        assert np.isnan(reach.gradient).all()
        assert np.linalg.eigvalsh(covariance.factor(theta) @ covariance.factor(theta).T)[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Exponential, GaussianKernel, Matern])
def test_five_hundred_points_take_seconds(kind):
    points = np.random.default_rng(0).uniform(size=(500, 2))
    covariance = kind(points)
    theta = covariance.start(np.ones(500))
    found = covariance.slope(theta, covariance.factor(theta))
    assert np.isfinite(found).all()
