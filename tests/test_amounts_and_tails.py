"""Tweedie and Student t: the series in many digits, fits against glmmTMB, units, odd responses."""

import json
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtri

from skglmm import StudentTGLMMRegressor, TweedieGLMMRegressor
from skglmm.families import FixedTweedie, StudentT, Tweedie
from skglmm.special import log_student_norm, log_tweedie_series

REFERENCE = Path(__file__).parent / "reference"
CASES = json.loads((REFERENCE / "tweedie_student.json").read_text())["cases"]
MODELS = {"tweedie": (TweedieGLMMRegressor, "y"), "student": (StudentTGLMMRegressor, "z")}


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(REFERENCE / "simulated_amounts.csv")


@pytest.fixture(scope="module")
def amounts(data):
    return TweedieGLMMRegressor("x + (1 | g)").fit(data, data["y"])


# The densities


def exact_series(log_m, log_alpha):
    """The log of the sum of all terms, of a mean number of terms that is not large."""
    m, alpha = mpmath.exp(log_m), mpmath.exp(log_alpha)
    log_z = (1 + alpha) * log_m + alpha * log_alpha
    terms = (
        mpmath.exp(j * log_z - mpmath.loggamma(j + 1) - mpmath.loggamma(j * alpha))
        for j in range(1, int(m + 12 * mpmath.sqrt(m) + 50))
    )
    return mpmath.log(sum(terms)) - (1 + alpha) * m


@pytest.mark.parametrize("phi", [1e-4, 1e-2])
@pytest.mark.parametrize("p", [1e-12, 1e-8, 1e-4])
def test_quantiles_of_narrow_amounts_lie_far_out_in_the_lower_tail(phi, p):
    family, eta = FixedTweedie(power=1.5), (np.zeros(1), np.log([phi]))
    y = family.quantile(np.array([p]), eta)
    assert_allclose(family.cdf(y, eta), p, rtol=1e-6)
    assert_allclose((y - 1.0) / np.sqrt(phi), ndtri(p), rtol=max(5.0 * np.sqrt(phi), 0.02))


