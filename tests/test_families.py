"""What every family promises, member by member."""

import pickle
from itertools import combinations_with_replacement

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian
from scipy.special import expit
from scipy.stats import beta as scipy_beta

from skglmm.families import LINKS, Beta, Jet, Log, LogDensity, through_links

BETAS = [Beta(links=(link, Log())) for link in LINKS.values()]
FAMILIES = [*BETAS, Gaussian()]


def name(family):
    return "-".join([type(family).__name__, *(link.name for link in family.links[:1])])


every = pytest.mark.parametrize("family", FAMILIES, ids=name)
linked = pytest.mark.parametrize("family", BETAS, ids=name)
orders = pytest.mark.parametrize("order", [0, 1, 2, 3])

# Linear predictors where every link and both shapes of a beta are moderate, one row each.
MODERATE = (
    np.array([-1.0, -0.5, 0.0, 0.5, -0.7, 0.2]),
    np.log([40.0, 25.0, 12.0, 30.0, 60.0, 400.0]),
)
RESPONSES = np.array([1e-300, 1e-12, 1e-3, 0.3, 0.5, 0.9, 1 - 1e-3, 1 - 1e-12, 1 - 2.0**-53])


def packed(size, order):
    return list(combinations_with_replacement(range(size), order))


def evaluate(family, y, eta, order):
    return family.log_density(family.prepare(y), eta, order)


def rows(density):
    """All derivatives of a density by their predictors: (0, 1) is d2 / d mean d precision."""
    filled = [part for part in density[1:] if part is not None]
    return {
        each: part[row]
        for order, part in enumerate(filled, start=1)
        for row, each in enumerate(packed(len(density.grad), order))
    }


def expectation(family, eta, statistic):
    """Integrate a statistic of (y, eta) over the response, for every row of `eta`.

    The trapezoidal rule on the scale of the logit, or of a response without bounds, converges
    exponentially: what it leaves out is below 1e-14.
    """
    t = np.linspace(-36.0, 36.0, 14_401)
    bounded = np.isfinite(family.support).all()
    y, jacobian = (expit(t), expit(t) * expit(-t)) if bounded else (t, np.ones_like(t))
    results = []
    for row in zip(*eta, strict=True):
        here = tuple(np.full_like(t, each) for each in row)
        density = np.exp(evaluate(family, y, here, 0).value)
        results.append(np.atleast_2d(statistic(y, here)) @ (density * jacobian) * (t[1] - t[0]))
    return np.array(results).T.squeeze()


# Derivatives


@every
@pytest.mark.parametrize("order", [1, 2, 3])
@given(
    mean=st.floats(-1.5, 1.5),
    precision=st.floats(-3.0, 7.0),
    y=st.floats(0.001, 0.999),
)
@settings(deadline=None, derandomize=True)
def test_derivatives_match_differences(family, order, mean, precision, y):
    h, weights = 1e-3, np.array([1.0, -8.0, 8.0, -1.0])  # the error is of order h**4
    steps = h * np.array([-2.0, -1.0, 1.0, 2.0])
    y, one = np.array([y]), (np.array([mean]), np.array([precision]))
    found = rows(evaluate(family, y, one, order))
    scale = max(float(np.abs(each[0])) for each in found.values())
    for k in range(2):
        eta = tuple(each + steps * (k == i) for i, each in enumerate(one))
        below = evaluate(family, np.repeat(y, 4), eta, order - 1)
        lower = {(): below.value} if order == 1 else rows(below)
        for index in (each for each in lower if len(each) == order - 1):
            difference = weights @ lower[index] / (12.0 * h)
            value = found[tuple(sorted((*index, k)))][0]
            assert abs(value - difference) < 1e-8 * (1.0 + scale), (index, k)


@every
@orders
def test_an_order_fills_exactly_its_derivatives(family, order):
    y = np.array([0.2, 0.4, 0.7])
    density = evaluate(family, y, (np.zeros(3), np.ones(3)), order)
    shapes = [None if part is None else part.shape for part in density]
    assert shapes == [(3,), (2, 3), (3, 3), (4, 3)][: order + 1] + [None] * (3 - order)


@every
@pytest.mark.parametrize("order", [1, 2, 3])
def test_lower_derivatives_do_not_depend_on_the_order(family, order):
    y = np.linspace(0.05, 0.95, 6)
    whole = evaluate(family, y, MODERATE, 3)
    for part, same in zip(evaluate(family, y, MODERATE, order - 1), whole, strict=True):
        if part is not None:
            assert_allclose(part, same, rtol=1e-13)


