"""What every family promises, member by member."""

import pickle

import numpy as np
import pytest
from family_cases import (
    BETAS,
    BOUNDARY,
    COMBINED,
    FAMILIES,
    LINKED,
    STRETCHED,
    evaluate,
    expectation,
    further,
    interior,
    is_bounded,
    moderate,
    name,
    packed,
    point,
    raw_point,
    responses,
    rows,
    size,
    three_parts,
)
from numpy.testing import assert_allclose, assert_array_equal

from skglmm.families import Beta

every = pytest.mark.parametrize("family", FAMILIES, ids=name)
linked = pytest.mark.parametrize("family", LINKED, ids=name)
boundary = pytest.mark.parametrize("family", BOUNDARY, ids=name)
orders = pytest.mark.parametrize("order", [0, 1, 2, 3])


def mixed(family, y):
    """Responses from shares, every third on a mass of the family, as far as it has any."""
    y = np.array(responses(family, y))
    if family.masses:
        y[::3] = np.resize(family.masses, len(y[::3]))
    return y


# Derivatives


def scattered():
    """Points all over a box with its corners: mean, precision, other predictors, a share for y."""
    low, high = np.array([-1.5, -3.0, -0.5, -0.2]), np.array([1.5, 7.0, 0.5, 1.2])
    corners = np.stack(np.meshgrid(*([0.0, 1.0, 0.5],) * 4), axis=-1).reshape(-1, 4)
    inside = np.random.default_rng(0).random((100, 4))
    return (low + (high - low) * np.concatenate([corners, inside])).T


@every
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_match_differences(family, order):
    weights, steps = np.array([1.0, -8.0, 8.0, -1.0]), np.array([-2.0, -1.0, 1.0, 2.0])
    mean, precision, others, y = scattered()
    if "dispersion" in family.predictors and family.support.is_discrete:
        # small dispersions of counts bend it within a step
        precision = np.minimum(precision, 0.5)
    if is_bounded(family):
        ends = [end if end in family.masses else abs(end - 0.001) for end in (0.0, 1.0)]
        y = np.clip(y, *ends)
    else:
        y = responses(family, y)
    one, apart = point(family, mean, precision), further(family)
    one = tuple(each + others * (k in apart) for k, each in enumerate(one))
    found = rows(evaluate(family, y, one, order))
    scale = np.max([np.abs(each) for each in found.values()], axis=0)
    for k in family.estimated:
        is_positive = family.links and family.links[k].reach[0] > 0.0
        h = 3e-4 * np.minimum(one[k], 1.0) if is_positive else np.full(len(y), 2e-4)
        moves = np.multiply.outer(steps, h)  # the error of a difference is of order h**4
        eta = tuple((each + moves * (k == i)).ravel() for i, each in enumerate(one))
        below = evaluate(family, np.tile(y, 4), eta, order - 1)
        lower = {(): below.value} if order == 1 else rows(below)
        for index in (each for each in lower if len(each) == order - 1):
            difference = weights @ lower[index].reshape(4, -1) / (12.0 * h)
            miss = np.abs(found[tuple(sorted((*index, k)))] - difference)
            assert (miss < 1e-8 * (1.0 + scale)).all(), (index, k)


@every
@orders
def test_an_order_fills_exactly_its_derivatives(family, order):
    y = mixed(family, [0.2, 0.4, 0.7])
    density = evaluate(family, y, point(family, np.zeros(3), np.ones(3)), order)
    shapes = [None if part is None else part.shape for part in density]
    filled = [(3,), *((len(packed(size(family), m)), 3) for m in range(1, order + 1))]
    assert shapes == filled + [None] * (3 - order)


@every
@pytest.mark.parametrize("order", [1, 2, 3])
def test_lower_derivatives_do_not_depend_on_the_order(family, order):
    y, eta = mixed(family, np.linspace(0.05, 0.95, 6)), moderate(family)
    whole = evaluate(family, y, eta, 3)
    for part, same in zip(evaluate(family, y, eta, order - 1), whole, strict=True):
        if part is not None:
            assert_allclose(part, same, rtol=1e-13, atol=1e-15)


@linked
@orders
def test_one_number_equals_as_many_as_rows(family, order):
    n = 50
    rng = np.random.default_rng(8)
    y = mixed(family, rng.uniform(0.01, 0.99, n))
    long = list(point(family, rng.normal(size=n), rng.normal(3.0, 1.0, n)))
    for k in further(family):
        long[k] = long[k] + rng.normal(0.0, 0.3, n)
    which = [(0,), (1,), (0, 1), (0, 2), (2, 3), (0, 1, 2, 3)]
    for places in {tuple(k for k in each if k < size(family)) for each in which}:
        short = [each[:1] if k in places else each for k, each in enumerate(long)]
        full = [np.broadcast_to(each, n).copy() for each in short]
        found = (evaluate(family, y, each, order)[: order + 1] for each in (short, full))
        for one, many in zip(*found, strict=True):
            assert one.shape == many.shape
            scale = np.maximum(np.abs(many).max(axis=-1, keepdims=True), 1e-3)
            assert_allclose(one / scale, many / scale, rtol=1e-11, atol=1e-13, err_msg=str(places))


