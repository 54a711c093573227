"""Values of the families of reals, counts and classes, against scipy.stats."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skglmm.families import Bernoulli, Gaussian, Poisson

P = np.array([1e-9, 0.01, 0.3, 0.5, 0.8, 0.999, 1.0 - 1e-9])


def agree(family, eta, law, y, rtol=1e-12):
    """Log densities, moments, cdf and quantiles equal those of a distribution of scipy."""
    n = len(y)
    value = family.log_density(family.prepare(y), eta).value
    log_density = law.logpmf if family.support.is_discrete else law.logpdf
    assert_allclose(value, log_density(y), rtol=rtol, atol=rtol)
    assert_allclose(family.cdf(y, eta), law.cdf(y), rtol=1e-12)
    assert_allclose(family.mean(eta), np.broadcast_to(law.mean(), n), rtol=1e-13)
    assert_allclose(family.variance(eta), np.broadcast_to(law.var(), n), rtol=1e-13)


@pytest.mark.parametrize(("mean", "scale"), [(0.0, 1.0), (-3.0, 0.2), (1e3, 50.0)])
def test_gaussian(mean, scale):
    family = Gaussian()
    y = mean + scale * np.array([-6.0, -1.0, 0.0, 0.4, 2.0, 3.0, 8.0])
    eta = (np.full(7, mean), family.links[1].link(np.full(7, scale)))
    law = stats.norm(mean, scale)
    agree(family, eta, law, y)
    assert_allclose(family.quantile(P, eta), law.ppf(P), rtol=1e-12)


@pytest.mark.parametrize("mean", [1e-3, 0.7, 4.0, 250.0])
def test_poisson(mean):
    family, eta = Poisson(), (np.full(7, np.log(mean)),)
    y = np.array([0.0, 1.0, 2.0, 5.0, 40.0, 250.0, 300.0])
    law = stats.poisson(mean)
    agree(family, eta, law, y)
    assert_array_equal(family.quantile(P, eta), law.ppf(P))


@pytest.mark.parametrize("mean", [1e-6, 0.2, 0.5, 0.97])
def test_bernoulli(mean):
    family = Bernoulli()
    y = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    eta = (family.links[0].link(np.full(7, mean)),)
    law = stats.bernoulli(mean)
    agree(family, eta, law, y, rtol=1e-9)  # 1 - mean in the law of scipy
    assert_array_equal(family.quantile(P, eta), law.ppf(P))