@linked
@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
@orders
def test_one_number_equals_as_many_as_rows(family, which, order):
    n = 50
    rng = np.random.default_rng(8)
    y = rng.uniform(0.01, 0.99, n)
    short = [rng.normal(size=n), rng.normal(3.0, 1.0, n)]
    for k in which:
        short[k] = short[k][:1]
    full = [np.broadcast_to(each, n).copy() for each in short]
    pairs = zip(evaluate(family, y, short, order), evaluate(family, y, full, order), strict=True)
    for one, many in pairs:
        if many is not None:
            assert one.shape == many.shape
            scale = np.abs(many).max(axis=-1, keepdims=True)
            assert_allclose(one / scale, many / scale, rtol=1e-11, atol=1e-13)


@linked
def test_other_results_have_full_size_for_one_number(family):
    y = np.array([0.2, 0.4, 0.7])
    for eta in [(np.zeros(3), np.ones(1)), (np.zeros(1), np.ones(3))]:
        full = [np.broadcast_to(each, 3).copy() for each in eta]
        for method in (family.mean, family.variance, family.expected_information):
            assert method(eta).shape[-1] == 3
            assert_allclose(method(eta), method(full), rtol=1e-13)
        for method in (family.cdf, family.quantile):
            assert_allclose(method(y, eta), method(y, full), rtol=1e-13)
        assert family.sample(eta, np.random.default_rng(0)).shape == (3,)


@every
def test_rows_do_not_depend_on_their_company(family):
    rng = np.random.default_rng(4)
    y, eta = rng.uniform(0.01, 0.99, 40), (rng.normal(size=40), rng.normal(2.0, 3.0, 40))
    together = evaluate(family, y, eta, 3)
    for i in range(40):
        alone = evaluate(family, y[[i]], [each[[i]] for each in eta], 3)
        for part, same in zip(alone, together, strict=True):
            assert_allclose(part[..., 0], same[..., i], rtol=1e-9, atol=1e-11)


@every
@orders
def test_what_it_reads_stays_as_it_was(family, order):
    y, eta = np.array([0.2, 0.7]), (np.array([0.1, 0.4]), np.array([1.0]))
    prepared = family.prepare(y)
    kept = [each.copy() for each in (prepared, *eta)]
    first = family.log_density(prepared, eta, order)
    again = family.log_density(prepared, eta, order)
    for each, same in zip((prepared, *eta), kept, strict=True):
        assert_array_equal(each, same)
    for each, same in zip(first[: order + 1], again[: order + 1], strict=True):
        assert_array_equal(each, same)
        assert not np.shares_memory(each, same)


@every
def test_prepared_columns_are_rows_of_data(family):
    y, eta = np.linspace(0.1, 0.9, 6), MODERATE
    some = slice(1, 4)
    whole = family.log_density(family.prepare(y), eta, 1)
    part = family.log_density(family.prepare(y)[:, some], [each[some] for each in eta], 1)
    assert_allclose(part.value, whole.value[some], rtol=1e-13)
    assert_allclose(part.grad, whole.grad[:, some], rtol=1e-12)


# The distribution


@every
def test_the_density_is_the_derivative_of_the_cdf(family):
    y, h = family.quantile(np.linspace(0.02, 0.98, 6), MODERATE), 1e-6
    slope = (family.cdf(y + h, MODERATE) - family.cdf(y - h, MODERATE)) / (2.0 * h)
    assert_allclose(np.exp(evaluate(family, y, MODERATE, 0).value), slope, rtol=1e-6)


@every
def test_the_density_integrates_to_one(family):
    whole = expectation(family, MODERATE, lambda y, eta: np.ones_like(y))
    assert_allclose(whole, 1.0, rtol=1e-11)


@every
def test_mean_and_variance_are_those_of_the_density(family):
    mean = family.mean(MODERATE)
    assert_allclose(expectation(family, MODERATE, lambda y, eta: y), mean, atol=1e-11)
    square = expectation(family, MODERATE, lambda y, eta: (y - family.mean(eta)) ** 2)
    assert_allclose(square, family.variance(MODERATE), rtol=1e-10)


@every
def test_the_score_has_mean_zero(family):
    score = expectation(family, MODERATE, lambda y, eta: evaluate(family, y, eta, 1).grad)
    assert_allclose(score, 0.0, atol=1e-9)


@every
def test_the_expected_information_is_minus_the_mean_of_the_hessian(family):
    hess = expectation(family, MODERATE, lambda y, eta: evaluate(family, y, eta, 2).hess)
    assert_allclose(family.expected_information(MODERATE), -hess, rtol=1e-9, atol=1e-9)


