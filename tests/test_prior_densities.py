"""Prior densities beside scipy's, and the texts that name them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.integrate import quad

from skglmm.priors import LKJDensity, read_priors

DENSITIES = {
    "normal(0.3, 2.5)": stats.norm(0.3, 2.5),
    "t(4, 0.3, 2.5)": stats.t(4, 0.3, 2.5),
    "cauchy(0.3, 2.5)": stats.cauchy(0.3, 2.5),
    "gamma(2, 0.5)": stats.gamma(2, scale=2.0),
    "gamma(1, 0.5)": stats.expon(scale=2.0),
    "exponential(3)": stats.expon(scale=1 / 3),
    "half-normal(1.5)": stats.halfnorm(scale=1.5),
    "lognormal(-0.5, 0.8)": stats.lognorm(0.8, scale=np.exp(-0.5)),
}


def density(text):
    ((_, found),) = read_priors({"x": text}).entries
    return found


@pytest.mark.parametrize("text", DENSITIES)
@pytest.mark.parametrize("x", [0.05, 0.9, 4.0])
def test_densities_and_probabilities_are_those_of_scipy(text, x):
    assert_allclose(density(text).at(x).value, DENSITIES[text].logpdf(x), rtol=1e-12)
    assert_allclose(density(text).below(x), DENSITIES[text].cdf(x), rtol=1e-12)


@pytest.mark.parametrize("text", [*DENSITIES, "lkj(3)"])
@pytest.mark.parametrize("x", [0.7, 3.0])
def test_slopes_and_curvatures_are_derivatives(text, x):
    step, at = 1e-5, density(text).at
    before, here, after = at(x - step), at(x), at(x + step)
    assert_allclose(here.slope, (after.value - before.value) / (2 * step), rtol=1e-7, atol=1e-9)
    assert_allclose(here.curvature, (after.slope - before.slope) / (2 * step), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("text", ["gamma(2, 1)", "lognormal(0, 1)", "half-normal(1)"])
def test_what_is_positive_has_no_density_below_zero(text):
    assert density(text).at(-0.1).value == -np.inf
    assert density(text).below(-0.1) == 0.0


@pytest.mark.parametrize("eta", [1.0, 2.0, 3.5])
def test_the_density_of_a_correlation_integrates_to_one(eta):
    lkj = LKJDensity(eta)
    total = quad(lambda r: np.exp(lkj.at(np.log1p(-(r**2))).value), -1, 1)[0]
    assert_allclose(total * np.exp(lkj.log_constant(2)), 1.0, rtol=1e-6)


def test_correlation_matrices_of_three_effects_have_a_known_volume():
    assert_allclose(np.exp(-LKJDensity(1.0).log_constant(3)), np.pi**2 / 2, rtol=1e-12)


@pytest.mark.parametrize(
    "text", ["Normal( 0, 2.5 )", "half_normal(1)", "Half-Normal(1)", "t(4,0,1)"]
)
def test_spelling_is_free(text):
    assert str(density(text)).startswith(("normal(0, 2.5)", "half-normal(1)", "t(4, 0, 1)"))


@pytest.mark.parametrize(
    ("priors", "told"),
    [
        ({"x": "norml(0, 1)"}, r"unknown distribution 'norml'.*did you mean normal\(mean, sd\)"),
        ({"x": "normal(0)"}, r"has 1 argument, expected normal\(mean, sd\)"),
        ({"x": "exponential()"}, r"has 0 arguments, expected exponential\(rate\)"),
        ({"x": "normal(0, -1)"}, "sd=-1 must be positive"),
        ({"x": "normal(inf, 1)"}, "mean=inf must be finite"),
        ({"x": "normal(a, 1)"}, "mean='a' is not a number"),
        ({"x": "normal"}, "cannot be read, expected a distribution with its arguments, or 'weak'"),
        ({"sd": "gamma(0.5, 1)"}, "shape=0.5 must be at least 1: the density is infinite"),
        ({"corr": "lkj(0.5)"}, "eta=0.5 must be at least 1"),
        ("strong", "priors='strong', expected None, 'weak', or a dict"),
    ],
)
def test_what_is_no_prior_is_explained(priors, told):
    with pytest.raises(ValueError, match=told):
        read_priors(priors)


@pytest.mark.parametrize("priors", [3, {"x": 2.5}, {3: "normal(0, 1)"}])
def test_other_types_are_refused(priors):
    with pytest.raises(TypeError, match="expected"):
        read_priors(priors)
