"""How far Laplace's likelihood is off: the estimate agrees with brute-force integration."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from integrated import log_likelihood_of_two, log_likelihood_on_grid
from numpy.testing import assert_allclose
from oracles import Bent, Gaussian, Term, design
from scipy.special import expit, logsumexp

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    LMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.covariance import Unstructured
from skglmm.engine import AdaptiveQuadrature, Laplace, bind, expansion
from skglmm.engine.objective import expansion as terms_of
from skglmm.estimators.reading.study_rows import study_rows
from skglmm.families import Bernoulli, Beta, Poisson
from skglmm.fitting import Study, fit, local
from skglmm.inference.diagnosis import approximation_error as estimates
from skglmm.inference.diagnosis.approximation import _in_std_errors
from skglmm.inference.parameters.natural import natural, std_errors

FAMILIES = {"bernoulli": Bernoulli(), "poisson": Poisson(), "beta": Beta()}


def draw(name, eta, rng):
    if name == "bernoulli":
        return (rng.random(len(eta)) < expit(eta)) * 1.0
    if name == "poisson":
        return rng.poisson(np.exp(eta)) * 1.0
    return np.clip(rng.beta(4 * expit(eta), 4 * expit(-eta)), 1e-6, 1 - 1e-6)


def one_factor(name, n_rows, sd, kind="intercept", n_levels=40, seed=1):
    """A problem of one factor, its layout, and the parameters that its responses have."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_levels), n_rows)
    x, one = rng.normal(size=len(g)), np.ones(len(g))
    eta = -0.5 + 0.5 * x + sd * rng.normal(size=n_levels)[g]
    slopes = kind == "slope"
    y = draw(name, eta + slopes * 0.6 * sd * rng.normal(size=n_levels)[g] * x, rng)
    columns = {"intercept": (one,), "slope": (one, x), "precision": (one, one)}[kind]
    feeds = (0, 1) if kind == "precision" else None
    term = Term("g", g, columns, Unstructured(len(columns)), predictors=feeds)
    rows = design([[one, x]] + [[one]] * (name == "beta"), term)
    theta = [sd] if kind == "intercept" else [sd, 0.2 * sd, 0.6 * sd]
    vector = np.array([-0.5, 0.5, *[np.log(4.0)] * (name == "beta"), *theta])
    return bind(rows, y, None, FAMILIES[name]), rows.layout, vector


def two_factors(name, g, h, sds, seed=2):
    rng = np.random.default_rng(seed)
    x, one = rng.normal(size=len(g)), np.ones(len(g))
    effects = [
        sd * rng.normal(size=codes.max() + 1)[codes] for sd, codes in zip(sds, (g, h), strict=True)
    ]
    y = draw(name, -0.5 + 0.5 * x + sum(effects), rng)
    terms = (Term(key, codes, (one,), Unstructured(1)) for key, codes in (("g", g), ("h", h)))
    rows = design([[one, x]], *terms)
    return bind(rows, y, None, FAMILIES[name]), rows.layout, np.array([-0.5, 0.5, *sds])


def nested(n_rows, n_schools=3, n_classes=10):
    g = np.repeat(np.arange(n_schools * n_classes), n_rows)
    return g, g // n_classes


def crossed(n_levels, n_items, seed=None, n_rows=None):
    if n_rows is None:
        g, h = np.mgrid[:n_levels, :n_items].reshape(2, -1)
        return g, h
    rng = np.random.default_rng(seed)
    return rng.permutation(np.arange(n_rows) % n_levels), np.arange(n_rows) % n_items


def true_error(problem, vector, value, **how):
    if len(problem.order) == 2:
        return log_likelihood_of_two(problem, vector, **how) + value
    size = problem.sizes[0][0]
    return log_likelihood_on_grid(problem, vector, {1: 401, 2: 71}[size]) + value


