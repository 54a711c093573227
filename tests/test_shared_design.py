"""One design for many responses: the fits of each alone, without the posterior of the effects."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from oracles import Term, design

from skglmm.covariance import Unstructured
from skglmm.engine import Laplace
from skglmm.exceptions import DesignError
from skglmm.families import Gaussian, Poisson
from skglmm.fitting import Options, SharedDesign, Study, fit, refit

N, LEVELS = 90, 9


def rows(*, n_predictors):
    rng = np.random.default_rng(0)
    one, x, g = np.ones(N), rng.normal(size=N), np.arange(N) % LEVELS
    fixed = ([one, x], [one])[:n_predictors]
    return design(fixed, Term("g", g, (one,), Unstructured(1))), x, g


def linear(m=3):
    whole, x, g = rows(n_predictors=2)
    rng = np.random.default_rng(1)
    eta = x[:, None] + rng.normal(0, 0.8, (LEVELS, m))[g]
    return whole, 10.0 ** np.arange(0, 3 * m, 3) * (eta + rng.normal(size=(N, m)))


@pytest.mark.parametrize("approximation", [None, Laplace(integrated=(0,))], ids=["ml", "reml"])
def test_fits_are_those_of_each_response_to_the_last_bit(approximation):
    whole, Y = linear()
    shared = SharedDesign.of(Gaussian(), whole, Y[:, 0], approximation=approximation)
    for y, found in zip(Y.T, shared.fits(Y, np.zeros(3), Options()), strict=True):
        alone = fit(Gaussian(), whole, y, approximation=approximation)
        assert found.log_likelihood == alone.log_likelihood
        assert_array_equal(np.concatenate(found.beta), np.concatenate(alone.beta))
        assert_array_equal(found.covariance, alone.covariance)
        assert_array_equal(found.theta[0], alone.theta[0])


def test_which_response_is_bound_first_does_not_matter():
    whole, Y = linear()
    first, last = (SharedDesign.of(Gaussian(), whole, Y[:, j]) for j in (0, 2))
    pairs = zip(*(each.fits(Y, np.zeros(3), Options()) for each in (first, last)), strict=True)
    for one, other in pairs:
        assert_array_equal(one.covariance, other.covariance)


def test_what_is_subtracted_from_a_log_likelihood_is_that_of_its_response():
    whole, Y = linear()
    shared = SharedDesign.of(Gaussian(), whole, Y[:, 0])
    plain = [found.log_likelihood for found in shared.fits(Y, np.zeros(3), Options())]
    less = [found.log_likelihood for found in shared.fits(Y, [0.0, 1.0, 2.0], Options())]
    np.testing.assert_allclose(np.subtract(plain, less), [0.0, 1.0, 2.0], atol=1e-9)


def test_a_response_without_a_fit_gives_its_error_and_the_others_their_fits():
    whole, x, _ = rows(n_predictors=1)
    Y = np.random.default_rng(2).poisson(np.exp(x)[:, None], (N, 3)).astype(float)
    Y[3, 1] = np.inf
    shared = SharedDesign.of(Poisson(), whole, Y[:, 0])
    with np.errstate(invalid="ignore"):
        first, broken, last = shared.fits(Y, np.zeros(3), Options())
    assert isinstance(broken, (ArithmeticError, DesignError, ValueError))
    assert first.converged
    assert last.converged


@pytest.mark.parametrize("family", [Gaussian(), Poisson()], ids=["linear", "counts"])
def test_refits_keep_no_posterior_but_how_modes_move(family):
    whole, x, _ = rows(n_predictors=len(family.predictors))
    y = np.random.default_rng(3).poisson(np.exp(x)).astype(float)
    first = fit(family, whole, y)
    again = refit(Study.of(family, whole, y), first, inference=True)
    assert first.posterior is not None
    assert (again.posterior, again.effect_information) == (None, None)
    assert again.mode_jacobian is not None