@linked
def test_other_results_have_full_size_for_one_number(family):
    y = responses(family, [0.2, 0.4, 0.7])
    for pair in [(np.zeros(3), np.ones(1)), (np.zeros(1), np.ones(3))]:
        eta = point(family, *pair)
        if max(map(len, eta)) == 1:
            continue  # a family of one predictor, which has nothing else to be as long as
        full = [np.broadcast_to(each, 3).copy() for each in eta]
        methods = (family.mean, family.variance, family.part_probabilities)
        for method in (*methods, family.expected_information):
            assert method(eta).shape[-1] == 3
            assert_allclose(method(eta), method(full), rtol=1e-13)
        for method, of in ((family.cdf, y), (family.quantile, np.array([0.2, 0.4, 0.7]))):
            assert_allclose(method(of, eta), method(of, full), rtol=1e-13)
        assert family.sample(eta, np.random.default_rng(0)).shape == (3,)


@every
def test_rows_do_not_depend_on_their_company(family):
    rng = np.random.default_rng(4)
    y = mixed(family, rng.uniform(0.01, 0.99, 40))
    eta = point(family, rng.normal(size=40), rng.normal(2.0, 3.0, 40))
    together = evaluate(family, y, eta, 3)
    for i in range(40):
        alone = evaluate(family, y[[i]], [each[[i]] for each in eta], 3)
        for part, same in zip(alone, together, strict=True):
            assert_allclose(part[..., 0], same[..., i], rtol=1e-9, atol=1e-11)


@every
@orders
def test_what_it_reads_stays_as_it_was(family, order):
    y, eta = mixed(family, [0.2, 0.7]), point(family, np.array([0.1, 0.4]), np.array([1.0]))
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
    y, eta = mixed(family, np.linspace(0.1, 0.9, 6)), moderate(family)
    some = slice(1, 4)
    whole = family.log_density(family.prepare(y), eta, 1)
    part = family.log_density(family.prepare(y)[:, some], [each[some] for each in eta], 1)
    assert_allclose(part.value, whole.value[some], rtol=1e-13)
    assert_allclose(part.grad, whole.grad[:, some], rtol=1e-12)


# The distribution


@every
def test_the_density_is_the_derivative_of_the_cdf(family):
    eta, h = moderate(family), 1e-6
    y = interior(family, np.linspace(0.02, 0.98, 6), eta)
    if family.support.is_discrete:
        step = family.cdf(y, eta) - family.cdf(family.support.before(y), eta)
        assert_allclose(np.exp(evaluate(family, y, eta, 0).value), step, rtol=1e-12)
        return
    slope = (family.cdf(y + h, eta) - family.cdf(y - h, eta)) / (2.0 * h)
    assert_allclose(np.exp(evaluate(family, y, eta, 0).value), slope, rtol=1e-6)


@every
def test_the_density_integrates_to_one(family):
    whole = expectation(family, moderate(family), lambda y, eta: np.ones_like(y))
    assert_allclose(whole, 1.0, rtol=1e-11)


@every
def test_mean_and_variance_are_those_of_the_density(family):
    eta = moderate(family)
    assert_allclose(expectation(family, eta, lambda y, _: y), family.mean(eta), atol=1e-11)

    def miss(y, here):
        return (y - family.mean([each[:1] for each in here])) ** 2

    square = expectation(family, eta, miss)
    assert_allclose(square, family.variance(eta), rtol=1e-10)


@every
def test_the_score_has_mean_zero(family):
    score = expectation(family, moderate(family), lambda y, eta: evaluate(family, y, eta, 1).grad)
    assert_allclose(score, 0.0, atol=1e-9)


@every
def test_the_expected_information_is_minus_the_mean_of_the_hessian(family):
    eta = moderate(family)
    hess = np.atleast_2d(
        expectation(family, eta, lambda y, here: evaluate(family, y, here, 2).hess)
    )
    scale = np.abs(hess).max(axis=0)
    digits = 1e-7 if family in STRETCHED else 1e-9  # of a quadrature, of formulas
    assert_allclose(family.expected_information(eta) / scale, -hess / scale, atol=digits)


@every
def test_observed_information_of_a_canonical_family_is_the_expected_one(family):
    if family.is_canonical:
        for share in (0.0, 0.9):
            found = evaluate(family, responses(family, np.full(6, share)), moderate(family), 2)
            assert_allclose(-found.hess, family.expected_information(moderate(family)), rtol=1e-13)


