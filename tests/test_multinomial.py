"""Classes without an order: other models that they are, integrals, and what is refused."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from integrated import log_likelihood_on_grid
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skglmm import BinomialGLMMClassifier, MultinomialGLMMClassifier
from skglmm.engine import AdaptiveQuadrature, Laplace
from skglmm.families import Multinomial
from skglmm.fitting import Study
from skglmm.inspection import check_residuals, residuals
from skglmm.model_selection import compare, likelihood_ratio_test
from skglmm.multioutput import fit_many

WAYS = np.array(["bus", "car", "train"])
KEYED, APART = "x + (1 |p| g)", "x + (1 | g)"


def simulated(n_groups=40, n_rows=8, seed=0, sd=1.0):
    """Utilities with independent effects of all classes: against one they are correlated."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), n_rows)
    X = pd.DataFrame({"x": rng.normal(size=g.size), "z": rng.normal(size=g.size), "g": g})
    X["f"] = rng.choice(list("abc"), g.size)
    utility = np.outer(X["x"], [0.0, 1.0, -1.0]) + sd * rng.normal(size=(n_groups, 3))[g]
    return X, WAYS[np.argmax(utility + rng.gumbel(size=utility.shape), axis=1)]


X, Y = simulated()


@pytest.fixture(scope="module")
def model():
    return MultinomialGLMMClassifier(KEYED).fit(X, Y)


def study_of(model, X, y):
    design = model._spec.build(X)
    return Study.of(model.fit_.family, design, model._scale.read(y))


# The family


@pytest.mark.parametrize("n_classes", [2, 4])
def test_third_derivatives_are_those_of_differences(n_classes):
    family = Multinomial(labels=tuple("abcd"[:n_classes]))
    rng, step = np.random.default_rng(0), 1e-5
    eta = list(rng.normal(size=(n_classes - 1, 30)))
    prepared = family.prepare(rng.integers(0, n_classes, 30).astype(float))
    here = family.log_density(prepared, eta, 3)
    for k in range(n_classes - 1):
        up, down = (
            family.log_density(prepared, [e + s * (j == k) for j, e in enumerate(eta)], 2)
            for s in (step, -step)
        )
        assert_allclose(here.grad[k], (up.value - down.value) / (2 * step), atol=1e-8)
        for j in range(n_classes - 1):
            change = (up.grad[j] - down.grad[j]) / (2 * step)
            assert_allclose(here.hess[family.packing.row(j, k)], change, atol=1e-8)
        for pair, row in family.packing.pairs.items():
            change = (up.hess[row] - down.hess[row]) / (2 * step)
            assert_allclose(here.third[family.packing.row(*pair, k)], change, atol=1e-8)


@pytest.mark.parametrize("eta", [(0.3, -0.8), (40.0, -3.0), (-50.0, -60.0), (800.0, 790.0)])
def test_log_probabilities_have_their_digits(eta):
    family = Multinomial()
    with mpmath.workdps(60):
        odds = [mpmath.mpf(1), *(mpmath.exp(each) for each in eta)]
        expected = [float(mpmath.log(each / sum(odds))) for each in odds]
        others = [float(sum(odds[:k] + odds[k + 1 :]) / sum(odds)) for k in (1, 2)]
    rows = [np.full(3, each) for each in eta]
    found = family.log_density(family.prepare(np.arange(3.0)), rows, 1)
    assert_allclose(found.value, expected, rtol=1e-13, atol=0.0)
    assert_allclose([found.grad[0, 1], found.grad[1, 2]], others, rtol=1e-13)


# Models that it is


@pytest.mark.parametrize("n_quadrature", [1, 5])
def test_two_classes_are_a_logistic_mixed_regression(n_quadrature):
    events, new = Y == "car", X.head(3).assign(g=[0, 1, 999])
    one, two = (
        cls("x + z + (1 | g)", n_quadrature=n_quadrature).fit(X, events)
        for cls in (MultinomialGLMMClassifier, BinomialGLMMClassifier)
    )
    assert_allclose(one.log_likelihood_, two.log_likelihood_, rtol=1e-12)
    assert_allclose(one.coef_, [two.coef_], atol=1e-8)
    assert_allclose(one.intercept_, [two.intercept_], atol=1e-8)
    assert_allclose(one.tidy()["std_error"], two.tidy()["std_error"], rtol=1e-7)
    for kind in ("conditional", "fixed", "marginal"):
        assert_allclose(one.predict_proba(new, kind), two.predict_proba(new, kind), atol=1e-8)
    assert_allclose(one.decision_function(new), two.decision_function(new), atol=1e-8)
    assert_allclose(one.predict_frame(new), two.predict_frame(new), atol=1e-7)


