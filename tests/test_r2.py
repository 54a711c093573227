"""Explained variance against integrals, simulation and known components."""

import numpy as np
import pandas as pd
import pytest
from family_cases import BETAS, BOUNDARY, name
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import expit, polygamma
from scipy.stats import norm
from test_tidy import FORMULA, simulated

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    GammaGLMMRegressor,
    NegativeBinomialGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.inference.prediction import averages as _shift
from skglmm.inference.prediction import r2 as _r2
from skglmm.inference.prediction.r2 import Shares


@pytest.fixture(scope="module")
def data():
    return simulated()


@pytest.fixture(scope="module")
def model(data):
    return BetaGLMMRegressor(FORMULA, precision="z").fit(*data)


def average(function, eta, sd):
    """The average over a normal linear predictor; the integrand is smooth, 12 sd are all of it."""
    if sd == 0.0:
        return function(eta)
    found = quad(lambda t: function(eta + sd * t) * norm.pdf(t), -12, 12, epsabs=1e-13, limit=200)
    return found[0]


def parts_by_hand(eta, sd, phi):
    """Six variances from the textbook formulas of the beta family, row by row."""
    rows = list(zip(eta, sd, phi, strict=True))
    mean = np.array([average(expit, e, s) for e, s, _ in rows])
    square = np.array([average(lambda t: expit(t) ** 2, e, s) for e, s, _ in rows])
    within = [average(lambda t, p=p: expit(t) * expit(-t) / (1 + p), e, s) for e, s, p in rows]

    def working(t, p):
        mu, nu = expit(t), expit(-t)
        trigammas = polygamma(1, mu * p) + polygamma(1, nu * p)
        return 1 / (p**2 * mu**2 * nu**2 * trigammas)

    of_z = [average(lambda t, p=p: working(t, p), e, s) for e, s, p in rows]
    latent = np.var(eta), np.mean(np.square(sd)), np.mean(of_z)
    return latent, (np.var(mean), np.mean(square - mean**2), np.mean(within))


def as_tuple(shares):
    return shares.fixed, shares.random, shares.residual


def spreads(model, X):
    """Standard deviation of the random effects of each row: z' Sigma z, summed over factors."""
    variance = np.zeros(len(X))
    for _, part in model.variance_components().groupby("group"):
        sd, corr = part["sd"].to_numpy(), part["corr"].to_numpy()[-1]
        variance += sd[0] ** 2 + 2 * X["x"] * corr * sd.prod() + (sd[1] * X["x"]) ** 2
    return np.sqrt(variance)


def test_slopes_of_two_factors_and_a_covariate_of_the_precision_by_quadrature(model, data):
    rows = data[0].iloc[::25]  # few integrals
    found = _r2.r_squared(model.fit_, model._spec.build(rows))
    eta = model.intercept_ + rows[["x", "z"]].to_numpy() @ model.coef_
    phi = np.exp(model.precision_coef_[0] + model.precision_coef_[1] * rows["z"])
    latent, response = parts_by_hand(eta, spreads(model, rows), phi)
    assert_allclose(as_tuple(found.latent), latent, rtol=1e-8)
    assert_allclose(as_tuple(found.response), response, rtol=1e-8)


def test_the_parts_add_up_to_the_variance_of_simulated_responses(model, data):
    X, y = data
    draws = model.sample_y(X, n_samples=2000, random_state=0, random_effects="new")
    shares = model.r2(X, y).response
    # 60 groups in each of 2000 draws: a standard error of half a percent
    assert_allclose(sum(as_tuple(shares)), draws.var(), rtol=0.015)
    assert_allclose(shares.fixed, draws.mean(axis=1).var(), rtol=0.03)
    assert_allclose(shares.random + shares.residual, draws.var(axis=1).mean(), rtol=0.015)


