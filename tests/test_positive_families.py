"""Families of positive numbers against arithmetic of many digits, from tiny to huge."""

import mpmath
import numpy as np
import pytest
from family_cases import POSITIVE, evaluate, name, rows
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import invgauss

from skglmm.families import Gamma, Hurdle, InverseGaussian, Lognormal
from skglmm.special import log_gamma_norm

PLAIN = [Gamma(), InverseGaussian(), Lognormal()]
plain = pytest.mark.parametrize("family", PLAIN, ids=name)


def gamma(y, location, spread):
    k = mpmath.exp(-spread)
    rate = k * mpmath.exp(-location)
    return k * mpmath.log(rate) - mpmath.loggamma(k) + (k - 1) * mpmath.log(y) - rate * y


def inverse_gaussian(y, location, spread):
    mean, phi = mpmath.exp(location), mpmath.exp(spread)
    return -mpmath.log(2 * mpmath.pi * phi * y**3) / 2 - (y - mean) ** 2 / (2 * phi * mean**2 * y)


def lognormal(y, location, spread):
    z = (mpmath.log(y) - location) * mpmath.exp(-spread)
    return -(z**2) / 2 - spread - mpmath.log(2 * mpmath.pi) / 2 - mpmath.log(y)


EXACT = {Gamma: gamma, InverseGaussian: inverse_gaussian, Lognormal: lognormal}
DERIVATIVES = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))


def test_the_norm_of_a_gamma_density_has_digits_from_tiny_to_huge_shapes():
    log_k = np.log(np.concatenate([np.geomspace(1e-6, 1e12, 60), [9.999, 10.0, 10.001]]))
    with mpmath.workdps(60):

        def norm(s):
            k = mpmath.exp(s)
            return mpmath.loggamma(k) - k * mpmath.log(k) + k

        for order, found in enumerate(log_gamma_norm(log_k, 3)):
            exact = [float(mpmath.diff(norm, mpmath.mpf(float(s)), order)) for s in log_k]
            assert_allclose(found, exact, rtol=1e-13, atol=2e-14)


@plain
@pytest.mark.parametrize("ratio", [1e-4, 0.5, 1.0 + 1e-6, 3.0, 1e4])
@pytest.mark.parametrize("log_spread", [-18.0, -3.0, 0.0, 4.0, 9.0])
def test_log_densities_have_their_digits_over_eight_orders_of_magnitude(family, ratio, log_spread):
    y, eta = np.array([0.8]), (np.log([0.8 / ratio]), np.array([log_spread]))
    found = evaluate(family, y, eta, 3)
    every = [found.value[0], *(each[0] for each in rows(found).values())]
    with mpmath.workdps(60):
        numbers = [mpmath.mpf(float(part[0])) for part in eta]

        def of(*at):
            return EXACT[type(family)](mpmath.mpf(0.8), *at)

        exact = [
            mpmath.diff(of, numbers, each) if sum(each) else of(*numbers) for each in DERIVATIVES
        ]
    size = max(1.0, *(abs(float(each)) for each in exact))
    for value, each in zip(every, exact, strict=True):
        # a mean whose logarithm is a double has the log density of a neighbor of it
        assert abs(value - float(each)) <= 1e-12 * max(abs(float(each)), 1e-3 * size)


def gamma_tails(y, phi):
    k = 1 / phi
    return [
        mpmath.gammainc(k, *ends, regularized=True) for ends in ((0, k * y), (k * y, mpmath.inf))
    ]


def inverse_gaussian_tails(y, phi):
    root, rate = 1 / mpmath.sqrt(phi * y), 1 / phi
    first, second = mpmath.ncdf(-root * (y - 1)), mpmath.ncdf(-root * (y + 1))
    upper = first - mpmath.exp(2 * rate) * second
    return [mpmath.ncdf(root * (y - 1)) + mpmath.exp(2 * rate) * second, upper]


def lognormal_tails(y, sigma):
    z = mpmath.log(y) / sigma
    return [mpmath.ncdf(z), mpmath.ncdf(-z)]


TAILS = {Gamma: gamma_tails, InverseGaussian: inverse_gaussian_tails, Lognormal: lognormal_tails}


