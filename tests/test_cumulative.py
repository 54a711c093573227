"""The cumulative family: derivatives, tails and structures of cut points."""

from itertools import pairwise, product

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm.families import Cumulative, packed
from skglmm.families.classes.between_cuts import log_between

LINKS = {link.name: link for link in Cumulative().parameters[0].links}
STRUCTURES = ("flexible", "symmetric", "equidistant")
STEP = 1e-5
DISTRIBUTIONS = {
    "logit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "probit": mpmath.ncdf,
    "cloglog": lambda x: 1 - mpmath.exp(-mpmath.exp(x)),
    "loglog": lambda x: mpmath.exp(-mpmath.exp(-x)),
    "cauchit": lambda x: mpmath.atan(x) / mpmath.pi + mpmath.mpf(1) / 2,
}


def case(link="logit", thresholds="flexible", n_classes=5, has_scale=False, n=40):
    rng = np.random.default_rng(0)
    family = Cumulative(LINKS[link], thresholds, tuple("abcdefghij"[:n_classes]), has_scale)
    cuts = family.cut_points.start(
        np.sort(rng.normal(size=n_classes - 1)) + np.arange(n_classes - 1)
    )
    scale = [rng.normal(0, 0.3, n)] if has_scale else []
    y = rng.integers(0, n_classes, n).astype(float)
    return family, y, [rng.normal(size=n), *scale, *cuts[:, None]]


@pytest.mark.parametrize(("link", "thresholds"), list(product(LINKS, STRUCTURES)))
@pytest.mark.parametrize(("n_classes", "has_scale"), [(2, False), (5, False), (4, True)])
def test_derivatives_are_those_of_differences(link, thresholds, n_classes, has_scale):
    family, y, eta = case(link, thresholds, n_classes, has_scale)
    prepared, packing = family.prepare(y), family.packing
    here = family.log_density(prepared, eta, 3)
    for k in range(len(eta)):
        up, down = (
            family.log_density(prepared, [e + s * (j == k) for j, e in enumerate(eta)], 3)
            for s in (STEP, -STEP)
        )
        value, grad, hess = ((a - b) / (2 * STEP) for a, b in list(zip(up, down, strict=True))[:3])
        assert_allclose(here.grad[k], value, rtol=1e-6, atol=1e-6)
        for j, row in enumerate(grad):
            place = packing.row(j, k)
            found = 0.0 if place is None else here.hess[place]
            assert_allclose(found, row, rtol=1e-5, atol=1e-6)
        for pair, row in packing.pairs.items():
            place = packing.row(*pair, k)
            if place is not None:
                assert_allclose(here.third[place], hess[row], rtol=1e-5, atol=1e-5)
            elif min(*pair, k) < family.packing.size - family.cut_points.matrix.shape[1]:
                assert_allclose(hess[row], 0.0, atol=1e-6)


@pytest.mark.parametrize("n_classes", [3, 10])
def test_derivatives_grow_linearly_with_the_classes(n_classes):
    family, y, eta = case(n_classes=n_classes)
    found, m = family.log_density(family.prepare(y), eta, 3), n_classes - 1
    assert [len(each) for each in found[1:]] == [m + 1, 3 * m, 3 * m]
    assert len(found.third) < packed(n_classes, *[n_classes - 1] * 3) + 1


ENDS = [
    (-40.0, -41.0),
    (-6.0, -6.001),
    (0.3, -0.2),
    (5.0, 3.0),
    (33.0, 32.0),
    (np.inf, 3.0),
    (-3.0, -np.inf),
]


@pytest.mark.parametrize(("link", "ends"), list(product(LINKS, ENDS)))
def test_log_probabilities_have_their_digits_in_both_tails(link, ends):
    low, high = LINKS[link].reach
    upper, lower = ends
    if upper < low or lower > high:
        pytest.skip("beyond the reach of the link")
    with mpmath.workdps(400):
        above, below = (
            DISTRIBUTIONS[link](mpmath.mpf(float(e))) if np.isfinite(e) else mpmath.mpf(e > 0)
            for e in ends
        )
        expected = float(mpmath.log(above - below))
    value, *_ = log_between(LINKS[link], np.array([upper]), np.array([lower]), 3)
    assert_allclose(value, expected, rtol=1e-9)