def test_known_components_are_found_again():
    """Random intercepts and slopes of 400 groups: latent parts are 0.36, 0.49 + 0.16."""
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(400), 30), rng.choice([-1.0, 1.0], size=12000)
    sd, phi = np.array([0.7, 0.4]), 9.0
    b = rng.normal(size=(400, 2)) * sd
    eta = 0.4 + b[g, 0] + (0.6 + b[g, 1]) * x
    X = pd.DataFrame({"x": x, "g": g.astype(str)})
    y = rng.beta(phi * expit(eta), phi * expit(-eta))
    model = BetaGLMMRegressor("x + (x || g)", inference=False).fit(X, y)
    fixed, spread = 0.4 + 0.6 * np.array([-1.0, 1.0]), np.full(2, np.hypot(*sd))
    latent, response = parts_by_hand(fixed, spread, np.full(2, phi))
    assert_allclose(latent[:2], [0.36, 0.65])
    found = model.r2(X, y)
    for shares, (f, r, e) in ((found.latent, latent), (found.response, response)):
        # 400 groups know a variance to 7 %, and so a share of half to 0.02
        assert_allclose(shares.marginal, f / (f + r + e), atol=0.03)
        assert_allclose(shares.conditional, (f + r) / (f + r + e), atol=0.03)
        assert_allclose(shares.icc, r / (r + e), atol=0.03)


def test_without_random_effects_marginal_is_conditional(data):
    X, y = data
    model = BetaGLMMRegressor("x + z").fit(X, y)
    eta = model.intercept_ + X[["x", "z"]].to_numpy() @ model.coef_
    phi = np.full(len(X), np.exp(model.precision_coef_[0]))
    found = model.r2(X, y)
    parts = parts_by_hand(eta, np.zeros(len(X)), phi)
    for shares, expected in zip((found.latent, found.response), parts, strict=True):
        assert_allclose(as_tuple(shares), expected, rtol=1e-9, atol=1e-15)
        assert shares.marginal == shares.conditional
        assert shares.icc == 0.0


def test_without_fixed_effects_marginal_is_zero(data):
    X, y = data
    found = BetaGLMMRegressor("1 + (1 | range)").fit(X, y).r2(X, y)
    for shares in (found.latent, found.response):
        assert_allclose(shares.marginal, 0.0, atol=1e-15)
        assert_allclose(shares.conditional, shares.icc)
        assert shares.icc > 0.1


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
def test_shares_are_shares_however_extreme_the_means_are(link):
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(30), 10), rng.normal(size=300)
    mu = expit(5 * rng.normal(size=30)[g] + 2 * x)
    y = rng.beta(2 * mu + 0.05, 2 * (1 - mu) + 0.05).clip(1e-12, 1 - 1e-12)
    X = pd.DataFrame({"x": x, "g": g.astype(str)})
    found = BetaGLMMRegressor("x + (1 | g)", link=link).fit(X, y).r2(X, y).to_frame()
    shares = found[["marginal", "conditional", "icc"]].to_numpy()
    assert np.all((shares > 0) & (shares < 1))
    assert np.all(found["marginal"] < found["conditional"])


def test_an_offset_counts_as_a_fixed_effect(data):
    X, y = data
    model = BetaGLMMRegressor("x + (1 | range)", offset="z").fit(X, y)
    eta = model.intercept_ + model.coef_[0] * X["x"] + X["z"]
    assert_allclose(model.r2(X, y).latent.fixed, np.var(eta))


def test_bounds_scale_the_variances_of_the_response_alone(data, model):
    X, y = data
    wide = BetaGLMMRegressor(FORMULA, precision="z", bounds=(-50, 150)).fit(X, 200 * y - 50)
    found, expected = wide.r2(X, 200 * y - 50), model.r2(X, y)
    assert_allclose(as_tuple(found.latent), as_tuple(expected.latent), rtol=1e-4)
    response = np.array(as_tuple(expected.response))
    assert_allclose(as_tuple(found.response), 200**2 * response, rtol=1e-4)