@every
def test_the_expected_information_is_the_variance_of_the_score(family):
    def products(y, eta):
        grad = evaluate(family, y, eta, 1).grad
        return np.stack([grad[i] * grad[j] for i, j in packed(2, 2)])

    found = expectation(family, MODERATE, products)
    assert_allclose(family.expected_information(MODERATE), found, rtol=1e-8, atol=1e-8)


@every
def test_the_expected_information_is_positive_semidefinite(family):
    low, high = zip(*(link.reach for link in family.links), strict=True) if family.links else (
        (-30.0, -30.0),
        (30.0, 30.0),
    )  # fmt: skip
    mean = np.concatenate([[low[0], high[0]], np.linspace(max(low[0], -9), min(high[0], 9), 31)])
    precision = np.linspace(-9.0, 20.0, 30)
    eta = [each.ravel() for each in np.meshgrid(mean, precision)]
    mm, mp, pp = family.expected_information(eta)
    assert (mm >= 0).all()
    assert (pp >= 0).all()
    assert (mp * mp <= mm * pp * (1.0 + 1e-9)).all()


@every
def test_the_quantile_inverts_the_cdf(family):
    p = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 1 - 1e-6])
    assert_allclose(family.cdf(family.quantile(p, MODERATE), MODERATE), p, rtol=1e-9)


@every
def test_the_support_is_where_the_cdf_rises(family):
    eta = (np.array([0.2]), np.array([1.0]))
    assert_array_equal(family.quantile(np.array([0.0, 1.0]), eta), family.support)


@every
def test_draws_have_the_mean_and_the_variance(family):
    n = 100_000
    eta = (np.full(n, 0.4), np.full(n, 1.5))
    draws = family.sample(eta, np.random.default_rng(1))
    mean, variance = family.mean(eta)[0], family.variance(eta)[0]
    assert_allclose(draws.mean(), mean, atol=4.0 * np.sqrt(variance / n))  # four deviations
    assert_allclose(draws.var(), variance, rtol=0.03)
    cdf = np.sort(family.cdf(draws, eta))
    assert np.abs(cdf - np.linspace(0.0, 1.0, n)).max() < 0.008  # Kolmogorov's p is 1e-5


@every
def test_draws_repeat_with_their_seed(family):
    eta = (np.linspace(-1.0, 1.0, 9), np.full(9, 2.0))
    first, again = (family.sample(eta, np.random.default_rng(3)) for _ in range(2))
    assert_array_equal(first, again)


@linked
@pytest.mark.parametrize("log_precision", [np.log(2e-3), -30.0, 0.0, 30.0])
def test_draws_lie_inside_the_support_even_for_tiny_shapes(family, log_precision):
    n = 2000
    mean = np.resize([*family.links[0].reach, 0.0], n)
    eta = (mean, np.full(n, log_precision))
    draws = family.sample(eta, np.random.default_rng(2))
    low, high = family.support
    assert ((low < draws) & (draws < high)).all()
    assert np.isfinite(evaluate(family, draws, eta, 0).value).all()


@linked
def test_the_log_density_is_that_of_scipy(family):
    rng = np.random.default_rng(6)
    n = 400
    eta = (rng.uniform(-2.0, 1.3, n), rng.uniform(-3.0, 5.0, n))
    mu, nu = family.mean(eta), family.links[0].inverse(eta[0]).complement
    phi = np.exp(eta[1])
    y = rng.uniform(0.001, 0.999, n)
    expected = scipy_beta.logpdf(y, mu * phi, nu * phi)
    assert_allclose(evaluate(family, y, eta, 0).value, expected, rtol=1e-12, atol=1e-12)


# Accuracy


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


# Everywhere


def corners(family):
    """Every combination of the ends of the reach, some middle, and responses near the bounds."""
    mean = [*family.links[0].reach, -1.0, 0.0, 1.0]
    precision = [*family.links[1].reach, -3.0, 0.0, 3.0, family.ceilings[1]]
    grids = np.meshgrid(RESPONSES, mean, precision)
    y, *eta = (each.ravel() for each in grids)
    return y, eta


@linked
@orders
def test_finite_at_the_corners_of_the_reach(family, order):
    y, eta = corners(family)
    for part in evaluate(family, y, eta, order)[: order + 1]:
        assert np.isfinite(part).all()
    one = [(eta[0][i : i + 1], eta[1][i : i + 1], y[i : i + 1]) for i in range(0, len(y), 7)]
    for mean, precision, response in one:
        for part in evaluate(family, response, (mean, precision), order)[: order + 1]:
            assert np.isfinite(part).all()