@pytest.mark.parametrize(("structure", "n_classes"), list(product(STRUCTURES, [2, 3, 4, 5, 6])))
def test_structures_say_what_they_are(structure, n_classes):
    family, _, eta = case(thresholds=structure, n_classes=n_classes)
    gaps = np.diff(family.cut_points.cuts(eta[1:])[:, 0])
    assert np.all(gaps > 0)
    if structure == "equidistant":
        assert_allclose(gaps, gaps.mean() if len(gaps) else 0.0)
    if structure == "symmetric":
        assert_allclose(gaps, gaps[::-1])


def test_cut_points_out_of_order_have_no_likelihood():
    family, y, eta = case()
    eta[2], eta[3] = eta[3], eta[2]
    found = family.log_density(family.prepare(y), eta, 3)
    assert np.all(found.value == -np.inf)
    assert all(np.all(each == 0.0) for each in found[1:])


def test_classes_next_to_each_other_have_information():
    family, y, eta = case(has_scale=True, n=4000)
    draws = family.sample(
        [np.broadcast_to(each[:1], len(y)) for each in eta], np.random.default_rng(1)
    )
    point = [each[:1] for each in eta]
    found = family.log_density(family.prepare(draws), point, 2)
    assert_allclose(-found.hess.mean(axis=1), family.expected_information(point)[:, 0], atol=0.05)


@pytest.mark.parametrize("link", LINKS)
def test_probabilities_add_up_and_quantiles_invert_them(link):
    family, y, eta = case(link, has_scale=True)
    parts = family.part_probabilities(eta)
    assert_allclose(parts.sum(axis=0), 1.0)
    assert_allclose(
        family.cdf(y, eta), [p[: int(k) + 1].sum() for k, p in zip(y, parts.T, strict=True)]
    )
    assert_allclose(family.survival(y, eta), 1.0 - family.cdf(y, eta), atol=1e-14)
    found = family.quantile(family.cdf(y, eta) - 1e-9, eta)
    seen = parts[y.astype(int), np.arange(len(y))] > 1e-6
    assert_array_equal(found[seen], y[seen])
    assert_allclose(family.mean(eta), np.arange(5) @ parts)
    assert_allclose(family.variance(eta), np.arange(5) ** 2 @ parts - family.mean(eta) ** 2)


def test_the_start_has_the_shares_of_the_classes():
    family, _, _ = case(n_classes=3)
    y = np.repeat([0.0, 1.0, 2.0], [20, 0, 80])
    start = family.start(y)
    parts = family.part_probabilities([np.zeros(1), *start[1:, None]])[:, 0]
    assert_allclose(parts, np.array([20.5, 0.5, 80.5]) / 101.5)
    assert all(a < b for a, b in pairwise(start[1:]))


@pytest.mark.parametrize(("thresholds", "has_scale"), list(product(STRUCTURES, (False, True))))
def test_comparisons_tell_which_densities_moves_lower_without_end(thresholds, has_scale):
    family, y, eta = case(thresholds=thresholds, has_scale=has_scale)
    rng, prepared = np.random.default_rng(1), family.prepare(y)
    even = family.cut_points.start(np.arange(4.0))
    moves = np.vstack([np.zeros(6), np.outer(even, np.ones(6))])
    moves += rng.normal(0.0, 1.0, moves.shape)
    found = np.minimum(*family.comparisons(prepared, list(moves[:, None, :])))
    for move, least in zip(moves.T, found.T, strict=True):
        far = list(eta)
        for k, step in zip(family.compared, move, strict=True):
            far[k] = eta[k] + 1e6 * step
        if np.all(np.diff(family.cut_points.cuts(move[1:, None])[:, 0]) > 0.0):
            values = family.log_density(prepared, far).value
            assert_array_equal(values < -20.0, least < 0.0)


@pytest.mark.parametrize("log_scale", [-200.0, -600.0])
def test_a_scale_next_to_zero_has_derivatives_without_warnings(log_scale):
    family, y, (location, _, *cuts) = case(has_scale=True)
    with np.errstate(all="raise", under="ignore"):
        found = family.log_density(
            family.prepare(y), [location, np.full(len(y), log_scale), *cuts], 3
        )
    assert set(found.value) == {0.0, -np.inf}
    assert not any(each.any() for each in found[1:])