def test_a_weight_of_two_is_the_row_twice(data):
    X, y = data
    weights = np.resize([1.0, 2.0, 0.0], len(X))
    twice = np.repeat(np.arange(len(X)), weights.astype(int))
    model = BetaGLMMRegressor("x + (1 | range)")
    one = model.fit(X, y, sample_weight=weights).r2(X, y, sample_weight=weights)
    both = X.iloc[twice].reset_index(drop=True), y[twice]
    two = model.fit(*both).r2(*both)
    assert_allclose(as_tuple(one.latent), as_tuple(two.latent), rtol=1e-6)
    assert_allclose(as_tuple(one.response), as_tuple(two.response), rtol=1e-6)


def test_slices_of_rows_change_nothing(data, model, monkeypatch):
    before = model.r2(*data)
    monkeypatch.setattr(_shift, "CELLS", 1000)
    after = model.r2(*data)
    assert_allclose(as_tuple(after.latent), as_tuple(before.latent), rtol=1e-12)
    assert_allclose(as_tuple(after.response), as_tuple(before.response), rtol=1e-12)


def test_rows_other_than_those_of_fit_are_refused(data, model):
    X, y = data
    with pytest.raises(ValueError, match="not those of fit"):
        model.r2(X.head(100), y[:100])
    with pytest.raises(ValueError, match="X is not that of fit"):
        model.r2(X.assign(x=X["x"] + 1), y)


def test_the_record_is_a_table_a_text_and_html(data, model):
    found = model.r2(*data)
    frame = found.to_frame()
    assert list(frame.index) == ["latent", "response"]
    assert frame.loc["latent", "icc"] == found.latent.icc
    assert frame.loc["response", "var_random"] == found.response.random
    line = f"latent {found.latent.marginal:.4f} {found.latent.conditional:.4f}"
    assert line in " ".join(str(found).split())
    assert repr(found) == str(found)
    assert f"<td>{found.response.icc:.4f}</td>" in found._repr_html_()


def test_rows_of_weight_zero_may_have_levels_that_fit_did_not_keep(data):
    X, y = data
    weights = np.where(np.arange(len(X)) < 5, 0.0, 1.0)
    rows = X.assign(half=np.where(weights == 0, "rare", np.resize(["a", "b"], len(X))))
    model = BetaGLMMRegressor("x + half + (1 | range)").fit(rows, y, sample_weight=weights)
    found = model.r2(rows, y, sample_weight=weights)
    assert as_tuple(found.latent) == as_tuple(model.r2(rows.iloc[5:], y[5:]).latent)


def test_shares_of_nothing_are_nan_and_those_beside_an_infinite_residual_are_zero():
    nothing = Shares(0.0, 0.0, 0.0)
    assert np.isnan([nothing.marginal, nothing.conditional, nothing.icc]).all()
    endless = Shares(0.3, 0.2, np.inf)
    assert (endless.marginal, endless.conditional, endless.icc) == (0.0, 0.0, 0.0)
    assert np.isnan(Shares(0.3, np.inf, np.inf).conditional)


@pytest.mark.parametrize("family", [*BETAS, *BOUNDARY], ids=name)
def test_no_part_of_a_variance_is_negative_wherever_the_predictors_are(family):
    rng, n = np.random.default_rng(3), 200
    eta = [rng.normal(size=n) * 10.0 ** rng.uniform(-1.0, 2.5, n) for _ in family.links]
    eta = [np.minimum(each, top) for each, top in zip(eta, family.ceilings, strict=True)]
    assert (family.variance(eta) >= 0.0).all()
    assert (family.expected_information(eta)[0] >= 0.0).all()


@pytest.mark.parametrize(
    "parts", [(0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, np.inf, np.inf), (3, 0, 0)]
)
def test_shares_are_between_0_and_1_or_missing(parts):
    found = Shares(*parts)
    for share in (found.marginal, found.conditional, found.icc):
        assert np.isnan(share) or 0.0 <= share <= 1.0


