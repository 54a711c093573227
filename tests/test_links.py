"""What every link promises, member by member."""

import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skglmm.families import LINKS, Identity, Log

ALL = [*LINKS.values(), Log(), Identity()]
BOUNDED = list(LINKS.values())  # links of a mean in (0, 1)
every = pytest.mark.parametrize("link", ALL, ids=lambda link: link.name)
bounded = pytest.mark.parametrize("link", BOUNDED, ids=lambda link: link.name)

# The value and its complement, as functions of arithmetic with many digits.
EXACT = {
    "logit": (lambda e: 1 / (1 + mpmath.exp(-e)), lambda e: 1 / (1 + mpmath.exp(e))),
    "probit": (mpmath.ncdf, lambda e: mpmath.ncdf(-e)),
    "cloglog": (lambda e: -mpmath.expm1(-mpmath.exp(e)), lambda e: mpmath.exp(-mpmath.exp(e))),
    "loglog": (lambda e: mpmath.exp(-mpmath.exp(-e)), lambda e: -mpmath.expm1(-mpmath.exp(-e))),
    "cauchit": (
        lambda e: mpmath.atan(e) / mpmath.pi + mpmath.mpf(1) / 2,
        lambda e: mpmath.mpf(1) / 2 - mpmath.atan(e) / mpmath.pi,
    ),
    "log": (mpmath.exp, lambda e: -mpmath.expm1(e)),
    "identity": (lambda e: e, lambda e: 1 - e),
}


def grid(link, size):
    """Linear predictors from end to end, closer together in the middle; never 0."""
    low, high = link.reach
    middle = np.linspace(max(low, -6.0), min(high, 6.0), size)
    tails = np.geomspace(1e-6, 1.0, size)
    return np.unique(np.concatenate([middle, low * tails, high * tails]))


def digits(function, eta):
    with mpmath.workdps(60):
        return np.array([float(function(mpmath.mpf(float(each)))) for each in eta])


@every
def test_value_and_complement_have_thirteen_digits_in_both_tails(link):
    eta = grid(link, 40)
    value, complement = (digits(each, eta) for each in EXACT[link.name])
    jet = link.inverse(eta)
    assert_allclose(jet.value, value, rtol=1e-13)
    assert_allclose(jet.complement, complement, rtol=1e-13)


@every
def test_value_and_complement_add_up_to_one(link):
    jet = link.inverse(grid(link, 200))
    scale = np.maximum(np.abs(jet.value), 1.0)
    assert_allclose((jet.value + jet.complement - 1.0) / scale, 0.0, atol=4e-16)


@every
@pytest.mark.parametrize("order", [1, 2, 3])
def test_slopes_have_eleven_digits(link, order):
    eta = grid(link, 14)

    def slope(e):
        return mpmath.diff(EXACT[link.name][0], e, order)

    found = link.inverse(eta, order).slopes[-1]
    scale = np.abs(link.inverse(eta, 1).slopes[0])  # where a slope crosses zero
    expected = digits(slope, eta)
    near_a_zero = np.abs(expected) < 1e-3 * scale * (np.abs(eta) < 10.0)
    assert_allclose(found[~near_a_zero], expected[~near_a_zero], rtol=1e-11)
    assert_allclose((found / scale)[near_a_zero], (expected / scale)[near_a_zero], atol=1e-14)


@every
@pytest.mark.parametrize("order", [1, 2, 3])
@given(where=st.floats(-2.0, 2.0))
@settings(deadline=None, derandomize=True)
def test_slopes_match_differences(link, order, where):
    h = 1e-3
    eta = where + h * np.array([-2.0, -1.0, 1.0, 2.0])
    jet = link.inverse(eta, order - 1)
    below = jet.value if order == 1 else jet.slopes[-1]
    difference = np.array([1.0, -8.0, 8.0, -1.0]) @ below / (12.0 * h)
    found = link.inverse(np.array([where]), order).slopes[-1]
    assert_allclose(found, difference, rtol=1e-8, atol=1e-9)


@bounded
def test_inverse_undoes_the_link_of_a_mean(link):
    tails = np.geomspace(2e-13, 0.4, 60)
    mu = np.concatenate([tails, np.linspace(0.01, 0.99, 99), 1.0 - tails])
    assert_allclose(link.inverse(link.link(mu)).value, mu, rtol=2e-13)


@every
def test_link_undoes_the_inverse(link):
    eta = np.linspace(-2.0, 2.0, 41)
    assert_allclose(link.link(link.inverse(eta).value), eta, atol=1e-13)


def test_inverse_undoes_the_logarithm():
    phi = np.geomspace(1e-13, 1e13, 99)
    assert_allclose(Log().inverse(Log().link(phi)).value, phi, rtol=1e-14)


@every
def test_inverse_increases(link):
    eta = grid(link, 300)
    jet = link.inverse(eta, 1)
    assert (np.diff(jet.value) >= 0).all()
    assert (np.diff(jet.complement) <= 0).all()
    assert (jet.slopes[0] > 0).all()


@every
def test_finite_and_positive_at_the_corners_of_the_reach(link):
    jet = link.inverse(np.array(link.reach), 3)
    assert jet.outside is None
    assert (jet.value > 0).all() or link == Identity()
    assert np.isfinite([jet.value, jet.complement, *jet.slopes]).all()


@bounded
def test_both_tails_of_a_mean_end_near_1e_13(link):
    jet = link.inverse(np.array(link.reach))
    assert 3e-14 < jet.value[0] < 3e-13
    assert 3e-14 < jet.complement[1] < 3e-13


@every
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_outside_marks_exactly_what_is_beyond_the_reach(link, order):
    low, high = link.reach
    beyond = [np.nextafter(low, -np.inf), np.nextafter(high, np.inf), -np.inf, np.inf, np.nan]
    inside = [low, -1.0, 0.0, 1.0, high]
    jet = link.inverse(np.array(inside + beyond), order)
    assert_array_equal(jet.outside, [False] * 5 + [True] * 5)
    assert np.isfinite([jet.value, jet.complement, *jet.slopes]).all()
    alone = link.inverse(np.array(inside), order)
    assert alone.outside is None
    assert_array_equal(jet.value[:5], alone.value)
    for single in beyond:
        assert link.inverse(np.array([single])).outside.all()


@every
def test_beyond_the_reach_it_answers_as_at_the_end(link):
    low, high = link.reach
    jet = link.inverse(np.array([2.0 * low, 2.0 * high, -np.inf, np.inf]))
    ends = link.inverse(np.array([low, high]))
    assert_array_equal(jet.value, np.tile(ends.value, 2))
    assert_array_equal(jet.complement, np.tile(ends.complement, 2))


@every
@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, 7])
def test_an_order_is_the_number_of_slopes(link, order, size):
    eta = np.linspace(-1.0, 1.0, size)
    kept = eta.copy()
    jet = link.inverse(eta, order)
    assert len(jet.slopes) == order
    assert all(each.shape == (size,) for each in (jet.value, jet.complement, *jet.slopes))
    assert_array_equal(eta, kept)


@every
def test_links_are_values(link):
    assert link == type(link)()
    assert hash(link) == hash(type(link)())
    assert pickle.loads(pickle.dumps(link)) == link


def test_the_table_of_links_is_by_name():
    assert {name: link.name for name, link in LINKS.items()} == {name: name for name in LINKS}
    assert list(LINKS) == ["logit", "probit", "cloglog", "loglog", "cauchit"]
