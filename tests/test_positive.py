"""Positive responses: against R, in any units, with zeros and links, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import gamma, norm

from skglmm import (
    GammaGLMMRegressor,
    InverseGaussianGLMMRegressor,
    LMMRegressor,
    LognormalGLMMRegressor,
)
from skglmm.families import InverseGaussian
from skglmm.inference import notes
from skglmm.inference.prediction.averages import NormalShift, averages
from skglmm.model_selection import compare
from skglmm.multioutput import fit_many

REFERENCE = Path(__file__).with_name("reference")
ANSWERS = json.loads((REFERENCE / "positive.json").read_text(encoding="utf-8"))
KINDS = {
    "Gamma": GammaGLMMRegressor,
    "ziGamma": GammaGLMMRegressor,
    "gaussian": LognormalGLMMRegressor,
}
EVERY = (GammaGLMMRegressor, InverseGaussianGLMMRegressor, LognormalGLMMRegressor)
FORMULA = "x + (1 | group)"
every = pytest.mark.parametrize("kind", EVERY)


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(REFERENCE / "simulated_positive.csv")


@pytest.fixture(scope="module")
def models(data):
    made = {kind: kind(FORMULA) for kind in EVERY}
    made["inverse"] = GammaGLMMRegressor(FORMULA, link="inverse")
    made["hurdle"] = GammaGLMMRegressor(FORMULA, zero="z")
    return {name: model.fit(data, amounts(data, name)) for name, model in made.items()}


def amounts(data, name):
    columns = {"inverse": "duration", "hurdle": "zeros"}
    return data[columns.get(name, "amount")].to_numpy()


# The answers of R


def made(case):
    """The estimator of a case of positive.R, and by what sign and shift its spread is R's."""
    kind, options = KINDS[case["family"]], {}
    if kind is GammaGLMMRegressor:
        options["link"] = case["link"]
    name = "dispersion" if kind is GammaGLMMRegressor else "scale"
    options[name] = case["dispersion_formula"].removeprefix("~ ")
    if case["zero_formula"] != "~ 0":
        options["zero"] = case["zero_formula"].removeprefix("~ ")
    # of glmmTMB the logarithms of shapes, and of variances of normal responses
    return kind(case["mean_formula"].removeprefix("~ "), **options), -1 if kind in EVERY[
        :1
    ] else 0.5


@pytest.mark.parametrize("case", ANSWERS["fits"], ids=lambda c: f"{c['response']}-{c['link']}")
def test_a_fit_is_that_of_glmmtmb(data, case):
    model, power = made(case)
    model.fit(data, data[case["response"]])
    spread = {part: np.atleast_1d(case["dispersion"][part]) for part in ("estimate", "std_error")}
    zero = {part: np.atleast_1d(case["zero"][part]) for part in ("estimate", "std_error")}
    parts = [
        case["mean"],
        {"estimate": power * spread["estimate"], "std_error": abs(power) * spread["std_error"]},
        zero,
    ]
    estimates, errors = (
        np.concatenate([part[what] for part in parts]) for what in ("estimate", "std_error")
    )
    assert model.converged_
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-6)
    assert_allclose((np.concatenate(model.fit_.beta) - estimates) / errors, 0.0, atol=1e-4)
    assert_allclose(np.sqrt(np.diag(model.vcov())), errors, rtol=1e-4)
    first = model.variance_components()["sd"].iloc[0]
    assert_allclose(first, np.exp(np.atleast_1d(case["theta"])[0]), rtol=1e-4)


@pytest.mark.parametrize("case", ANSWERS["passage"], ids=lambda c: c["link"])
def test_an_inverse_gaussian_fit_without_groups_is_that_of_glm(data, case):
    link = {"1/mu^2": "inverse-squared"}.get(case["link"], case["link"])
    model = InverseGaussianGLMMRegressor("x", link=link).fit(data, data["passage"])
    error = np.array(case["std_error"])
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-6)
    assert_allclose((model.fit_.beta[0] - case["estimate"]) / error, 0.0, atol=1e-4)
    assert_allclose(np.exp(model.dispersion_coef_), case["dispersion"], rtol=1e-5)


# Integrals


