"""The log-gamma family against arithmetic of many digits."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm.special import exp_excess, log_gamma, log_gamma_family, log_gamma_remainder, log_rising

LARGEST = float(np.finfo(np.float64).max)
NAMES = ("lgamma", "digamma", "trigamma", "tetragamma")


def exact(x, k):
    """The k-th derivative of log gamma at a double, rounded once; inf where it overflows."""
    with mpmath.workdps(50):
        value = mpmath.loggamma(x) if k == 0 else mpmath.psi(k - 1, x)
        return math.copysign(math.inf, value) if abs(value) > LARGEST else float(value)


def assert_exact(x, found):
    """Relative errors below 1e-13, absolute ones beside the zeros of lgamma and digamma."""
    for k, row in enumerate(found):
        expected = np.array([exact(each, k) for each in x])
        scale = np.maximum(np.abs(expected), 1.0) if k < 2 else np.abs(expected)
        finite = np.isfinite(expected)
        assert_array_equal(row[~finite], expected[~finite], err_msg=NAMES[k])
        errors = np.abs(row[finite] - expected[finite]) / scale[finite]
        worst = np.argmax(errors)
        assert errors[worst] <= 1e-13, f"{NAMES[k]}({x[finite][worst]!r}): {errors[worst]:.1e}"


ZEROS = np.array([1.0, 1.4616321449683622, 2.0])  # of lgamma, digamma, lgamma
RANGES = {
    "near zero": np.logspace(-300, -1, 150),
    "moderate": np.linspace(0.05, 30.0, 240),
    "large": np.logspace(1, 15, 120),
    "everything": np.logspace(-300, 15, 317),
    "beside the zeros": np.add.outer(ZEROS, np.linspace(-1e-3, 1e-3, 7)).ravel(),
    "beside the switch": 10.0 + np.linspace(-1e-12, 1e-12, 9),
    "with the huge": np.array([1e-300, 1e-160, 0.3, 7.0, 1e15, 1e39, 1e41, 1e100, 1e150]),
    "only small": np.linspace(0.1, 9.9, 50),
}
ranges = pytest.mark.parametrize("x", RANGES.values(), ids=RANGES)


@ranges
def test_arrays_have_thirteen_digits(x):
    assert_exact(x, log_gamma_family(x, 3))


@ranges
def test_single_numbers_have_thirteen_digits(x):
    found = np.hstack([log_gamma_family(each, 3) for each in np.split(x, len(x))])
    assert_exact(x, found)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, 2, 100])
def test_an_order_gives_one_array_more(order, size):
    x = np.linspace(0.5, 20.0, size)
    found = log_gamma_family(x, order)
    assert len(found) == order + 1
    assert all(row.shape == x.shape and row.dtype == np.float64 for row in found)


@pytest.mark.parametrize("size", [1, 100])
def test_lower_orders_are_the_first_rows_of_the_highest(size):
    x = np.logspace(-3, 3, size)
    for order in (0, 1, 2):
        for row, whole in zip(log_gamma_family(x, order), log_gamma_family(x, 3), strict=False):
            assert_allclose(row, whole, rtol=1e-15)


@pytest.mark.parametrize("excess", [-1, 0, 1, 37])
def test_long_arrays_equal_their_parts(excess):
    size = 2 * log_gamma._SLICE + excess
    x = np.random.default_rng(5).permutation(np.logspace(-5, 5, size))
    x[(x > 0.9) & (x < 2.1)] = 3.0  # roots are near, where the last bit of a logarithm is amplified
    whole = np.array(log_gamma_family(x, 3))
    parts = [np.array(log_gamma_family(x[i : i + 1000], 3)) for i in range(0, size, 1000)]
    assert_allclose(whole, np.hstack(parts), rtol=1e-14)


def test_what_overflows_is_infinite_without_a_warning():
    x = np.array([1e-300, 1e-200, 1e-155, 1e-110])
    for found in (log_gamma_family(x, 3), np.hstack([log_gamma_family(e, 3) for e in x[:, None]])):
        _, digamma, trigamma, tetragamma = found
        assert_array_equal(np.isinf(digamma), [False] * 4)
        assert_array_equal(trigamma == np.inf, [True, True, True, False])
        assert_array_equal(tetragamma == -np.inf, [True] * 4)
    for found in (log_gamma_family(np.full(k, 1e308), 3) for k in (1, 5)):
        assert_array_equal(found[0], np.inf)


def test_what_it_reads_stays_as_it_was():
    x = np.logspace(-2, 2, 50)
    kept = x.copy()
    log_gamma_family(x, 3)
    assert_array_equal(x, kept)


def test_strided_rows_are_read_in_order():
    x = np.logspace(-2, 2, 50)
    assert_array_equal(log_gamma_family(x[::-2], 3), np.array(log_gamma_family(x[::-2].copy(), 3)))


@pytest.mark.parametrize("rest", [[], [0.5], [0.5, 20.0], [20.0]], ids=str)
def test_nan_stays_nan(rest):
    found = np.array(log_gamma_family(np.array([*rest, np.nan]), 3))
    assert np.isnan(found[:, -1]).all()
    assert np.isfinite(found[:, :-1]).all()


@pytest.mark.parametrize(
    "x",
    [np.logspace(1, 15, 99), np.array([10.0]), np.array([0.3]), np.logspace(-9, 5, 99)],
    ids=["many", "one", "small", "mixed"],
)
def test_the_remainder_is_what_stirlings_formula_leaves(x):
    """Thirteen digits, although it is a tiny difference of large numbers."""
    found = log_gamma_remainder(x, 3)
    with mpmath.workdps(60):
        for i, each in enumerate(map(mpmath.mpf, x)):
            leading = (each - 0.5) * mpmath.log(each) - each + mpmath.log(2 * mpmath.pi) / 2
            lgamma = float(mpmath.loggamma(each) - leading)
            digamma = float(mpmath.psi(0, each) - mpmath.log(each))
            atol = 1e-14 if each < log_gamma.SERIES_FROM else 0.0
            assert_allclose([row[i] for row in found[:2]], [lgamma, digamma], 1e-13, atol)
    assert_exact(x, log_gamma_family(x, 1) + found[2:])


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_the_remainder_of_a_long_array_is_that_of_its_numbers(order):
    x = np.random.default_rng(9).permutation(np.logspace(1, 9, log_gamma._SLICE + 7))
    found = log_gamma_remainder(x, order)
    assert len(found) == order + 1
    for i in [0, 5, log_gamma._SLICE - 1, log_gamma._SLICE, log_gamma._SLICE + 6]:
        single = log_gamma_remainder(x[[i]], order)
        assert_allclose([row[i] for row in found], [row[0] for row in single], rtol=1e-14)


def exact_rising(x, m, power):
    """The log of a rising factorial without a power of x, and derivatives in log x."""

    def rest(log_x):
        x = mpmath.exp(log_x)
        return mpmath.loggamma(x + m) - mpmath.loggamma(x) - power * log_x

    with mpmath.workdps(80):
        return [float(mpmath.diff(rest, mpmath.log(x), k)) for k in range(4)]


@pytest.mark.parametrize("x", [1e-300, 1e-8, 0.3, 3.0, 9.99, 10.0, 50.0, 1e4, 1e9, 1e14])
@pytest.mark.parametrize("m", [0.0, 1.0, 2.0, 7.0, 400.0, 1e5])
def test_rising_factorials_have_the_digits_of_their_number_of_factors(x, m):
    power, parts = log_rising(np.array([x]), np.array([m]), 3)
    assert power == [m if x >= 10.0 else min(m, 1.0)]
    assert_allclose(np.ravel(parts), exact_rising(x, m, power[0]), rtol=1e-12, atol=1e-13 * (1 + m))


def test_rising_factorials_of_nothing_begin_with_one():
    power, (value, *slopes) = log_rising(np.zeros(3), np.array([0.0, 1.0, 4.0]), 3)
    assert_array_equal(power, [0.0, 1.0, 1.0])
    assert_allclose(np.exp(value), [1.0, 1.0, 6.0])  # 1 2 3
    assert_array_equal(slopes, np.zeros((3, 3)))


def test_rising_factorials_do_not_depend_on_their_company():
    x, m = np.array([0.2, 1e6, 8.0, 12.0]), np.array([3.0, 4.0, 0.0, 9.0])
    power, parts = log_rising(x, m, 3)
    for k in range(4):
        one, rest = log_rising(x[[k]], m[[k]], 3)
        assert_array_equal(power[k], one[0])
        assert_allclose(np.array(parts)[:, k], np.ravel(rest), rtol=1e-13, atol=1e-13)


def test_the_excess_of_an_exponential_is_found_in_arrays_of_any_shape():
    t = np.array([[1e-9, 1.0], [-1e-3, 3.0], [0.0, 1e-2]])
    assert_allclose(exp_excess(t).ravel(), exp_excess(t.ravel()), rtol=1e-15)
