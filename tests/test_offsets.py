"""Offsets inside formulas: of every predictor, in fit and for new rows, as glmmTMB has them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm import (
    BetaGLMMRegressor,
    DesignError,
    FormulaError,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.formula import Formula, parse
from skglmm.model_selection import likelihood_ratio_test

REFERENCE = Path(__file__).parent / "reference"
GLMMTMB = json.loads((REFERENCE / "offsets.json").read_text(encoding="utf-8"))
OFFSETS = {
    "mean": BetaGLMMRegressor("x + offset(log(w + 1)) + offset(0.1 * x**2) + (1 | g)"),
    "precision": BetaGLMMRegressor(
        "x + offset(log(w + 1)) + (1 | g)", precision="x + offset(0.3 * w)"
    ),
    "zero": ZeroInflatedBetaGLMMRegressor(
        "x + offset(0.5 * w) + (1 | g)", zero="x + offset(0.4 * x**2)"
    ),
}


@pytest.mark.parametrize("name", OFFSETS)
def test_fits_are_those_of_glmmtmb(name):
    frame = pd.read_csv(REFERENCE / "simulated_boundary.csv")
    frame = frame if name == "zero" else frame[frame["zeros"] > 0]
    model = OFFSETS[name].fit(frame[["x", "w", "g"]], frame["zeros"].to_numpy())
    expected = GLMMTMB["fits"][name]
    assert_allclose(model.log_likelihood_, expected["log_likelihood"], atol=1e-6, rtol=0)
    assert_allclose([model.intercept_, *model.coef_], expected["mean"], atol=2e-5)
    assert_allclose(model.precision_coef_, expected["precision"], atol=2e-5)
    assert_allclose(model.variance_components()["sd"], expected["sd"], atol=2e-5)
    assert_allclose(getattr(model, "zero_coef_", []), expected["zero"], atol=2e-5)


def test_cr_spans_the_natural_splines_of_r():
    frame = pd.read_csv(REFERENCE / "simulated_crossed.csv")
    formula = f"cr(x, knots={GLMMTMB['knots']}, constraints='center') + (1 | subject)"
    model = BetaGLMMRegressor(formula).fit(frame.drop(columns="y"), frame["y"])
    expected = GLMMTMB["fits"]["natural_spline"]["log_likelihood"]
    assert_allclose(model.log_likelihood_, expected, atol=1e-6, rtol=0)


READINGS = {
    "x + offset(log(n)) + (1 | g)": ("1 + x", ("log(n)",)),
    "offset(z)": ("1", ("z",)),
    "y ~ 0 + offset(`my col`)": ("0", ("`my col`",)),
    "offset(z) - 1 + offset(-0.5*log(w))": ("0", ("z", "-0.5 * log(w)")),
    "(offset(z) + x)": ("1 + x", ("z",)),
    "offset + x": ("1 + offset + x", ()),
    "offset(x == 'a')": ("1", ("x == 'a'",)),
}


@pytest.mark.parametrize("text", READINGS)
def test_offsets_are_no_terms(text):
    formula = parse(text)
    assert (formula.fixed, formula.offsets) == READINGS[text]
    assert parse(str(formula)) == Formula(
        formula.fixed, formula.bars, formula.dropped, None, formula.offsets
    )


REFUSED = [
    ("x - offset(z)", "once and by itself"),
    ("offset(z) + offset(z)", "once and by itself"),
    ("offset(z):x", "once and by itself"),
    ("offset(z) * x", "once and by itself"),
    ("(x + offset(z) | g)", r"no effect of groups; take it out of the bar"),
    ("offset(z, x)", "has one argument"),
    ("offset(z=x)", "has one argument"),
    ("offset()", "has one argument"),
    ("{offset(a) + offset(b)}", "has one argument"),
    ("I(offset(x))", "an offset stands by itself"),
    ("offset(offset(x))", "an offset stands by itself"),
    ("offset(2)", "uses no column"),
    ("offset(secret(x))", "'secret' is not known"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_an_offset_in_another_place_is_refused(text, message):
    with pytest.raises(FormulaError, match=message):
        parse(text)


def test_a_function_of_the_context_may_be_called_offset():
    assert parse("offset(x)", ["offset"]).fixed == "1 + offset(x)"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    x, group = rng.normal(size=240), np.arange(240) % 12
    shift = 0.3 * rng.normal(size=12)[group]
    mean = 1 / (1 + np.exp(-0.4 * x - shift))
    frame = pd.DataFrame(
        {"x": x, "g": group, "n": rng.uniform(1, 3, 240), "c": np.tile(["a", "b"], 120)}
    )
    y = np.clip(rng.beta(8 * mean, 8 * (1 - mean)), 1e-3, 1 - 1e-3)
    return frame.assign(logn=np.log(frame["n"])), y


def test_an_offset_of_the_formula_is_the_column_and_they_add(rows):
    X, y = rows
    column = BetaGLMMRegressor("x + (1 | g)", offset="logn").fit(X, y)
    once = BetaGLMMRegressor("x + offset(log(n)) + (1 | g)").fit(X, y)
    halves = BetaGLMMRegressor(
        "x + offset(log(n) / 4) + offset(0.25 * logn) + (1 | g)", offset="half"
    ).fit(X.assign(half=X["logn"] / 2), y)
    assert once.formula_ == "1 + x + offset(log(n)) + (1 | g)"
    assert_allclose(once.coef_, column.coef_, rtol=1e-8)
    assert_allclose(halves.coef_, column.coef_, rtol=1e-6)
    new = X.head(4).assign(half=0.5 * X["logn"], g=["u", 0, 1, 2]).drop(columns="c")
    for kind in ("fixed", "marginal"):
        assert_allclose(once.predict(new, kind), column.predict(new, kind), rtol=1e-8)
        assert_allclose(halves.predict(new, kind), column.predict(new, kind), rtol=1e-6)
    with pytest.raises(DesignError, match="unknown column 'n'"):
        once.predict(new.drop(columns="n"))


def test_what_an_offset_has_learned_is_that_of_fit(rows):
    X, y = rows
    model = BetaGLMMRegressor("x + offset(scale(n)) + offset(0.1 * (c == 'a'))").fit(X, y)
    assert_allclose(model.predict(X.iloc[:1]), model.predict(X)[:1], rtol=1e-12)


def test_every_predictor_takes_offsets_and_shifts_by_them(rows):
    X, y = rows
    y = np.where(np.arange(240) % 5 == 0, 0.0, np.where(np.arange(240) % 7 == 0, 1.0, y))
    predictors = ("precision", "zero", "one")
    texts = dict.fromkeys(predictors, "offset(log(n))")
    model = ZeroOneInflatedBetaGLMMRegressor("x", **texts).fit(X, y)
    assert {model.formulas_[name] for name in predictors} == {"1 + offset(log(n))"}
    for name in predictors:
        found = model.predict_linear(X, predictor=name, kind="fixed")
        assert_allclose(found, getattr(model, f"{name}_coef_")[0] + np.log(X["n"]), rtol=1e-9)
    assert "precision(Intercept)" in model.confint().index  # no precision of all rows


def test_offsets_work_where_groups_and_thresholds_are(rows):
    X, y = rows
    y = np.where(y < 0.2, 0.0, np.where(y > 0.9, 1.0, y))
    column = OrderedBetaGLMMRegressor("x", groups="g", offset="logn").fit(X, y)
    model = OrderedBetaGLMMRegressor("x + offset(log(n))", groups="g").fit(X, y)
    assert_allclose(model.log_likelihood_, column.log_likelihood_, rtol=1e-9)
    assert_array_equal(model.predict(X), model.predict(X.copy()))


def test_models_with_different_offsets_are_not_nested(rows):
    X, y = rows
    larger = BetaGLMMRegressor("x + offset(log(n))").fit(X, y)
    same = BetaGLMMRegressor("offset(log(n))").fit(X, y)
    assert likelihood_ratio_test(same, larger).df == 1
    for other in (BetaGLMMRegressor("1"), BetaGLMMRegressor("1", precision="offset(log(n))")):
        with pytest.raises(ValueError, match="their offsets differ"):
            likelihood_ratio_test(other.fit(X, y), larger)
    column = BetaGLMMRegressor("1", offset="logn").fit(X, y)
    assert likelihood_ratio_test(column, BetaGLMMRegressor("x + offset(logn)").fit(X, y)).df == 1