def test_a_likelihood_by_quadrature_is_the_integral(data):
    g = np.arange(30) % 3  # effects of three groups are on top of it
    X, y = data.head(30).assign(group=g), data["passage"].head(30).to_numpy() * (1.0 + g)
    model = InverseGaussianGLMMRegressor(FORMULA, n_quadrature=25).fit(X, y)
    eta, sd = model.predict_linear(X, kind="fixed"), model.variance_components()["sd"].iloc[0]
    family, spread = InverseGaussian(), model.dispersion_coef_

    def of_group(rows):
        def integrand(u):
            found = family.log_density(family.prepare(y[rows]), (eta[rows] + sd * u, spread))
            return np.exp(found.value.sum()) * norm.pdf(u)

        return np.log(quad(integrand, -8.0, 8.0, epsrel=1e-12)[0])

    whole = sum(of_group(X["group"].to_numpy() == each) for each in X["group"].unique())
    assert_allclose(model.log_likelihood_, whole, rtol=2e-7)  # of 25 points


def test_averages_over_groups_leave_out_what_an_inverse_link_cannot_have(data, models):
    model = models["inverse"]
    eta, sd = model.predict_linear(data.head(2), kind="fixed"), model.variance_components()["sd"][0]

    def weighted(t, center, power):
        return norm.pdf(t) * (center + sd * t) ** -power

    for center, found in zip(eta, model.predict(data.head(2), kind="marginal"), strict=True):
        low = max(-8.0, -0.999 * center / sd)
        parts = [quad(weighted, low, 8.0, (center, power))[0] for power in (1, 0)]
        assert_allclose(found, parts[0] / parts[1], rtol=1e-3)


def test_averages_within_walls_are_over_what_is_possible():
    shift = NormalShift(np.array([1.0, 0.0]), (), np.zeros((2, 1, 0)), walls=((0, 0.0, np.inf),))
    eta = [np.array([0.5, -3.0])]  # the second row is all beyond: as it is
    found = averages(lambda part, _: part[0][None], eta, shift)
    expected = 0.5 + norm.pdf(0.5) / norm.cdf(0.5)  # a truncated normal
    assert_allclose(found, [[expected, -3.0]], rtol=4e-2)  # nodes on both sides of a wall


# Units


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("name", [*EVERY, "inverse", "hurdle"])
def test_units_do_not_matter(data, models, name, factor):
    base, y = models[name], amounts(data, name)
    found = type(base)(**base.get_params()).fit(data, factor * y)
    assert found.n_iter_ == base.n_iter_
    assert_allclose(found.predict(data), factor * base.predict(data), rtol=1e-9)
    loss = np.log(factor) * np.count_nonzero(y)
    assert_allclose(found.log_likelihood_, base.log_likelihood_ - loss, rtol=1e-12)
    pairs = base.fit_.family.rescaled(factor)
    for (unit, shift), there, here in zip(pairs, found.fit_.beta, base.fit_.beta, strict=True):
        assert_allclose(there, unit * here + shift * np.eye(len(here))[0], rtol=1e-7, atol=1e-9)
    sizes = np.repeat([unit for unit, _ in pairs], [len(each) for each in base.fit_.beta])
    errors = np.sqrt(np.diag(base.vcov()))
    assert_allclose(np.sqrt(np.diag(found.vcov())), sizes * errors, rtol=1e-6)


def test_the_dispersion_of_an_inverse_gaussian_is_in_units_of_the_response(data, models):
    y, base = amounts(data, ""), models[InverseGaussianGLMMRegressor]
    there, here = (
        InverseGaussianGLMMRegressor(FORMULA, priors={"dispersion": f"lognormal({center}, 1)"})
        for center in (-8.0, np.log(1e3) - 8.0)
    )
    there.fit(data, 1e3 * y)
    here.fit(data, y)
    assert_allclose(there.dispersion_coef_, here.dispersion_coef_ - np.log(1e3), rtol=1e-7)
    assert not np.allclose(here.dispersion_coef_, base.dispersion_coef_, rtol=1e-4)
    dispersion = float(str(base.summary()).split("\n  dispersion")[1].split()[0])
    assert_allclose(dispersion, np.exp(base.dispersion_coef_[0]), rtol=1e-4)


# Logarithms that are normal


def test_a_lognormal_fit_is_the_linear_mixed_model_of_logarithms(data, models):
    model, y = models[LognormalGLMMRegressor], amounts(data, "")
    other = LMMRegressor(FORMULA, reml=False).fit(data, np.log(y))
    assert_allclose(model.log_likelihood_, other.log_likelihood_ - np.log(y).sum(), rtol=1e-12)
    assert_allclose(np.concatenate(model.fit_.beta), np.concatenate(other.fit_.beta), rtol=1e-9)
    # of 1e-2 on the diagonal: differences of gradients round otherwise on another processor
    assert_allclose(model.vcov(), other.vcov(), rtol=1e-7, atol=1e-11)
    assert_allclose(model.tidy()["df"].dropna(), other.tidy()["df"].dropna(), rtol=1e-5)
    assert_allclose(model.predict_linear(data), other.predict(data), rtol=1e-9)