@pytest.mark.parametrize(
    ("link", "variance"),
    [("logit", np.pi**2 / 3), ("probit", 1.0), ("cloglog", np.pi**2 / 6), ("cauchit", np.inf)],
)
def test_classes_have_the_variance_of_what_lies_behind_them(link, variance):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=600), "g": np.arange(600) // 20})
    eta = X["x"] + rng.normal(0, 2, 30)[X["g"]]
    y = (eta + rng.logistic(size=600) > 0).to_numpy()
    model = BinomialGLMMClassifier("x + (1 | g)", link=link).fit(X, y)
    latent = model.r2(X, y).latent
    assert latent.residual == pytest.approx(variance)
    between = model.variance_components()["sd"].iloc[0] ** 2
    assert latent.icc == pytest.approx(between / (between + variance) if variance < np.inf else 0.0)
    rating = np.digitize(eta + rng.logistic(size=600), [-1, 1])
    rated = OrdinalGLMMClassifier("x + (1 | g)", link=link).fit(X, rating)
    assert rated.r2(X, rating).latent.residual == pytest.approx(variance)


# Variances of logarithms (Nakagawa, Johnson & Schielzeth 2017, tables 1 and 2, at the mean)


def counts():
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"x": rng.normal(size=400), "g": np.arange(400) // 20})
    mean = np.exp(0.6 + 0.4 * X["x"] + rng.normal(0, 0.5, 20)[X["g"]])
    return X, rng.negative_binomial(2.0, 2.0 / (2.0 + mean)), mean.to_numpy(), rng


def squared_variation(model, mean):
    """By hand: of Poisson counts, negative binomial ones, and gamma responses."""
    dispersion = np.exp(model.fit_.beta[1][0]) if len(model.fit_.beta) > 1 else 0.0
    if isinstance(model, GammaGLMMRegressor):
        return dispersion
    linear = getattr(model, "variance", "") == "linear"
    return (1 + dispersion) / mean if linear else 1 / mean + dispersion


@pytest.mark.parametrize(
    "model",
    [
        PoissonGLMMRegressor("x + (1 | g)", inference=False),
        NegativeBinomialGLMMRegressor("x + (1 | g)", inference=False),
        NegativeBinomialGLMMRegressor("x + (1 | g)", variance="linear", inference=False),
        GammaGLMMRegressor("x + (1 | g)", inference=False),
    ],
    ids=["poisson", "quadratic", "linear", "gamma"],
)
def test_variances_of_logarithms_are_those_of_the_textbook(model):
    X, y, mean, rng = counts()
    if isinstance(model, GammaGLMMRegressor):
        y = mean * rng.gamma(3.0, 1 / 3.0, size=400)
    model.fit(X, y)
    c = squared_variation(model, np.mean(model.predict(X, kind="marginal")))
    for method, variance in (
        ("delta", c),
        ("lognormal", np.log1p(c)),
        ("trigamma", polygamma(1, 1 / c)),
    ):
        found = model.r2(X, y, method=method)
        assert_allclose(found.latent.residual, variance, rtol=1e-7)
        assert found.response == model.r2(X, y).response
        assert f"residual variance by {method}" in str(found)


def test_extra_zeros_are_part_of_the_variance_of_a_logarithm():
    X, y, mean, rng = counts()
    y = rng.poisson(mean) * (rng.random(400) > 0.3)
    model = PoissonGLMMRegressor("x + (1 | g)", zero="1", inference=False).fit(X, y)
    found = model.r2(X, y, method="delta").latent.residual
    overall = np.mean(model.predict(X, kind="marginal"))
    odds = np.exp(model.zero_coef_[0])  # V / m**2 of zeros beside counts with the mean m / (1 - pi)
    assert_allclose(found, 1 / overall + odds, rtol=1e-7)


def test_models_without_a_log_link_have_no_variance_of_logarithms(model, data):
    with pytest.raises(ValueError, match="does not grow in proportion"):
        model.r2(*data, method="lognormal")
    X, y, *_ = counts()
    truncated = PoissonGLMMRegressor("x", truncated=True).fit(X[y > 0], y[y > 0])
    with pytest.raises(ValueError, match="without truncation"):
        truncated.r2(X[y > 0], y[y > 0], method="delta")
    with pytest.raises(ValueError, match="method='log'"):
        truncated.r2(X[y > 0], y[y > 0], method="log")