@plain
@pytest.mark.parametrize("spread", [1e-6, 1e-2, 1.0, 1e2, 1e6])
def test_both_tails_have_digits(family, spread):
    spread = max(spread, 1e-2) if family == Gamma() else spread  # sums of mpmath end there
    y = np.array([1e-4, 0.02, 0.5, 1.0, 1.5, 30.0, 1e5])
    eta = (np.zeros(1), np.log([spread]))
    found = family.cdf(y, eta), family.survival(y, eta)
    assert_allclose(sum(found), 1.0, rtol=1e-13)
    with mpmath.workdps(400):
        exact = [TAILS[type(family)](mpmath.mpf(at), mpmath.mpf(spread)) for at in y.tolist()]
    for tail, values in zip(found, np.array(exact, dtype=float).T, strict=True):
        assert_allclose(tail, values, rtol=2e-9, atol=1e-300)


@plain
@pytest.mark.parametrize("log_spread", [-14.0, -3.0, 0.0, 2.0])
def test_quantiles_lead_back_to_both_tails(family, log_spread):
    p = np.array([1e-12, 1e-3, 0.4, 0.9, 1.0 - 1e-12])
    eta = (np.array([3.0]), np.array([log_spread]))
    y = family.quantile(p, eta)
    assert (np.diff(y) > 0.0).all()
    digits = 1e-9 if log_spread > -5.0 else 1e-5  # a double has few steps in a narrow density
    assert_allclose(family.cdf(y[:3], eta), p[:3], rtol=digits)
    assert_allclose(family.survival(y[3:], eta), 1.0 - p[3:], rtol=digits)


def test_the_inverse_gaussian_is_that_of_scipy():
    mean, phi, y = 1.7, 0.4, np.array([0.1, 1.0, 6.0])
    other, eta = invgauss(mean * phi, scale=1.0 / phi), (np.log([mean]), np.log([phi]))
    assert_allclose(evaluate(InverseGaussian(), y, eta, 0).value, other.logpdf(y), rtol=1e-12)
    assert_allclose(InverseGaussian().quantile(np.array([0.2]), eta), other.ppf(0.2), rtol=1e-9)


@pytest.mark.parametrize("family", POSITIVE, ids=name)
def test_a_change_of_units_changes_predictors_as_the_family_says(family):
    width, y, eta = 250.0, np.array([0.3, 1.4]), [np.array([0.6, 0.9]), np.array([-1.0, -0.5])]
    pairs = zip(family.rescaled(width), eta, strict=True)
    moved = [unit * row + shift for (unit, shift), row in pairs]
    there, here = (evaluate(family, *each, 0).value for each in ((width * y, moved), (y, eta)))
    assert_allclose(there, here - np.log(width), rtol=1e-12)
    assert_allclose(family.mean(moved), width * family.mean(eta), rtol=1e-12)


@pytest.mark.parametrize("family", POSITIVE, ids=name)
def test_starts_have_the_moments_of_responses(family):
    y = np.random.default_rng(0).gamma(3.0, 2.0, 400)
    for response, weights in ((y, None), (y, np.full(400, 2.0)), (np.full(9, 3.0), None)):
        start = [np.array([each]) for each in family.start(response, weights)]
        assert_allclose(family.mean(start), response.mean(), rtol=0.1)
        assert_allclose(family.variance(start), response.var(), rtol=0.5, atol=1e-2)


@plain
def test_a_hurdle_has_the_density_of_the_family_off_zero(family):
    hurdle, y, eta = Hurdle(family), np.array([0.0, 1.3]), (np.zeros(1), -np.ones(1))
    found = evaluate(hurdle, y, (*eta, np.log([1 / 3])), 0).value
    inside = evaluate(family, y[1:], eta, 0).value[0]
    assert_allclose(found, [np.log(0.25), np.log(0.75) + inside], rtol=1e-14)
    assert hurdle.parts == ("zero", "positive")
    assert_array_equal(
        hurdle.quantile(np.array([0.2, 1.0]), (*eta, np.log([1 / 3]))), [0.0, np.inf]
    )


def test_an_inverse_gaussian_is_never_near_zero():
    eta = np.full(4, 7.0), np.full(4, np.log(1e-3))
    y = np.array([0.0, 5e-324, 1e-300, 1e-3])
    assert_allclose(InverseGaussian().cdf(y, eta), 0.0, atol=1e-300)
    assert_allclose(InverseGaussian().survival(y, eta), 1.0)