@pytest.mark.parametrize("power", [1.01, 1.2, 1.5, 1.8, 1.99])
@pytest.mark.parametrize("m", [1e-30, 0.3, 30.0])
def test_the_tweedie_series_and_its_derivatives_have_ten_digits(power, m):
    log_alpha = np.log((2.0 - power) / (power - 1.0))
    found = log_tweedie_series(np.log([m]), log_alpha, 2)
    point = mpmath.mpf(float(np.log(m))), mpmath.mpf(float(log_alpha))
    with mpmath.workdps(40):
        assert_allclose(found[0][0], float(exact_series(*point)), rtol=1e-12, atol=1e-12)
        for order, counts in ((1, (0, 1)), (2, (1, 1))):
            exact = float(mpmath.diff(exact_series, point, counts, h=mpmath.mpf(10) ** -9))
            assert_allclose(found[order][counts[1], 0], exact, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("power", [1.05, 1.5, 1.95])
def test_terms_and_asymptotic_series_of_a_tweedie_meet(power):
    alpha = (2.0 - power) / (power - 1.0)
    switch = np.log(max(40.0, 40.0 / alpha, 4.0 * (1.0 + alpha)))
    below, above = np.nextafter(switch, [-np.inf, np.inf])
    for part, other in zip(
        *(log_tweedie_series(np.array([at]), np.log(alpha), 3) for at in (below, above)),
        strict=True,
    ):
        assert_allclose(part, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("width", [1e-9, 1e9])
@pytest.mark.parametrize("phi", [1e-6, 1.0, 1e4])
def test_tweedie_densities_scale_with_the_units_of_responses(width, phi):
    y, power = np.array([0.3, 1.0, 4.0]), 1.3
    family = FixedTweedie(power=power)
    one = family.log_density(family.prepare(y), (np.zeros(1), np.log([phi])))
    eta = np.log([width]), np.log([phi * width ** (2.0 - power)])
    other = family.log_density(family.prepare(width * y), eta)
    assert_allclose(other.value + np.log(width), one.value, rtol=1e-9)


@pytest.mark.parametrize("df", [0.3, 3.0, 19.0, 21.0, 1e3, 1e7])
def test_the_norm_of_a_student_t_has_its_digits(df):
    def exact(log_df):
        v = mpmath.exp(log_df)
        both = mpmath.loggamma((v + 1) / 2) - mpmath.loggamma(v / 2)
        return both - mpmath.log(v * mpmath.pi) / 2

    found = [each[0] for each in log_student_norm(np.log([df]), 3)]
    with mpmath.workdps(60):
        expected = [float(mpmath.diff(exact, mpmath.mpf(float(np.log(df))), k)) for k in range(4)]
    assert_allclose(found, expected, rtol=1e-10)


def test_a_student_t_of_many_degrees_of_freedom_is_normal():
    family, y = StudentT(), np.array([-3.0, 0.1, 2.0])
    found = family.log_density(family.prepare(y), (np.zeros(1), np.zeros(1), np.array([25.0])), 3)
    assert_allclose(found.value, -0.5 * y**2 - 0.5 * np.log(2.0 * np.pi), rtol=1e-9)
    expected = np.exp(-25.0) * (1.0 + 2.0 * y**2 - y**4) / 4.0  # of the log density in log df
    assert_allclose(found.grad[2], expected, rtol=1e-6)


def test_a_student_t_has_no_variance_up_to_two_degrees_of_freedom():
    eta = np.zeros(1), np.zeros(1), np.log([0.5, 2.0, 4.0])
    assert_allclose(StudentT().variance(eta), [np.inf, np.inf, 2.0])
    assert_allclose(StudentT().mean(eta), 0.0)


# Fits


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_answers_are_those_of_glmmtmb(case, data):
    kind, _, second = case["name"].partition(", ")
    make, y = MODELS[kind]
    model = make("x + (1 | g)", **({second: "x"} if second else {})).fit(data, data[y])
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-6)
    estimates = np.r_[model.intercept_, model.coef_]
    assert (np.abs(estimates - case["fixed"]) < 1e-3 * np.array(case["std_error"])).all()
    assert_allclose(np.sqrt(np.diag(model.vcov()))[:2], case["std_error"], rtol=5e-3)
    spread = model.dispersion_coef_ if kind == "tweedie" else model.scale_coef_
    assert_allclose(spread, np.atleast_1d(case["dispersion"]), atol=1e-3)
    assert_allclose(model.power_ if kind == "tweedie" else model.df_, case["shape"], rtol=1e-3)
    assert_allclose(model.variance_components()["sd"], case["sd"], rtol=1e-3)


@pytest.mark.parametrize("width", [1e-6, 1e6])
def test_amounts_in_other_units_have_the_same_model(width, data, amounts):
    other = TweedieGLMMRegressor("x + (1 | g)").fit(data, width * data["y"])
    jacobian = np.log(width) * (data["y"] > 0).sum()
    assert_allclose(other.log_likelihood_ + jacobian, amounts.log_likelihood_, atol=1e-6)
    assert_allclose([other.power_, *other.coef_], [amounts.power_, *amounts.coef_], atol=1e-6)
    moved = other.dispersion_coef_ - (2.0 - other.power_) * np.log(width)
    assert_allclose(moved, amounts.dispersion_coef_, atol=1e-5)
    assert_allclose(other.predict(data), width * amounts.predict(data), rtol=1e-6)
    assert other.n_iter_ <= amounts.n_iter_ + 3


def test_a_known_power_is_a_special_case_of_an_estimated_one(data, amounts):
    known = TweedieGLMMRegressor("x + (1 | g)", power=amounts.power_).fit(data, data["y"])
    assert_allclose(known.log_likelihood_, amounts.log_likelihood_, atol=1e-7)
    assert known.n_params_ == amounts.n_params_ - 1
    assert Tweedie().contains(known.fit_.family)


def test_zeros_of_amounts_have_the_probability_of_no_part(data, amounts):
    none = amounts.predict_proba_zero(data)
    number = amounts.predict(data) ** (2.0 - amounts.power_) / (2.0 - amounts.power_)
    assert_allclose(none, np.exp(-number / np.exp(amounts.dispersion_coef_[0])), rtol=1e-9)
    quantiles = amounts.predict_quantile(data, [0.5 * none.min(), 0.5])
    assert (quantiles[:, 0] == 0.0).all()
    assert (quantiles[:, 1] >= 0.0).all()


def test_one_response_far_away_hardly_moves_a_student_t(data):
    z = data["z"].to_numpy().copy()
    z[5] = 1e4
    model = StudentTGLMMRegressor("x + (1 | g)").fit(data, z)
    assert model.converged_
    assert_allclose(model.coef_, 0.5, atol=0.2)


# Odd responses


def test_amounts_that_are_all_zero_are_refused(data):
    with pytest.raises(ValueError, match="all 240 responses are 0"):
        TweedieGLMMRegressor("x").fit(data, 0.0 * data["y"])


def test_counts_are_told_to_be_like_the_end_of_the_powers(data):
    counts = np.random.default_rng(0).poisson(3.0, len(data))
    with pytest.warns(UserWarning, match="power goes to 1.01"):
        model = TweedieGLMMRegressor("x").fit(data, counts)
    assert model.converged_


def test_amounts_without_zeros_that_vary_more_are_told_to_be_like_gamma_variables(data):
    y = np.random.default_rng(0).wald(1.0, 1.0, len(data))
    with pytest.warns(UserWarning, match="GammaGLMMRegressor"):
        assert TweedieGLMMRegressor("x").fit(data, y).power_ > 1.98


def test_normal_responses_are_told_to_have_no_heavy_tails(data):
    y = np.random.default_rng(3).uniform(size=len(data))
    with pytest.warns(UserWarning, match="LMMRegressor"):
        assert StudentTGLMMRegressor("x").fit(data, y).df_ > 1e5


@pytest.mark.parametrize(
    "model", [TweedieGLMMRegressor("x", power=2.5), StudentTGLMMRegressor("x", df=0)]
)
def test_shapes_that_are_impossible_are_refused(model, data):
    with pytest.raises(ValueError, match="must be None, which estimates"):
        model.fit(data, data["y"])


def test_a_profile_of_the_power_ends_where_its_range_does():
    rng = np.random.default_rng(9)
    X = pd.DataFrame({"x": rng.normal(size=60)})
    y = rng.gamma(2.0, np.exp(0.5 * X["x"]))  # as good as a power of 2
    model = TweedieGLMMRegressor("x").fit(X, y)
    found = model.confint(X, y, method="profile", parameters=["power"])
    assert found.loc["power", "conf_high"] == 1.99