TWENTY = {
    "yes or no, 2 rows, sd 0.3": lambda: one_factor("bernoulli", 2, 0.3, n_levels=100),
    "yes or no, 2 rows, sd 1.5": lambda: one_factor("bernoulli", 2, 1.5),
    "yes or no, 3 rows, sd 2.5": lambda: one_factor("bernoulli", 3, 2.5),
    "yes or no, 5 rows, sd 1": lambda: one_factor("bernoulli", 5, 1.0),
    "yes or no, 20 rows, sd 2": lambda: one_factor("bernoulli", 20, 2.0),
    "yes or no, 50 rows, sd 0.5": lambda: one_factor("bernoulli", 50, 0.5),
    "counts, 2 rows, sd 1": lambda: one_factor("poisson", 2, 1.0),
    "counts, 5 rows, sd 0.3": lambda: one_factor("poisson", 5, 0.3),
    "counts, 5 rows, sd 2.5": lambda: one_factor("poisson", 5, 2.5),
    "counts, 50 rows, sd 1": lambda: one_factor("poisson", 50, 1.0),
    "beta, 2 rows, sd 1": lambda: one_factor("beta", 2, 1.0),
    "beta, 20 rows, sd 0.5": lambda: one_factor("beta", 20, 0.5),
    "beta, mean and precision": lambda: one_factor("beta", 5, 0.5, "precision", 10),
    "yes or no, slopes": lambda: one_factor("bernoulli", 5, 1.0, "slope", 20),
    "counts, slopes": lambda: one_factor("poisson", 20, 0.7, "slope", 20),
    "yes or no, nested": lambda: two_factors("bernoulli", *nested(3), (1.5, 1.0)),
    "counts, nested": lambda: two_factors("poisson", *nested(5), (1.0, 0.5)),
    "yes or no, crossed": lambda: two_factors("bernoulli", *crossed(30, 3), (1.5, 1.0)),
    "counts, crossed": lambda: two_factors("poisson", *crossed(25, 3), (0.8, 0.4)),
    "yes or no, sparsely crossed": lambda: two_factors(
        "bernoulli", *crossed(40, 12, 3, 120), (1.0, 0.8)
    ),
}


@pytest.mark.parametrize("name", TWENTY)
def test_estimated_error_is_within_a_factor_of_two_of_the_true_one(name):
    problem, _, vector = TWENTY[name]()
    here = problem.evaluate(vector)
    draws = {"draws": 700} if "sparsely" in name else {}
    true = true_error(problem, vector, here.value, **draws)
    assert abs(true) > 0.01
    assert 0.5 < expansion(problem, here.mode).total / true < 2.0


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TWENTY if name.endswith("ed")][:4])
@pytest.mark.parametrize("j", [2, 3])
def test_the_error_changes_with_standard_deviations_as_the_terms_do(name, j):
    problem, _, vector = TWENTY[name]()
    errors = []
    for step in (-0.15, 0.15):
        moved = vector + step * np.eye(4)[j]
        here = problem.evaluate(moved)
        true = true_error(problem, moved, here.value, points=15, outer=11)
        errors.append([true, expansion(problem, here.mode).total])
    true, found = np.diff(errors, axis=0)[0]
    assert_allclose(found, true, rtol=0.25)


def test_the_terms_of_slight_errors_are_the_error_itself():
    problem, layout, vector = one_factor("poisson", 50, 0.3)
    here = problem.evaluate(vector)
    close = problem.approximated(AdaptiveQuadrature(25), layout).evaluate(vector)
    assert_allclose(expansion(problem, here.mode).total, here.value - close.value, rtol=0.02)


BENT = design(
    [[np.ones(120), np.linspace(-1, 1, 120)], [np.ones(120)], [np.ones(120)]],
    Term("g", np.arange(120) // 12, (np.ones(120),) * 3, Unstructured(3), predictors=(0, 2, 1)),
)


def test_random_effects_of_three_predictors_share_the_terms():
    y = np.random.default_rng(4).normal(0.3, 1.0, 120)
    problem = bind(BENT, y, None, Bent())
    vector = np.array([0.1, 0.2, 0.1, 0.4, 0.3, 0.05, 0.1, 0.25, 0.05, 0.2])
    here = problem.evaluate(vector)
    close = problem.approximated(AdaptiveQuadrature(11), BENT.layout).evaluate(vector)
    assert_allclose(expansion(problem, here.mode).total, here.value - close.value, rtol=0.25)


@pytest.mark.parametrize("kind", ["intercept", "precision"])
def test_sums_over_levels_are_those_over_pairs_of_rows(kind, monkeypatch):
    problem, _, vector = one_factor("beta", 5, 0.5, kind, 20)
    mode = problem.evaluate(vector).mode
    by_levels = expansion(problem, mode)
    monkeypatch.setattr(terms_of, "EFFECTS_MAX", 0)
    assert_allclose(by_levels, expansion(problem, mode), rtol=1e-9)


def test_draws_find_the_sum_over_pairs_of_rows(monkeypatch):
    problem, _, vector = TWENTY["yes or no, sparsely crossed"]()
    mode = problem.evaluate(vector).mode
    exact = expansion(problem, mode)
    monkeypatch.setattr(terms_of, "PAIRED_MAX", 0)
    drawn = expansion(problem, mode, n_draws=1_000)
    assert exact.std_error == 0.0 < drawn.std_error < 0.1 * exact.cubic
    assert abs(drawn.cubic - exact.cubic) < 3 * drawn.std_error
    assert drawn[:2] == exact[:2]


def test_shards_and_threads_change_nothing():
    rng = np.random.default_rng(3)
    g, x, one = np.repeat(np.arange(30), 4), rng.normal(size=120), np.ones(120)
    terms = [Term("g", g, (one,), Unstructured(1)), Term("h", g % 5, (one, x), Unstructured(2))]
    rows, y, vector = design([[one, x]], *terms), rng.poisson(2.0, 120) * 1.0, np.full(6, 0.4)
    found = []
    for how in ({}, {"shard_rows": 20}, {"shard_rows": 20, "n_threads": 2}):
        problem = bind(rows, y, None, Poisson(), **how)
        found.append(expansion(problem, problem.evaluate(vector).mode))
    assert_allclose(found[1:], [found[0]] * 2, rtol=1e-7)


def test_of_a_normal_response_nothing_is_left_out():
    rng = np.random.default_rng(5)
    g, one = np.repeat(np.arange(20), 4), np.ones(80)
    terms = [Term(key, codes, (one,), Unstructured(1)) for key, codes in (("g", g), ("h", g % 7))]
    problem = bind(design([[one], [one]], *terms), rng.normal(size=80), None, Gaussian())
    assert expansion(problem, problem.evaluate(np.array([0.1, 0.2, 0.8, 0.5])).mode).size == 0.0


# What is made of it: estimates that move, and findings.


def frame(name, n_rows, sd, n_levels=60, seed=1):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_levels), n_rows)
    x = rng.normal(size=len(g))
    y = draw(name, -0.5 + 0.5 * x + sd * rng.normal(size=n_levels)[g], rng)
    return pd.DataFrame({"x": x, "g": g, "h": rng.permutation(g) % 12}), y


