"""Generalized linear mixed models by REML, against glmmTMB, mgcv and dense algebra."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit
from sklearn.base import clone

from skglmm import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    GammaGLMMRegressor,
    LMMRegressor,
    LognormalGLMMRegressor,
    MultinomialGLMMClassifier,
    NegativeBinomialGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
    StudentTGLMMRegressor,
)
from skglmm.estimators.reading.study import study_of
from skglmm.exceptions import DesignError
from skglmm.inference import cluster_scores
from skglmm.inspection import influence
from skglmm.model_selection import compare, likelihood_ratio_test

CASES = json.loads((REFERENCE / "generalized_restricted.json").read_text(encoding="utf-8"))
N_GROUPS, N_ROWS = 20, 8
N = N_GROUPS * N_ROWS
G = np.repeat(np.arange(N_GROUPS), N_ROWS)


def spread(step, n):
    """Evenly spread probabilities, as generalized_restricted.R has them."""
    return step * np.arange(1, n + 1) % 1


X = pd.DataFrame({"x": np.sin(1.7 * np.arange(1, N + 1)), "g": G, "trials": 6})


def responses():
    x, p, z = X["x"].to_numpy(), spread(0.44948974278, N), spread(0.31662479036, N)
    b = stats.norm.ppf([spread(step, N_GROUPS) for step in (0.61803398875, 0.23606797750)])[:, G]
    eta = 0.3 + 0.5 * x + 0.7 * b[0] + 0.8 * b[1] * x
    poisson = stats.poisson.ppf(p, np.exp(eta))
    beta = stats.beta.ppf(p, 8 * expit(eta), 8 * expit(-eta))
    return {
        "poisson": poisson,
        "zeros": np.where(z < 0.25, 0, poisson),
        "nbinom2": stats.nbinom.ppf(p, 3, 3 / (3 + np.exp(1 + eta))),
        "binomial": stats.binom.ppf(p, 6, expit(eta)),
        "beta": beta,
        "betabinomial": stats.binom.ppf(z, 6, beta),
        "gamma": stats.gamma.ppf(p, 4, scale=np.exp(eta) / 4),
        "t": eta + 0.5 * stats.t.ppf(p, 5),
    }


Y = responses()
SLOPES = {"formula": "x + (x | g)", "reml": True}
MODELS = {
    "poisson": PoissonGLMMRegressor(**SLOPES),
    "zeros": PoissonGLMMRegressor(**SLOPES, zero="1"),
    "nbinom2": NegativeBinomialGLMMRegressor(**SLOPES),
    "binomial": BinomialGLMMRegressor(**SLOPES, trials="trials"),
    "beta": BetaGLMMRegressor(**SLOPES),
    "betabinomial": BetaBinomialGLMMRegressor(**SLOPES, trials="trials"),
    "gamma": GammaGLMMRegressor(**SLOPES),
    "t": StudentTGLMMRegressor(**SLOPES),
}


@pytest.mark.parametrize("case", CASES["fits"], ids=lambda case: case["name"])
def test_a_fit_is_that_of_glmmtmb(case):
    model = MODELS[case["name"]].fit(X, Y[case["name"]])
    errors, own = np.array(case["std_error"]), np.sqrt(np.diag(model.vcov()))[:2]
    found = model.variance_components()
    mean = np.array([model.intercept_, *model.coef_])
    assert model.converged_
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-7)
    assert_allclose(mean / errors, case["mean"] / errors, atol=1e-6)
    assert_allclose(own, errors, rtol=1e-6)
    assert_allclose(found["sd"], case["sds"], rtol=1e-6)
    assert_allclose(found["corr"].dropna(), case["corr"], atol=1e-6)


@pytest.mark.parametrize("case", CASES["smooths"], ids=lambda case: case["name"])
def test_a_fit_is_that_of_mgcv(case):
    model = MODELS[case["name"]]
    model = clone(model).set_params(formula="x + (1 | g)").fit(X, Y[case["name"]])
    mean = np.array([model.intercept_, *model.coef_])
    errors, sd = np.sqrt(np.diag(model.vcov()))[:2], model.variance_components()["sd"][0]
    assert_allclose(model.log_likelihood_, case["log_likelihood"], atol=1e-7)
    assert_allclose(mean / errors, case["mean"] / errors, atol=1e-6)
    assert_allclose(sd, case["sd"], rtol=1e-6)


RATINGS = np.digitize(Y["t"], [-0.5, 0.3, 1.2])
PLAIN = {
    "counts and zeros": (PoissonGLMMRegressor("x", zero="1", reml=True), Y["zeros"]),
    "ordered": (OrdinalGLMMClassifier("x", reml=True), RATINGS),
    "unordered": (MultinomialGLMMClassifier("x", reml=True), RATINGS),
}


@pytest.mark.parametrize("name", PLAIN)
def test_without_random_effects_it_is_the_integral_at_the_maximum(name):
    model, y = PLAIN[name]
    frame = X.assign(x=X["x"] - X["x"].mean())  # thresholds are held where it is 0
    model = clone(model).fit(frame, y)
    result, places = model.fit_, [(k, j) for k in model.fit_.integrated for j in (0, 1)]
    places = [(k, j) for k, j in places if j < len(result.beta[k])]

    def log_likelihood(move):
        beta = [part.copy() for part in result.beta]
        for (k, j), step in zip(places, move, strict=True):
            beta[k][j] += step
        model.fit_ = replace(result, beta=tuple(beta))
        return model.log_density(frame, y).sum()

    h = 1e-3 * np.eye(len(places))
    ends = [
        [[log_likelihood(s * a + t * b) for s in (1, -1)] for t in (1, -1)] for a, b in pairs(h)
    ]
    second = [(e[0][0] - e[0][1] - e[1][0] + e[1][1]) / 4e-6 for e in ends]
    information = -np.reshape(second, h.shape)
    volume = 0.5 * len(h) * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(information)[1]
    assert_allclose(model.log_likelihood_, log_likelihood(0.0 * h[0]) + volume, atol=1e-5)


def pairs(units):
    return [(a, b) for a in units for b in units]


def test_lognormal_regression_is_the_linear_mixed_model_of_logarithms():
    y = Y["gamma"]
    model = LognormalGLMMRegressor("x + (1 | g)", reml=True).fit(X, y)
    linear = LMMRegressor("x + (1 | g)").fit(X, np.log(y))
    expected = linear.log_likelihood_ - np.log(y).sum()
    assert_allclose(model.log_likelihood_, expected, rtol=1e-12)
    assert_allclose(model.vcov("all"), linear.vcov("all"), rtol=1e-6, atol=1e-12)
    assert_allclose(model.tidy(df="kenward-roger")["df"], linear.tidy(df="kenward-roger")["df"])


@pytest.fixture(scope="module")
def ordered():
    """Fits to ratings, with a column that is centered and one far from zero."""
    far = X.assign(x=X["x"] + 3.0)
    model = OrdinalGLMMClassifier("x + (1 | g)", reml=True)
    return [(frame, clone(model).fit(frame, RATINGS)) for frame in (X, far)]


def test_where_columns_begin_does_not_matter_beside_thresholds(ordered):
    (_, near), (_, far) = ordered
    assert_allclose(far.log_likelihood_, near.log_likelihood_, rtol=1e-10)
    assert_allclose(far.coef_, near.coef_, rtol=1e-6)
    assert_allclose(far.thresholds_ - 3.0 * far.coef_, near.thresholds_, rtol=1e-6, atol=1e-7)
    assert_allclose(far.vcov().loc["x", "x"], near.vcov().loc["x", "x"], rtol=1e-5)


def test_thresholds_have_profiles_of_maximum_likelihood(ordered):
    frame, model = ordered[1]
    plain = clone(model).set_params(reml=False).fit(frame, RATINGS)
    found, expected = (
        each.confint(frame, RATINGS, method="profile", parameters=model.threshold_names_[:1])
        for each in (model, plain)
    )
    assert_allclose(
        found[["conf_low", "conf_high"]], expected[["conf_low", "conf_high"]], rtol=1e-5
    )


@pytest.fixture(scope="module")
def counts():
    return PoissonGLMMRegressor("x + (1 | g)", reml=True).fit(X, Y["poisson"])


def test_robust_errors_of_many_groups_are_about_those_of_maximum_likelihood(counts):
    plain = clone(counts).set_params(reml=False).fit(X, Y["poisson"])
    found, expected = (each.confint(X, Y["poisson"], method="sandwich") for each in (counts, plain))
    widths = [(each["conf_high"] - each["conf_low"]).iloc[:2] for each in (found, expected)]
    assert_allclose(*widths, rtol=0.05)


def test_scores_of_clusters_add_up_to_nothing(counts):
    study = study_of(counts, X, Y["poisson"])
    scores = cluster_scores(counts.fit_, study, X["g"].to_numpy())
    assert np.abs(scores).max() > 0.5
    assert_allclose(scores.sum(axis=0), 0.0, atol=1e-5)


def test_influences_are_those_of_fits_without_a_level(counts):
    found = influence(counts, X, Y["poisson"]).iloc[4]
    kept = (X["g"].astype(str) != str(found["level"])).to_numpy()
    without = clone(counts).fit(X[kept], Y["poisson"][kept])
    errors = np.sqrt(np.diag(counts.vcov("all")))[:2]
    moved = [without.intercept_ - counts.intercept_, *(without.coef_ - counts.coef_)]
    assert_allclose(found[["Intercept", "x"]].astype(float), moved / errors, atol=0.03)


def test_fits_with_other_fixed_effects_are_compared_by_maximum_likelihood(counts):
    smaller = clone(counts).set_params(formula="1 + (1 | g)").fit(X, Y["poisson"])
    with pytest.raises(ValueError, match=r"fixed effects of the mean differ in 'x'; .* reml=False"):
        likelihood_ratio_test(smaller, counts)
    found = likelihood_ratio_test(smaller, counts, X, Y["poisson"], refit=True)
    plain = [clone(m).set_params(reml=False).fit(X, Y["poisson"]) for m in (smaller, counts)]
    assert_allclose(found.statistic, likelihood_ratio_test(*plain).statistic, rtol=1e-6)
    table = compare(smaller, counts, X=X, y=Y["poisson"], refit=True)
    assert_allclose(table["aic"], compare(*plain)["aic"], rtol=1e-8)


@pytest.mark.parametrize("width", [0.01, 1.0])
def test_separated_responses_are_refused_however_far_the_search_went(width):
    x = np.where(X["x"] > 0, width, -width) * (1.0 + X["x"] ** 2)
    model = BinomialGLMMClassifier("x + (1 | g)", reml=True)
    with pytest.raises(DesignError, match=r"mean cannot be integrated out .* reml=False"):
        model.fit(X.assign(x=x), np.where(X["x"] > 0, "yes", "no"))


def test_quadrature_and_reml_are_not_taken_together():
    model = PoissonGLMMRegressor("x + (1 | g)", reml=True, n_quadrature=5)
    with pytest.raises(DesignError, match="take one of the two, reml=False or n_quadrature=1"):
        model.fit(X, Y["poisson"])


def test_reml_is_a_flag():
    with pytest.raises(TypeError, match="reml='yes' must be True or False"):
        PoissonGLMMRegressor("x + (1 | g)", reml="yes").fit(X, Y["poisson"])
