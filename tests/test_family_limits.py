"""Families at the ends of what they can reach: digits, corners, starting values."""

import mpmath
import numpy as np
import pytest
from family_cases import (
    BETAS,
    FAMILIES,
    LINKED,
    STRETCHED,
    STUDENTS,
    TWEEDIES,
    evaluate,
    is_bounded,
    name,
    point,
    responses,
    size,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import beta as scipy_beta

from skglmm.families import Beta, Role

every = pytest.mark.parametrize("family", FAMILIES, ids=name)
linked = pytest.mark.parametrize("family", LINKED, ids=name)
betas = pytest.mark.parametrize("family", BETAS, ids=name)
orders = pytest.mark.parametrize("order", [0, 1, 2, 3])

COUNTS = np.array([0.0, 1.0, 2.0, 7.0, 1e3, 1e9])
REALS = np.array([-1e10, -3.0, -1e-300, 0.0, 0.5, 1e5, 1e10])
RESPONSES = np.array([1e-300, 1e-12, 1e-3, 0.3, 0.5, 0.9, 1 - 1e-3, 1 - 1e-12, 1 - 2.0**-53])


# Accuracy


@betas
def test_the_log_density_is_that_of_scipy(family):
    rng = np.random.default_rng(6)
    n = 400
    eta = (rng.uniform(-2.0, 1.3, n), rng.uniform(-3.0, 5.0, n))
    mu, nu = family.mean(eta), family.links[0].inverse(eta[0]).complement
    phi = np.exp(eta[1])
    y = rng.uniform(0.001, 0.999, n)
    expected = scipy_beta.logpdf(y, mu * phi, nu * phi)
    assert_allclose(evaluate(family, y, eta, 0).value, expected, rtol=1e-12, atol=1e-12)


UP_TO_THIRD = [(m - k, k) for m in range(4) for k in range(m + 1)]


def exact_beta(y, eta, counts):
    """Derivatives of the beta's log density with a logit link, by how often in each predictor."""

    def log_density(mean, precision):
        phi = mpmath.exp(precision)
        a, b = phi / (1 + mpmath.exp(-mean)), phi / (1 + mpmath.exp(mean))
        value = mpmath.loggamma(phi) - mpmath.loggamma(a) - mpmath.loggamma(b)
        return value + (a - 1) * mpmath.log(y) + (b - 1) * mpmath.log1p(-mpmath.mpf(y))

    with mpmath.workdps(60):
        point = tuple(mpmath.mpf(float(each)) for each in eta)
        return [float(mpmath.diff(log_density, point, each)) for each in counts]


@pytest.mark.parametrize("phi", [1e-3, 1.0, 1e2, 1e6, 1e9])
@pytest.mark.parametrize("mean", [-6.0, 0.4, 3.0])
@pytest.mark.parametrize("deviations", [-2.0, 1.5])
def test_value_and_derivatives_have_the_digits_that_the_cancellation_leaves(phi, mean, deviations):
    family, eta = Beta(), (np.array([mean]), np.log([phi]))
    center, spread = family.mean(eta), np.sqrt(family.variance(eta))
    y = np.clip(center + deviations * spread, 0.2 * center, 0.5 * (1.0 + center))
    value, grad, hess, third = evaluate(family, y, eta, 3)
    expected = np.array(exact_beta(y[0], [each[0] for each in eta], UP_TO_THIRD))
    found = np.concatenate([value, grad[:, 0], hess[:, 0], third[:, 0]])
    rounding = np.finfo(np.float64).eps * phi * (1.0 + abs(np.log(phi)))
    assert (np.abs(found - expected) <= 1e-13 * (10.0 + np.abs(expected)) + 4.0 * rounding).all()


@pytest.mark.parametrize("phi", [1e4, 1e10])
@pytest.mark.parametrize("mean", [-3.0, 3.0])
@pytest.mark.parametrize("deviations", [-2.0, 1.5])
def test_a_large_precision_costs_few_digits_near_the_mean(phi, mean, deviations):
    """Rounding grows like the square root of phi, as that of the score does, not like phi."""
    family, eta = Beta(), (np.array([mean]), np.log([phi]))
    y = family.mean(eta) + deviations * np.sqrt(family.variance(eta))
    value, grad = evaluate(family, y, eta, 1)[:2]
    expected = exact_beta(y[0], [each[0] for each in eta], [(0, 0), (0, 1)])
    allowed = 1e-13 + 1e-14 * np.sqrt(phi)
    assert_allclose([value[0], grad[1, 0]], expected, rtol=1e-13, atol=allowed)


@pytest.mark.parametrize("other", [(0.5, 0.3, 1.0), (0.01, -6.9, 6.0), (1e-9, 2.0, 3.0)])
def test_the_digits_of_a_row_are_its_own_affair(other):
    """Whatever the shapes of the rows beside it."""
    family, eta = Beta(), (np.array([2.2]), np.log([1e9]))
    y = family.mean(eta) + 2.0 * np.sqrt(family.variance(eta))
    also = np.array(other[:1]), [np.array([each]) for each in other[1:]]
    both = np.append(y, also[0]), [np.append(*pair) for pair in zip(eta, also[1], strict=True)]
    whole = evaluate(family, *both, 3)
    for row, alone in enumerate((evaluate(family, y, eta, 3), evaluate(family, *also, 3))):
        for one, two in zip(alone, whole, strict=True):
            assert_allclose(two[..., row], one[..., 0], rtol=1e-12)


@pytest.mark.parametrize("mean", [-12.0, -9.0, 13.0])
@pytest.mark.parametrize("far", [1e-5, 0.05, 0.5, 1.0, 1.7])
def test_a_large_precision_keeps_its_digits_where_a_shape_is_small(mean, far):
    family, eta = Beta(), (np.array([mean]), np.array([11.0]))
    near = family.mean(eta) if mean < 0 else family.links[0].inverse(eta[0]).complement
    y = far * near if mean < 0 else 1.0 - far * near
    value, grad, hess, third = evaluate(family, y, eta, 3)
    expected = exact_beta(y[0], [each[0] for each in eta], UP_TO_THIRD)
    found = np.concatenate([value, grad[:, 0], hess[:, 0], third[:, 0]])
    assert_allclose(found[:3], expected[:3], rtol=1e-13, atol=2e-13)
    assert_allclose(found, expected, rtol=1e-13, atol=1e-10)  # eps * phi


# Everywhere


def possible(family):
    """Responses near and far, all within the support."""
    many = RESPONSES if is_bounded(family) else REALS
    many = COUNTS if family.support.is_discrete else many
    return np.concatenate([many[family.support.contains(many)], family.masses])


def corners(family):
    """Every combination of the ends of the reach, some middle, and responses near the bounds."""
    grids = []
    for link, parameter in zip(family.links, family.parameters, strict=True):
        low, high = link.reach
        middle = {
            Role.LOCATION: [-1.0, 0.0, 1.0],
            Role.DISPERSION: [-3.0, 0.0, 3.0, parameter.ceiling],
            Role.SIZE: [1.0, 12.0, 1e6],
        }.get(parameter.role, [0.3])
        ends = [] if parameter.role is Role.SIZE else [low, high]
        grids.append([*ends, *(x for x in middle if low < x < high)])
    y, *eta = (each.ravel() for each in np.meshgrid(possible(family), *grids))
    return np.minimum(y, family.ends(eta)[1]), eta


@linked
@orders
def test_finite_at_the_corners_of_the_reach(family, order):
    y, eta = corners(family)
    for part in evaluate(family, y, eta, order)[: order + 1]:
        assert np.isfinite(part).all()
    for i in range(0, len(y), 7 * 3 ** max(size(family) - 2, 0)):
        one = [each[i : i + 1] for each in eta]
        for part in evaluate(family, y[i : i + 1], one, order)[: order + 1]:
            assert np.isfinite(part).all()


@linked
def test_moments_are_finite_at_the_corners_of_the_reach(family):
    _, eta = corners(family)
    low, high = family.support.ends
    if family in STRETCHED:  # which are slow
        eta = [each[::17] for each in eta]
    assert np.isfinite(family.expected_information(eta)).all()
    mean, variance = family.mean(eta), family.variance(eta)
    assert ((low <= mean) & (mean <= high)).all()
    assert (variance >= 0).all()
    if not family.masses and not family.support.is_discrete:
        assert ((low < mean) & (mean < high)).all()
        assert (variance > 0).all()
    p = np.full_like(mean, 0.3)
    for each in (family.part_probabilities(eta), family.cdf(p, eta)):
        assert ((each >= 0.0) & (each <= 1.0)).all()
    quantile = family.quantile(p, eta)
    assert ((low <= quantile) & (quantile <= high)).all()
    assert np.isfinite(quantile).all()


@linked
@orders
def test_minus_infinity_beyond_the_reach_and_never_nan(family, order):
    for which in {0, min(1, size(family) - 1), size(family) - 1}:
        low, high = family.links[which].reach
        ends = [np.nextafter(low, -np.inf), np.nextafter(high, np.inf)]
        check_beyond(family, order, which, [*ends, 1e300, -np.inf, np.inf, np.nan])


def check_beyond(family, order, which, beyond):
    """Put numbers beyond the reach of a predictor into every second row, and into all."""
    n = 2 * len(beyond)
    eta = list(point(family, np.full(n, 0.5), np.full(n, 1.0)))
    eta[which][::2] = beyond
    y = responses(family, np.linspace(0.1, 0.9, n))
    y[: len(family.masses)] = family.masses
    value, *derivatives = evaluate(family, y, eta, order)
    inside = evaluate(family, y[1::2], [each[1::2] for each in eta], order)
    assert_array_equal(value[::2], -np.inf)
    assert_allclose(value[1::2], inside.value, rtol=1e-12)
    for part, same in zip(derivatives[:order], inside[1 : order + 1], strict=True):
        assert_array_equal(part[:, ::2], 0.0)
        assert_allclose(part[:, 1::2], same, rtol=1e-11, atol=1e-12)
    for each in beyond:  # as the one number of all rows
        eta[which] = np.array([each])
        value, *derivatives = evaluate(family, y, eta, order)
        assert_array_equal(value, -np.inf)
        assert all((part == 0.0).all() for part in derivatives[:order])


# Starting values


ROUGH = [*TWEEDIES, *STUDENTS]  # in whose tails a start does not look


def roles(family):
    return [parameter.role for parameter in family.parameters]


@every
def test_the_start_is_near_the_truth(family):
    n = 20_000
    eta = point(family, np.full(n, 0.3), np.full(n, 2.0))
    y = family.sample(eta, np.random.default_rng(7))
    start = family.start(y)
    assert start.shape == (size(family),)
    made_of = getattr(family, "family", None)  # whose moments without zeros are guesses
    digits = 0.4 if made_of is not None and made_of.dispersion == "dispersion" else 0.1
    near = [1.0 if role is Role.SHAPE and family in ROUGH else digits for role in roles(family)]
    assert (np.abs(start - [each[0] for each in eta]) < near).all()


@linked
def test_the_start_counts_a_weight_of_two_as_two_rows(family):
    y = responses(family, [0.1, 0.3, 0.35, 0.8])
    twice = family.start(y, np.array([1.0, 2.0, 0.0, 1.0]))
    assert_allclose(twice, family.start(y[[0, 1, 1, 3]]), rtol=1e-12)
    assert_allclose(family.start(y, np.ones(4)), family.start(y), rtol=1e-12)


FEW_RESPONSES = [
    [0.3] * 5,
    [0.5],
    [1e-12, 1 - 1e-12],
    [1e-12] * 3,
    [1 - 1e-12] * 3,
    [1e-300] * 3,
    [1 - 2.0**-53] * 2,
    [0.3, 0.3 + 1e-9],
    [1e-6, 1e-6, 0.9],
]


@linked
def test_the_start_is_a_point_of_finite_density(family):
    for few in FEW_RESPONSES:
        y = responses(family, few)
        start = family.start(y)
        density = evaluate(family, y, [np.array([each]) for each in start], 1)
        assert np.isfinite(density.value).all(), few
        assert np.isfinite(density.grad).all(), few
        assert (start < family.ceilings).all(), few