@every
def test_the_expected_information_is_the_variance_of_the_score(family):
    def products(y, eta):
        grad = evaluate(family, y, eta, 1).grad
        return np.stack([grad[i] * grad[j] for i, j in packed(size(family), 2)])

    found = np.atleast_2d(expectation(family, moderate(family), products))
    scale = np.abs(found).max(axis=0)
    digits = 1e-7 if family in STRETCHED else 1e-8
    assert_allclose(
        family.expected_information(moderate(family)) / scale, found / scale, atol=digits
    )


@every
def test_the_information_of_the_location_is_one_of_the_expected_ones(family):
    eta, k = moderate(family), family.location
    whole = family.expected_information(eta)[packed(size(family), 2).index((k, k))]
    assert_allclose(family.location_information(eta), whole, rtol=1e-12)


@every
def test_the_expected_information_is_positive_semidefinite(family):
    low, high = zip(*(link.reach for link in family.links), strict=True) if family.links else (
        (-30.0, -30.0),
        (30.0, 30.0),
    )  # fmt: skip
    mean = np.concatenate([[low[0], high[0]], np.linspace(max(low[0], -9), min(high[0], 9), 13)])
    precision = np.linspace(-9.0, 20.0, 5 if family in STRETCHED else 15)  # which are slow
    eta = raw_point(family, *(each.ravel() for each in np.meshgrid(mean, precision)))
    found = family.expected_information(eta)
    matrix = np.empty((len(eta[0]), size(family), size(family)))
    for row, (i, j) in zip(found, packed(size(family), 2), strict=True):
        matrix[:, i, j] = matrix[:, j, i] = row
    diagonal = np.einsum("nii->ni", matrix)
    assert (diagonal >= 0).all()
    unit = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values = np.linalg.eigvalsh(matrix / unit[:, :, None] / unit[:, None, :])
    assert (values > -1e-9).all()


@every
def test_the_quantile_inverts_the_cdf(family):
    p = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 1 - 1e-6])
    eta = moderate(family)
    low, inner, _ = three_parts(family, eta)
    p = low + inner * p
    if family.support.is_discrete:
        y = family.quantile(p, eta)
        assert (family.cdf(y, eta) >= p).all()
        assert (family.cdf(family.support.before(y), eta) < p).all()
        assert_array_equal(family.quantile(family.cdf(y, eta), eta), y)
        return
    assert_allclose(family.cdf(family.quantile(p, eta), eta), p, rtol=1e-9)


@every
def test_the_cdf_and_the_survival_function_have_the_sum_one(family):
    eta = moderate(family)
    y = interior(family, np.linspace(0.02, 0.98, 6), eta)
    assert_allclose(family.survival(y, eta), 1.0 - family.cdf(y, eta), rtol=1e-11)
    if family.support.is_discrete:
        assert_array_equal(family.survival(np.full(6, family.support.low - 1.0), eta), 1.0)


@every
def test_the_support_is_where_the_cdf_rises(family):
    eta = point(family, np.array([0.2]), np.array([1.0]))
    ends = np.concatenate([np.ravel(end) for end in family.ends(eta)])
    assert_array_equal(family.quantile(np.array([0.0, 1.0]), eta), ends)


@every
def test_draws_have_the_mean_and_the_variance(family):
    slow = family in STRETCHED or "ConwayMaxwellPoisson" in name(family)
    n = 5000 if slow else 50_000
    eta = point(family, np.full(n, 0.4), np.full(n, 1.5))
    rng = np.random.default_rng(1)
    draws = family.sample(eta, rng)
    mean, variance = family.mean(eta)[0], family.variance(eta)[0]
    assert_allclose(draws.mean(), mean, atol=4.0 * np.sqrt(variance / n))  # four deviations
    assert_allclose(draws.var(), variance, rtol=8.0 / np.sqrt(n))
    cdf = family.cdf(draws, eta)
    whole = np.unique(draws) if family.support.is_discrete else family.masses
    for mass in whole:  # spread evenly over the step
        at = draws == mass
        cdf[at] -= rng.random(at.sum()) * np.exp(evaluate(family, draws, eta, 0).value[at])
    assert np.abs(np.sort(cdf) - np.linspace(0.0, 1.0, n)).max() < 2.5 / np.sqrt(n)  # p is 1e-5


@every
def test_draws_repeat_with_their_seed(family):
    eta = point(family, np.linspace(-1.0, 1.0, 9), np.full(9, 2.0))
    first, again = (family.sample(eta, np.random.default_rng(3)) for _ in range(2))
    assert_array_equal(first, again)