@pytest.mark.parametrize("reference", [None, "train"])
def test_without_random_effects_it_is_scikit_learns_logistic_regression(reference):
    columns = X[["x", "z"]]
    found = MultinomialGLMMClassifier("x + z", reference=reference).fit(X, Y)
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(columns, Y)
    base = list(WAYS).index(found.reference_)
    kept = [k for k in range(3) if k != base]
    assert found.predictors_ == list(WAYS[kept])
    assert_allclose(found.coef_, (other.coef_ - other.coef_[base])[kept], atol=1e-5)
    assert_allclose(found.intercept_, (other.intercept_ - other.intercept_[base])[kept], atol=1e-5)
    assert_allclose(found.predict_proba(X), other.predict_proba(columns), atol=1e-6)
    rows = other.predict_log_proba(columns)[np.arange(len(Y)), np.searchsorted(WAYS, Y)]
    assert_allclose(found.log_likelihood_, rows.sum(), rtol=1e-10)


def test_correlated_classes_may_have_any_reference(model):
    other = MultinomialGLMMClassifier(KEYED, reference="train").fit(X, Y)
    assert_allclose(other.log_likelihood_, model.log_likelihood_, rtol=1e-8)
    assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-5)
    one, two = (
        MultinomialGLMMClassifier(APART, reference=name).fit(X, Y).log_likelihood_
        for name in ("bus", "train")
    )
    assert abs(one - two) > 1e-3


def test_a_key_lets_the_effects_of_classes_be_correlated(model):
    plain = MultinomialGLMMClassifier(APART).fit(X, Y)
    assert model.n_params_ == plain.n_params_ + 1
    found = likelihood_ratio_test(plain, model)
    assert_allclose(found.statistic, 2 * (model.log_likelihood_ - plain.log_likelihood_))
    assert found.df == 1
    truth = 0.5  # against a class with effects of the same size
    assert abs(model.variance_components()["corr"][1] - truth) < 0.4


# The likelihood


