"""Tests of each term by fits without it, of whole terms, and of hypotheses in words."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import (
    BetaGLMMRegressor,
    GLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.datasets import load_petrol
from skglmm.families import Beta
from skglmm.formula import parse, without_one
from skglmm.model_selection import drop1, likelihood_ratio_test

X, Y = load_petrol(return_X_y=True)
RNG = np.random.default_rng(3)
N = 120
ROWS = pd.DataFrame(
    {"x": RNG.normal(size=N), "f": np.tile(list("pqr"), N // 3), "g": np.arange(N) // 10}
)
ETA = 0.8 * ROWS["x"] + RNG.normal(0.0, 0.5, 12)[ROWS["g"]]
COUNTS = np.where(RNG.random(N) < 0.2, 0, RNG.poisson(np.exp(ETA + 1.0)))
CLASSES = np.digitize(ETA + RNG.logistic(size=N), [-0.5, 0.5])


@pytest.fixture(scope="module")
def beta():
    """A beta model whose precision varies."""
    formula = "SG + EP + (1 | batch)"
    return BetaGLMMRegressor(formula, precision="EP", bounds=(0, 100)).fit(X, Y)


@pytest.fixture(scope="module")
def dropped(beta):
    return drop1(beta, X, Y, random=True)


def test_linear_models_are_those_of_lme4():
    """lmer(y ~ SG * VP + EP + (1 | batch)), by REML; drop1(test = "Chisq")."""
    model = LMMRegressor("SG * VP + EP + (1 | batch)").fit(X, Y)
    found = drop1(model, X, Y)
    frame = found.to_frame()
    assert list(frame.index) == ["<none>", "EP", "SG:VP"]
    assert_allclose(frame["aic"], [157.5154, 248.1184, 160.2676], atol=6e-5)
    assert_allclose(frame["lr_statistic"].iloc[1:], [92.60297, 4.75215], atol=6e-5)
    assert_allclose(frame.loc["SG:VP", "lr_p_value"], 0.029262, atol=6e-7)
    assert "REML" in found.notes[0]
    assert model.fit_.integrated  # stays as it is


def test_beta_models_are_those_of_glmmtmb(dropped):
    """glmmTMB(y / 100 ~ SG + EP + (1 | batch), dispformula = ~ EP, family = beta_family())."""
    frame = dropped.to_frame()
    terms = ["<none>", "SG", "EP", "(1 | batch)", "precision(EP)"]
    assert list(frame.index) == terms
    statistics = frame["lr_statistic"][["SG", "EP", "precision(EP)"]]
    assert_allclose(statistics, [6.89669, 60.00336, 0.76597], rtol=1e-5)
    p_values = frame["lr_p_value"][["SG", "EP", "precision(EP)"]]
    assert_allclose(p_values, [0.0086355, 9.4696e-15, 0.38147], rtol=1e-4)
    assert frame["df"].tolist()[1:] == [1, 1, 1, 1]
    assert not dropped.notes


def test_variances_are_tested_on_the_boundary(beta, dropped):
    smaller = BetaGLMMRegressor("SG + EP", precision="EP", bounds=(0, 100)).fit(X, Y)
    test, found = likelihood_ratio_test(smaller, beta), dropped.terms[2]
    assert found.method == "boundary-corrected"
    assert_allclose([found.statistic, found.p_value], [test.statistic, test.p_value], rtol=1e-6)


def test_the_record_prints_and_says_what_it_is(dropped):
    lines = str(dropped).splitlines()
    assert lines[0] == "Single terms left out of 1 + SG + EP + (1 | batch); precision: 1 + EP"
    assert lines[1].split() == ["df", "AIC", "log", "likelihood", "LR", "p"]
    assert lines[-1].split() == ["precision(EP)", "1", "176.69", "-83.345", "0.766", "0.38"]
    assert "precision(EP) & 1 & 176.69" in dropped.to_latex()


def test_workers_and_pipelines_change_nothing(beta, dropped):
    outer = make_pipeline(FunctionTransformer(), beta)
    with parallel_config("threading", n_jobs=2):
        again = drop1(outer, X.iloc[::-1], Y.iloc[::-1], random=True)
    assert_allclose(again.to_frame()["aic"], dropped.to_frame()["aic"], rtol=1e-9)


def test_threads_keep_the_warnings_of_smaller_models_to_themselves(beta):
    """One of them is singular, and filters of warnings are those of all threads."""
    for _ in range(3):
        with parallel_config("threading", n_jobs=4):
            drop1(beta, X, Y, random=True)


def test_formulas_of_predictors_may_be_one_parameter():
    model = GLMMRegressor("SG + EP", family=Beta(), predictors={"precision": "EP"})
    model = model.fit(X, Y / 100.0)
    assert [each.term for each in drop1(model, X, Y / 100.0).terms] == ["SG", "EP", "precision(EP)"]


def test_zeros_smooths_and_groups_are_terms():
    model = PoissonGLMMRegressor("s(x, k=4) + f", groups="g", zero="x", inference=False)
    found = drop1(model.fit(ROWS, COUNTS), ROWS, COUNTS, random=True)
    assert [each.term for each in found.terms] == ["f", "s(x, k=4)", "(1 | g)", "zero(x)"]
    assert [each.df for each in found.terms] == [2, 2, 1, 1]
    assert "conservative" in found.notes[0]  # a trend, and the variance of bends


def test_thresholds_are_no_terms():
    model = OrdinalGLMMClassifier("x + f", scale="x").fit(ROWS, CLASSES)
    assert [each.term for each in drop1(model, ROWS, CLASSES).terms] == ["x", "f", "scale(x)"]


def test_terms_of_unordered_classes_are_left_out_of_all():
    model = MultinomialGLMMClassifier("x + f").fit(ROWS, CLASSES)
    found = {each.term: each for each in drop1(model, ROWS, CLASSES).terms}
    assert {term: each.df for term, each in found.items()} == {"x": 2, "f": 4}
    wald = model.anova().to_frame()
    assert wald["df"].to_dict() == {"x": 2, "f": 4}
    assert_allclose(wald.loc["x", "statistic"], model.wald_test("1(x) = 0, 2(x) = 0").statistic)


def test_priors_and_other_rows_are_refused():
    model = LMMRegressor("EP", priors={"EP": "normal(0, 1)"}, reml=False).fit(X, Y)
    with pytest.raises(ValueError, match="the model has priors"):
        drop1(model, X, Y)
    model = LMMRegressor("EP").fit(X, Y)
    with pytest.raises(ValueError, match="not those of fit"):
        drop1(model, X, Y + 1.0)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a * b * c", {"a:b:c": "1 + a + b + c + a:b + a:c + b:c"}),
        ("0 + x", {"x": "0"}),
        ("I(x + 1) + x", {"I(x + 1)": "1 + x", "x": "1 + I(x + 1)"}),
        ("(x + z || g)", {
            "x in (1 + x + z || g)": "1 + (1 + z || g)",
            "z in (1 + x + z || g)": "1 + (1 + x || g)",
        }),
        ("cs(1 + x | g)", {"cs(1 + x | g)": "1"}),
        ("(0 + x | g)", {"(0 + x | g)": "1"}),
    ],
)  # fmt: skip
def test_what_may_be_left_out_contains_all_else(formula, expected):
    found = {name: str(each) for name, each in without_one(parse(formula), random=True)}
    assert found == expected


def test_a_hypothesis_names_brackets_other_predictors_and_thresholds():
    model = OrdinalGLMMClassifier("x + C(f) + (1 | g)", scale="x").fit(ROWS, CLASSES)
    test = model.wald_test("C(f)[T.q] = C(f)[T.r], scale(x) = 0, `0|1` = -1")
    assert test.constraints == ("C(f)[T.q] - C(f)[T.r] = 0", "scale(x) = 0", "0|1 = -1")


def test_a_curve_is_no_coefficient():
    model = PoissonGLMMRegressor("s(x, k=4)").fit(ROWS, COUNTS)
    with pytest.raises(ValueError, match=r"'s\(x\)' is a curve"):
        model.wald_test("s(x) = 0")
    assert model.wald_test([0.0, 1.0]).df == 1  # its trend