@linked
@pytest.mark.parametrize("log_precision", [np.log(2e-3), -30.0, 0.0, 30.0])
def test_draws_lie_inside_the_support_or_on_a_mass_even_for_tiny_shapes(family, log_precision):
    n = 60 if family.support.is_discrete else 2000  # no rounding makes counts leave it
    mean = np.resize([*family.links[0].reach, np.clip(0.0, *family.links[0].reach)], n)
    eta = raw_point(family, mean, np.full(n, log_precision))
    draws = family.sample(eta, np.random.default_rng(2))
    assert family.support.contains(draws).all()
    assert np.isfinite(evaluate(family, draws, eta, 0).value).all()


# Masses on the ends of the support


@every
def test_the_bounds_have_the_probabilities_of_the_density(family):
    eta = moderate(family)
    found = three_parts(family, eta)
    assert found.shape == (3, 6)
    assert_allclose(found.sum(axis=0), 1.0, rtol=1e-11)
    if family.support.is_discrete:
        assert family.masses == ()
        return
    for bound, probability in zip(family.support.ends, found[::2], strict=True):
        if bound in family.masses:
            value = evaluate(family, np.full(6, bound), eta, 0).value
            assert_allclose(np.exp(value), probability, rtol=1e-9)
        else:
            assert_array_equal(probability, 0.0)


@pytest.mark.parametrize("family", COMBINED, ids=name)
def test_zero_and_positive_counts_have_the_probabilities_of_the_density(family):
    eta = moderate(family)
    if family.support.low > 0.0:
        assert family.parts == ()
        return
    assert family.parts == ("zero", "positive")
    zero, positive = family.part_probabilities(eta)
    log_zero = evaluate(family, np.zeros(6), eta, 0).value
    assert_allclose(zero, np.exp(log_zero), rtol=1e-13)
    assert_allclose(positive, -np.expm1(log_zero), rtol=1e-12)
    idle = set(family.estimated).difference(family.part_predictors)
    moved = [eta[k] + (k in idle) for k in range(size(family))]
    assert_array_equal(family.part_probabilities(moved), [zero, positive])


@boundary
def test_the_cdf_is_that_of_the_interior_between_the_masses(family):
    if family.interior is None:
        assert set(family.part_predictors) == set(range(size(family)))
        return
    eta, y = moderate(family), np.linspace(0.1, 0.9, 6)
    low, inner, _ = family.part_probabilities(eta)
    places, between = family.interior
    assert (between.support.ends, between.masses) == (family.support.ends, ())
    below = low + inner * between.cdf(y, [eta[k] for k in places])
    assert_allclose(family.cdf(y, eta), below, rtol=1e-13)


@boundary
def test_the_cdf_jumps_by_the_masses_and_by_nothing_else(family):
    eta = moderate(family)
    low, _, high = family.part_probabilities(eta)
    at, beside = np.full(6, 0.0), np.nextafter(0.0, -1.0)
    assert_array_equal(family.cdf(at + beside, eta), 0.0)
    assert_allclose(family.cdf(at, eta), low, rtol=1e-12, atol=1e-14)
    assert_allclose(family.cdf(at + 1e-14, eta), low, rtol=1e-9, atol=1e-9)
    at, beside = np.full(6, 1.0), np.nextafter(1.0, 0.0)
    assert_array_equal(family.cdf(at, eta), 1.0)
    assert_array_equal(family.cdf(at + 1.0, eta), 1.0)
    assert_allclose(1.0 - family.cdf(np.full(6, beside), eta), high, rtol=1e-9, atol=1e-9)


@boundary
def test_probabilities_within_a_jump_have_the_quantile_there(family):
    eta = moderate(family)
    low, inner, high = family.part_probabilities(eta)
    if 0.0 in family.masses:
        for share in (0.0, 0.3, 0.999):
            assert_array_equal(family.quantile(share * low, eta), 0.0)
    if 1.0 in family.masses:
        told = high > 1e-9  # from the rounding of p
        for share in (0.001, 0.6, 1.0):
            assert_array_equal(family.quantile(low + inner + share * high, eta)[told], 1.0)
    between = family.quantile(low + 0.5 * inner, eta)
    assert ((between > 0.0) & (between < 1.0)).all()


# The record


@every
def test_a_family_is_a_value_that_says_what_it_is(family):
    same = pickle.loads(pickle.dumps(family))
    assert same == family
    assert hash(same) == hash(family)
    assert len(family.predictors) == len(family.ceilings)
    assert family.support.low < family.support.high


@linked
def test_a_family_takes_each_link_of_its_location(family):
    k = family.location
    for link in family.parameters[k].links:
        other = family.with_link(link)
        assert type(other) is type(family)
        assert other.links == (*family.links[:k], link, *family.links[k + 1 :])
        assert (other == family) == (link == family.links[k])


def test_families_with_other_links_differ():
    assert len(set(BETAS)) == len(BETAS)
    assert Beta() == BETAS[0]