@pytest.mark.filterwarnings("ignore")  # where its search ends is of no interest
@pytest.mark.parametrize("formula", [KEYED, APART])
def test_quadrature_converges_to_the_integral(formula, monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.is_small", lambda *_: False)  # a chain
    rows, y = simulated(n_groups=6, n_rows=4, sd=1.5, seed=2)
    fitted = MultinomialGLMMClassifier(formula).fit(rows, y)
    problem = study_of(fitted, rows, y).around(fitted.fit_).problem
    vector = np.random.default_rng(0).normal(0.3, 0.3, problem.shape.n_params)
    exact, errors = log_likelihood_on_grid(problem, vector, 81), []
    for n_points in (1, 3, 7, 15):
        value = AdaptiveQuadrature(n_points).evaluate(problem, vector).value
        errors.append(abs(-value - exact))
    assert errors[0] > 1e-3
    assert errors[1] < errors[0]
    assert errors[3] < 1e-6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("formula", "approximation"),
    [
        (KEYED, Laplace()),
        (KEYED, AdaptiveQuadrature(3)),
        (APART, AdaptiveQuadrature(3)),
        ("x + (x | g)", Laplace()),
    ],
)
def test_gradients_are_those_of_differences(formula, approximation, monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.is_small", lambda *_: False)  # a chain
    fitted = MultinomialGLMMClassifier(formula, max_iter=2, inference=False)
    rows, y = simulated(n_groups=8, n_rows=6)
    fitted.fit(rows, y)
    problem = study_of(fitted, rows, y).around(fitted.fit_).problem
    vector = np.random.default_rng(1).normal(0.4, 0.2, problem.shape.n_params)
    here = approximation.evaluate(problem, vector, tol=1e-14)
    step = 1e-5
    for j, gradient in enumerate(here.gradient):
        move = step * (np.arange(len(vector)) == j)
        up, down = (
            approximation.evaluate(problem, vector + s * move, tol=1e-14).value for s in (1, -1)
        )
        assert_allclose(gradient, (up - down) / (2 * step), rtol=1e-5, atol=1e-6)


def test_probabilities_are_averages_over_groups(model):
    eta = np.array(
        [
            [
                0.0,
                *(
                    model.predict_linear(X.head(1), name, kind="fixed")[0]
                    for name in model.predictors_
                ),
            ]
        ]
    )
    lambda_ = model.fit_.lambdas[0]
    rng = np.random.default_rng(0)
    moves = rng.standard_normal((200_000, 2)) @ np.asarray(lambda_).T
    expected = softmax(eta + np.pad(moves, ((0, 0), (1, 0))), axis=1).mean(axis=0)
    assert_allclose(model.predict_proba(X.head(1), "marginal")[0], expected, atol=3e-3)


def test_posterior_probabilities_are_averages_over_what_a_group_says():
    rows, y = simulated(n_groups=30, n_rows=4, sd=1.5)
    options = {"n_quadrature": 9, "predict_kind": "posterior"}
    fitted = MultinomialGLMMClassifier(KEYED, **options).fit(rows, y)
    line = np.linspace(-6.0, 6.0, 61)
    u = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    moves = np.pad(u @ fitted.fit_.lambdas[0].T, ((0, 0), (1, 0)))
    own, codes = rows[rows["g"] == 0], np.searchsorted(WAYS, y[rows["g"] == 0])
    fixed = [fitted.predict_linear(own, name, kind="fixed") for name in fitted.predictors_]
    eta = np.stack([np.zeros(len(own)), *fixed], axis=1)
    rows_given = log_softmax(eta[:, None, :] + moves, axis=2)
    seen = sum(each[:, code] for each, code in zip(rows_given, codes, strict=True))
    weight = softmax(seen - 0.5 * np.sum(u**2, axis=1))
    expected = np.exp(rows_given).transpose(0, 2, 1) @ weight
    assert_allclose(fitted.predict_proba(own), expected, atol=2e-4)


@pytest.mark.slow
def test_simulated_classes_are_recovered():
    found = []
    for seed in range(40):
        rows, y = simulated(n_groups=60, n_rows=10, seed=seed)
        fitted = MultinomialGLMMClassifier(KEYED, n_quadrature=5).fit(rows, y)
        components = fitted.variance_components()
        found.append([*fitted.coef_.ravel(), *components["sd"], components["corr"][1]])
    error = np.array(found) - [1.0, -1.0, 2.0**0.5, 2.0**0.5, 0.5]
    assert np.all(np.abs(error.mean(axis=0)) < 3.0 * error.std(axis=0) / 40**0.5)


# Answers


def test_decisions_are_log_odds_against_the_reference(model):
    found = model.decision_function(X)
    assert found.shape == (len(X), 3)
    assert_array_equal(found[:, 0], 0.0)
    assert_allclose(log_softmax(found, axis=1), model.predict_log_proba(X), atol=1e-10)
    assert_array_equal(WAYS[found.argmax(axis=1)], model.predict(X))


@pytest.mark.parametrize("labels", [[3, 1, 2], ["b", "c", "a"], [30.0, 2.0, 5.0]])
def test_labels_of_any_type_name_the_predictors(labels):
    y = np.asarray(labels)[np.searchsorted(WAYS, Y)]
    found = MultinomialGLMMClassifier("x + f", reference=np.asarray(labels)[1]).fit(X, y)
    assert_array_equal(found.classes_, np.unique(labels))
    assert found.coef_.shape == (2, 3)
    assert found.coef_names_ == ["x", "f[T.b]", "f[T.c]"]
    assert f"{found.predictors_[0]}(x)" in found.vcov().columns
    plain = MultinomialGLMMClassifier("x + f", reference="car").fit(X, Y)
    assert_allclose(found.log_likelihood_, plain.log_likelihood_)


def test_names_of_parameters_tell_the_class():
    found = MultinomialGLMMClassifier("1 + (1 | g)").fit(X, np.where(Y == "car", "link", Y))
    assert list(found.confint().index) == [
        "link(Intercept)",
        "train(Intercept)",
        "sd(link(Intercept) | g)",
        "sd(train(Intercept) | g)",
    ]
    assert list(found.formulas_) == ["link", "train"]
    assert "Fixed effects of the class train, logit scale" in str(found.summary())
    assert "Formula: 1 + (1 | g)\n" in str(found.summary())


def test_tests_are_about_one_class_or_all(model):
    assert list(model.anova().to_frame().index) == ["x"]  # in all classes
    assert model.wald_test(["car(x) = 0", "train(x) = 0"]).df == 2
    assert (model.tidy(effects="fixed", exponentiate=True)["estimate"] > 0).all()


def test_degrees_of_freedom_are_counted_for_each_class(model):
    fixed = model.summary(df="between-within").coefficients
    for table in fixed:
        assert_array_equal(table.df, [39.0, len(X) - 40 - 1])


def test_priors_are_about_coefficients_of_a_class():
    priors = {"car(x)": "normal(0, 0.01)", "corr": "lkj(2)"}
    found = MultinomialGLMMClassifier(KEYED, priors=priors).fit(X, Y)
    assert abs(found.coef_[0, 0]) < 0.1 < abs(found.coef_[1, 0])


@pytest.mark.parametrize("alone", WAYS)
def test_a_class_that_a_column_tells_apart_is_told_of(alone):
    rest = WAYS[alone != WAYS][np.random.default_rng(0).integers(0, 2, len(X))]
    y = np.where(X["x"] > 0.8, alone, rest)
    told = alone != "bus"
    with pytest.warns(UserWarning, match="the likelihood rises for ever"):
        found = MultinomialGLMMClassifier("x").fit(X, y)
    at = {name: found.fit_.infinities[k].tolist() for k, name in enumerate(found.predictors_)}
    own, none = ([-1.0, 1.0], [0.0, 0.0]) if told else ([1.0, -1.0], [1.0, -1.0])
    assert at == {name: own if name == alone or not told else none for name in ("car", "train")}


def test_residuals_that_need_no_order(model):
    for kind in ("quantile", "simulated"):
        found = residuals(model, X, Y, kind=kind, random_state=0)
        assert np.isfinite(found).all()
    names = [test.name for test in check_residuals(model, X, Y, random_state=0).tests]
    assert names == ["uniformity", "dispersion", "outliers", "farthest"]


def test_many_responses_share_their_classes(model):
    responses = pd.DataFrame({"a": Y, "b": np.roll(Y, 8), "c": np.char.upper(Y)})
    with pytest.warns(ConvergenceWarning, match="1 of 3 responses has no fit"):
        found = fit_many(MultinomialGLMMClassifier(KEYED), X, responses)
    assert_allclose(found.log_likelihood[0], model.log_likelihood_, rtol=1e-8)
    assert "depends on the classes; fit it alone" in found.messages[2]


# Refusals


@pytest.mark.parametrize(
    ("options", "y", "words"),
    [
        ({"reference": "ship"}, Y, "reference='ship' is none of the classes of y, 'bus', 'car'"),
        ({}, np.arange(len(Y)) % 21, "21 classes, .*OneVsRestClassifier"),
        ({}, np.zeros(len(Y)), "a classifier needs two classes"),
        ({"offset": "z"}, Y, r"offset\(z\) in the formula is added to all"),
        ({"n_quadrature": 3}, np.arange(len(Y)) % 5, "3 random effects of a level at the most"),
    ],
)
def test_what_it_cannot_fit_it_refuses(options, y, words):
    with pytest.raises(ValueError, match=words):
        MultinomialGLMMClassifier(APART, **options).fit(X, y)


def test_what_classes_do_not_have_is_refused(model):
    with pytest.raises(ValueError, match=r"name one, as in predict_linear\(X, 'car'\)"):
        model.predict_linear(X)
    with pytest.raises(ValueError, match="by='f' needs the mean of y, or its one linear"):
        check_residuals(model, X, Y, by="f")
    other = MultinomialGLMMClassifier(KEYED, reference="car").fit(X, Y)
    with pytest.raises(ValueError, match="their references differ, 'bus' and 'car'"):
        compare(model, other)
    with pytest.raises(ValueError, match="MultinomialGLMMClassifier, or Ordinal"):
        BinomialGLMMClassifier("x").fit(X, Y)