ESTIMATORS = {
    "bernoulli": BinomialGLMMClassifier,
    "poisson": PoissonGLMMRegressor,
    "beta": BetaGLMMRegressor,
}


@cache
def fitted(name, *how, formula="x + (1 | g)", **params):
    X, y = frame(name, *how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ESTIMATORS[name](formula, **params).fit(X, y)
    return model, X, y


def looked_at(model, X, y):
    rows = study_rows(model, X, y)
    study = rows.study.like(model.fit_)
    return study, rows.here, local(study, model.fit_, rows.here)


def finding(model, X, y):
    found = [each for each in model.diagnose(X, y).findings if each.kind == "approximation"]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    "how", [("bernoulli", 5, 1.0), ("bernoulli", 4, 2.5), ("poisson", 4, 2.5)], ids=str
)
def test_estimates_move_as_a_fit_with_25_points_moves_them(how):
    model, X, y = fitted(*how)
    error = estimates.approximation_error(*looked_at(model, X, y))
    study, _, around = looked_at(model, X, y)
    moves = _in_std_errors(model.fit_, study, around, error.shift)
    close = fitted(*how, n_quadrature=25)[0].fit_
    before = list(natural(model.fit_))
    values = [each.value for each in natural(close)], [each.value for each in before]
    true = np.subtract(*values) / std_errors(model.fit_, before)
    assert list(moves) == [each.name for each in before]
    assert abs(true[-1]) > 0.09
    assert_allclose(list(moves.values()), true, rtol=0.2, atol=0.02)


def test_thresholds_move_as_those_of_the_users_columns():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(size=240) + 4.0, "g": np.arange(240) // 4})
    eta = 2.0 * X["x"] + 2.5 * rng.normal(size=60)[X["g"]] + rng.logistic(size=240)
    y = np.digitize(eta, [8.0, 12.0])
    model, close = (OrdinalGLMMClassifier("x + (1 | g)", n_quadrature=n).fit(X, y) for n in (1, 25))
    study, here, around = looked_at(model, X, y)
    error = estimates.approximation_error(study, here, around)
    moves = _in_std_errors(model.fit_, study, around, error.shift)
    before = list(natural(model.fit_))
    values = [each.value for each in natural(close.fit_)], [each.value for each in before]
    true = np.subtract(*values) / std_errors(model.fit_, before)
    assert true[1] > 0.04
    assert_allclose(list(moves.values()), true, rtol=0.2, atol=0.01)


def test_differences_of_the_terms_move_estimates_as_quadrature_does():
    model, X, y = fitted("bernoulli", 5, 1.0)
    study, here, around = looked_at(model, X, y)
    close = estimates.approximation_error(study, here, around)
    terms = expansion(study.problem, here.mode)
    found = estimates._by_expansion(study.problem, here, around.covariance, terms)
    errors = np.sqrt(np.diag(around.covariance))
    assert_allclose(found.shift / errors, close.shift / errors, rtol=0.15, atol=0.01)
    assert_allclose(found.value, close.value, rtol=0.1)