def test_cross_products_and_rows_give_one_lognormal_fit(data):
    y, weights = data["lognormal"], np.linspace(0.5, 2.0, len(data))
    exact = LognormalGLMMRegressor("x + (x | group)").fit(data, y, weights)
    by_rows = LognormalGLMMRegressor("x + (x | group)", n_quadrature=2).fit(data, y, weights)
    assert_allclose(exact.log_likelihood_, by_rows.log_likelihood_, rtol=1e-9)
    assert_allclose(exact.vcov(), by_rows.vcov(), rtol=1e-5)


def test_many_lognormal_responses_have_the_fits_that_they_have_alone(data):
    Y = data[["amount", "lognormal"]]
    found = fit_many(LognormalGLMMRegressor(FORMULA), data, Y).glance()
    for name, value in zip(Y, found["log_likelihood"], strict=True):
        alone = LognormalGLMMRegressor(FORMULA).fit(data, Y[name])
        assert_allclose(value, alone.log_likelihood_, rtol=1e-10)


def test_a_lognormal_prediction_is_the_mean_not_the_median(data, models):
    model = models[LognormalGLMMRegressor]
    median = np.exp(model.predict_linear(data))
    variance = np.exp(2.0 * model.scale_coef_[0])
    assert_allclose(model.predict(data), median * np.exp(variance / 2.0), rtol=1e-12)
    fixed = np.exp(model.predict_linear(data, kind="fixed"))
    assert_allclose(model.predict_quantile(data, [0.5], kind="fixed")[:, 0], fixed, rtol=1e-9)


# Comparison


def test_distributions_of_one_response_are_compared_by_its_likelihood(data, models):
    y = amounts(data, "")
    normal = LMMRegressor(FORMULA, reml=False).fit(data, y)
    beside_zeros = models["hurdle"]
    every = [normal, *(models[kind] for kind in EVERY)]
    table = compare(*every, names=["normal", "gamma", "inverse Gaussian", "lognormal"])
    assert table["aic"].idxmin() == "gamma"  # of which the responses were drawn
    assert table["aic"].idxmax() == "normal"
    zeros = LMMRegressor(FORMULA, reml=False).fit(data, amounts(data, "hurdle"))
    with pytest.raises(ValueError, match="a real response and a response from 0 on"):
        compare(zeros, beside_zeros)


# Links, exposure, zeros


def test_a_fit_that_does_not_converge_says_that_links_have_an_end(models):
    ends = [replace(models[name].fit_, converged=False) for name in ("inverse", EVERY[0])]
    here, without = ([note.text for note in notes(fit)] for fit in ends)
    assert "With the inverse link means are positive only where linear predictors are" in here[0]
    assert "means are positive" not in without[0]


def test_limits_of_a_decreasing_link_are_in_order_and_hold_the_mean(data, models):
    for kind in ("conditional", "fixed", "marginal"):
        found = models["inverse"].predict_frame(data.head(6), kind=kind)
        low, mean, high = (found[name] for name in ("mean_ci_lower", "mean", "mean_ci_upper"))
        assert ((low < mean) & (mean < high) & (found["mean_se"] > 0.0)).all()


def test_an_exposure_multiplies_the_mean(data):
    X = data.assign(years=np.linspace(0.5, 3.0, len(data)))
    y = X["amount"] * X["years"]
    model = GammaGLMMRegressor(FORMULA, exposure="years").fit(X, y)
    plain = GammaGLMMRegressor(FORMULA).fit(X, X["amount"])
    assert_allclose(model.coef_, plain.coef_, rtol=1e-7)
    assert_allclose(model.predict_rate(X.drop(columns="years")), plain.predict(X), rtol=1e-7)
    assert_allclose(model.predict(X), X["years"] * plain.predict(X), rtol=1e-7)
    with pytest.raises(ValueError, match="exposure 'years' must be positive; 1 of 240"):
        model.fit(X.assign(years=X["years"].where(X.index > 0, 0.0)), y)
    with pytest.raises(ValueError, match="link='inverse' does not"):
        GammaGLMMRegressor(FORMULA, exposure="years", link="inverse").fit(X, y)