@linked
def test_moments_are_finite_at_the_corners_of_the_reach(family):
    _, eta = corners(family)
    low, high = family.support
    assert np.isfinite(family.expected_information(eta)).all()
    assert ((low < family.mean(eta)) & (family.mean(eta) < high)).all()
    assert (family.variance(eta) > 0).all()


@linked
@orders
@pytest.mark.parametrize("which", [0, 1])
def test_minus_infinity_beyond_the_reach_and_never_nan(family, order, which):
    low, high = family.links[which].reach
    beyond = [
        np.nextafter(low, -np.inf),
        np.nextafter(high, np.inf),
        1e300,
        -np.inf,
        np.inf,
        np.nan,
    ]
    n = 2 * len(beyond)
    eta = [np.full(n, 0.5), np.full(n, 1.0)]
    eta[which][::2] = beyond
    y = np.linspace(0.1, 0.9, n)
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


@every
def test_the_start_is_near_the_truth(family):
    n = 20_000
    eta = (np.full(n, 0.3), np.full(n, 2.0))
    y = family.sample(eta, np.random.default_rng(7))
    start = family.start(y)
    assert start.shape == (2,)
    assert_allclose(start, [0.3, 2.0], atol=0.1)


@linked
def test_the_start_counts_a_weight_of_two_as_two_rows(family):
    y = np.array([0.1, 0.3, 0.35, 0.8])
    twice = family.start(y, np.array([1.0, 2.0, 0.0, 1.0]))
    assert_allclose(twice, family.start(np.array([0.1, 0.3, 0.3, 0.8])), rtol=1e-12)
    assert_allclose(family.start(y, np.ones(4)), family.start(y), rtol=1e-12)


@linked
@pytest.mark.parametrize(
    "y",
    [
        [0.3] * 5,
        [0.5],
        [1e-12, 1 - 1e-12],
        [1e-12] * 3,
        [1 - 1e-12] * 3,
        [1e-300] * 3,
        [1 - 2.0**-53] * 2,
        [0.3, 0.3 + 1e-9],
        [1e-6, 1e-6, 0.9],
    ],
    ids=str,
)
def test_the_start_is_a_point_of_finite_density(family, y):
    y = np.array(y)
    start = family.start(y)
    density = evaluate(family, y, [np.array([each]) for each in start], 1)
    assert np.isfinite(density.value).all()
    assert np.isfinite(density.grad).all()
    assert (start < family.ceilings).all()


# The record


@every
def test_a_family_is_a_value_that_says_what_it_is(family):
    same = pickle.loads(pickle.dumps(family))
    assert same == family
    assert hash(same) == hash(family)
    assert len(family.predictors) == len(family.ceilings) == 2
    assert family.support.low < family.support.high


def test_families_with_other_links_differ():
    assert len(set(BETAS)) == len(BETAS)
    assert Beta() == BETAS[0]


# The chain rule, with more predictors than a beta has


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_chain_rule_matches_differences_for_three_predictors(order):
    """With parameters p = g(eta), f = exp(c'p) has all mixed derivatives, c_i c_j c_k f."""
    c = np.array([0.3, -0.7, 0.5])
    shapes = [np.sinh, np.exp, np.tanh]
    derivatives = [
        (np.sinh, np.cosh, np.sinh, np.cosh),
        (np.exp, np.exp, np.exp, np.exp),
        (
            np.tanh,
            lambda x: 1 - np.tanh(x) ** 2,
            lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
            lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2),
        ),
    ]

    def function(eta, m):
        p = [shape(each) for shape, each in zip(shapes, eta, strict=True)]
        f = np.exp(c @ p)
        parts = [f] + [
            np.stack([np.prod(c[list(each)]) * f for each in packed(3, k)]) for k in range(1, m + 1)
        ]
        jets = [
            Jet(d[0](each), 1 - d[0](each), tuple(s(each) for s in d[1 : m + 1]))
            for d, each in zip(derivatives, eta, strict=True)
        ]
        return through_links(LogDensity(*parts), jets)

    eta = np.array([[0.2], [0.4], [-0.3]])
    found, h = rows(function(eta, order)), 1e-3
    steps, weights = h * np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -8.0, 8.0, -1.0])
    for k in range(3):
        below = function(eta + np.outer(np.arange(3) == k, steps), order - 1)
        lower = {(): below.value} if order == 1 else rows(below)
        for index in (each for each in lower if len(each) == order - 1):
            value = found[tuple(sorted((*index, k)))][0]
            assert_allclose(value, weights @ lower[index] / (12 * h), rtol=1e-8, atol=1e-9)