@pytest.mark.parametrize(
    ("params", "start", "n_points"),
    [
        ({}, "Laplace's approximation puts the log likelihood about 1.5 too low", 11),
        ({"n_quadrature": 2}, "quadrature with 2 points puts the log likelihood about 1.4", 11),
        ({"n_quadrature": 3}, "quadrature with 3 points puts the log likelihood about 0.56", 7),
    ],
)
def test_too_few_points_are_found_with_a_number_that_is_enough(params, start, n_points):
    found = finding(*fitted("bernoulli", 4, 2.5, **params))
    assert found.finding.startswith(start)
    assert found.subject == "sd(Intercept | g)"
    assert "; the integral itself would move sd(Intercept | g) by +0." in found.finding
    assert found.advice == f"Fit with n_quadrature={n_points}, which is close to the integral"


@pytest.mark.parametrize(
    "case",
    [
        lambda: fitted("bernoulli", 4, 2.5, n_quadrature=15),
        lambda: fitted("beta", 20, 0.5),
        lambda: fitted("poisson", 30, 0.5),
        lambda: fitted("beta", 8, 0.5, formula="x"),
    ],
)
def test_a_likelihood_that_is_close_is_not_talked_about(case):
    assert finding(*case()) is None


def test_linear_mixed_models_are_exact():
    X, y = frame("bernoulli", 4, 1.0)
    model = LMMRegressor("x + (1 | g) + (1 | h)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = y + np.random.default_rng(0).normal(size=len(y))
        model.fit(X, y)
    assert estimates.approximation_error(*looked_at(model, X, y)) is None


def test_nested_factors_are_pointed_to_points_of_quadrature():
    X, y = frame("bernoulli", 4, 1.5)
    schools = X.assign(school=X["g"] // 6)
    y = np.where(schools["school"] < 3, np.maximum(y, schools["x"] > 0), y)
    model = BinomialGLMMClassifier("x + (1 | g) + (1 | school)").fit(schools, y)
    close = BinomialGLMMClassifier(model.formula, n_quadrature=11).fit(schools, y)
    found = finding(model, schools, y)
    assert_allclose(found.value, close.log_likelihood_ - model.log_likelihood_, rtol=0.15)
    assert found.advice.startswith("Fit with n_quadrature=")


def test_crossed_factors_are_pointed_to_the_bootstrap():
    found = finding(*fitted("bernoulli", 4, 2.0, 150, formula="x + (1 | g) + (1 | h)"))
    assert found.subject == "sd(Intercept | g)"
    assert found.advice.startswith("Quadrature does not reach these random effects. Draw")


def test_estimators_without_quadrature_are_pointed_to_the_bootstrap():
    found = finding(*fitted("beta", 2, 2.0, 400))
    assert found.advice.startswith("Draw responses from the model, by method='bootstrap'")


def test_classes_that_are_constant_within_levels_are_never_settled():
    X, y = frame("bernoulli", 4, 1.0)
    y = (np.random.default_rng(0).random(60) < 0.5)[X["g"]].astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BinomialGLMMClassifier("x + (1 | g)", n_quadrature=5).fit(X, y)
    found = finding(model, X, y)
    assert found.severity == "warning"
    assert "look again" in found.advice


def test_what_the_data_do_not_tell_moves_by_no_standard_errors():
    """Extra zeros that no row has, with effects of groups of their own."""
    X, _ = frame("bernoulli", 4, 1.0)
    rng = np.random.default_rng(0)
    y = rng.binomial(8, expit(1.0 + rng.normal(0, 1.3, 60)[X["g"]]))
    model = BinomialGLMMRegressor("x + (1 | g)", trials=8, zero="1 + (1 | h)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    assert model.fit_.infinities[-1].any()
    told = [each for each in model.diagnose(X, y).findings if each.kind == "approximation"]
    assert not any("zero" in each.finding for each in told)


def test_fixed_effects_that_are_integrated_out_are_effects_like_others(monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.is_small", lambda *_: False)  # a chain: quadrature
    rng, one, g = np.random.default_rng(6), np.ones(40), np.repeat(np.arange(8), 5)
    rows = design([[one]], Term("g", g, (one,), Unstructured(1)))
    y = rng.poisson(np.exp(rng.normal(0, 1, 8))[g]) * 1.0
    study = Study.of(Poisson(), rows, y, approximation=Laplace(integrated=(0,)))
    restricted = fit(Poisson(), rows, y, approximation=Laplace(integrated=(0,)))
    around = local(study, restricted, study.at(restricted))
    error = estimates.approximation_error(study, study.at(restricted), around)
    problem = study.problem.approximated(AdaptiveQuadrature(25), rows.layout)
    beta, sd = np.linspace(-4, 4, 81), around.vector[1]
    logs = [-problem.evaluate(np.array([each, sd])).value for each in beta]
    integral = logsumexp(logs) + np.log(0.1) - 0.5 * np.log(2 * np.pi)
    there = study.problem.restricted([around.vector[:1]]).evaluate(around.vector[1:])
    assert_allclose(error.value, there.value + integral, rtol=0.2)
    assert error.shift[0] == 0.0 < error.shift[1]