@every
def test_a_hurdle_is_a_model_of_zeros_and_one_of_positive_responses(data, kind):
    y = data["zeros"].to_numpy()
    whole = kind(FORMULA, zero="z").fit(data, y)
    inside = kind(FORMULA).fit(data[y > 0.0], y[y > 0.0])
    share = whole.predict_proba_zero(data)
    logs = np.where(y > 0.0, np.log1p(-share), np.log(share)).sum()
    assert_allclose(whole.log_likelihood_, inside.log_likelihood_ + logs, rtol=1e-9)
    assert_allclose(whole.coef_, inside.coef_, rtol=1e-5)
    assert_allclose(whole.predict(data), (1.0 - share) * inside.predict(data), rtol=1e-5)


def test_responses_without_zeros_send_their_probability_to_zero(data, models):
    with pytest.warns(UserWarning, match="no response is 0: .* leave out zero="):
        model = GammaGLMMRegressor(FORMULA, zero="1").fit(data, data["amount"])
    assert_allclose(model.log_likelihood_, models[GammaGLMMRegressor].log_likelihood_, rtol=1e-9)
    assert model.predict_proba_zero(data).max() < 1e-9


def test_nothing_but_zeros_tells_nothing_of_the_rest(data):
    with pytest.raises(ValueError, match="all 240 responses are 0, which says nothing of positive"):
        GammaGLMMRegressor("x", zero="1").fit(data, 0.0 * data["amount"])


# What is refused, and what is odd


@every
def test_zeros_are_counted_and_sent_to_a_hurdle(data, kind):
    y = data["amount"].where(data.index > 2, 0.0)
    with pytest.raises(ValueError, match=r"must be positive; 3 of 240 are zero: 0, 0, 0.*zero='1'"):
        kind(FORMULA).fit(data, y)
    with pytest.raises(ValueError, match=r"1 of 240 is negative: -999.*code of missing values"):
        kind(FORMULA, zero="1").fit(data, y.where(data.index != 7, -999.0))


@pytest.mark.parametrize(("factor", "where"), [(1e120, "beyond 1e100"), (1e-120, "below 1e-100")])
def test_responses_beyond_floating_point_numbers_are_refused(data, factor, where):
    with pytest.raises(ValueError, match=f"240 of 240 are {where}.*ordinary units"):
        GammaGLMMRegressor(FORMULA).fit(data, factor * data["amount"])


@every
def test_constant_responses_leave_no_spread(data, kind):
    with pytest.warns(UserWarning, match="stopped at its smallest value.*almost exactly"):
        model = kind("x").fit(data, np.full(len(data), 3.3))
    assert_allclose(model.predict(data), 3.3, rtol=1e-9)


@every
@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
def test_one_huge_response_among_others_has_a_fit(data, kind):
    y = data["amount"].where(data.index != 5, 1e7)
    model = kind(FORMULA).fit(data, y)
    assert model.converged_
    assert np.isfinite(model.vcov()).all(axis=None)


@every
def test_a_weight_of_two_is_the_row_twice(data, kind):
    X, y = data.head(80), data["amount"].head(80)
    twice = kind("x").fit(pd.concat([X, X]), np.concatenate([y, y]))
    weighted = kind("x").fit(X, y, sample_weight=np.full(80, 2.0))
    assert_allclose(weighted.log_likelihood_, twice.log_likelihood_, rtol=1e-10)
    assert_allclose(weighted.vcov(), twice.vcov(), rtol=1e-6, atol=1e-9)


def test_draws_have_the_distribution_of_the_model(data, models):
    model = models[GammaGLMMRegressor]
    draws = model.sample_y(data.iloc[[0]], 4000, random_state=0).ravel()
    mean, shape = model.predict(data.iloc[[0]])[0], np.exp(-model.dispersion_coef_[0])
    assert_allclose(np.quantile(draws, 0.9), gamma(shape, scale=mean / shape).ppf(0.9), rtol=0.05)


def test_a_link_of_another_family_is_refused(data):
    with pytest.raises(
        ValueError, match="link='inverse-squared' is unknown, expected one of 'log'"
    ):
        GammaGLMMRegressor(FORMULA, link="inverse-squared").fit(data, data["amount"])


def test_summaries_say_what_a_lognormal_is_about(models):
    text = str(models[LognormalGLMMRegressor].summary())
    assert "Lognormal mixed regression of a positive response" in text
    assert "Fixed effects of the median, log scale" in text
    assert_array_equal(models[LognormalGLMMRegressor].fit_.family.predictors, ["median", "scale"])
