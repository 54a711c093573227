"""What R writes in another way is refused with what to write here, and that works."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import BetaGLMMRegressor, DesignError, FormulaError, OrderedBetaGLMMRegressor
from skglmm.formula import parse
from skglmm.formula.spellings import CALLS, FOREIGN


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(11)
    group = np.arange(240) % 12
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=240),
            "z": rng.normal(size=240),
            "cat": rng.choice(list("abc"), 240),
            "g": group,
            "one": 1.0,
        }
    )
    mean = 1 / (1 + np.exp(-0.5 * rng.normal(size=12)[group] - 0.6 * (frame["cat"] == "a")))
    return frame, np.clip(rng.beta(6 * mean, 6 * (1 - mean)), 1e-3, 1 - 1e-3)


@pytest.mark.parametrize("names", CALLS)
def test_a_function_of_r_says_what_to_write(names):
    for name in names.split():
        with pytest.raises(FormulaError, match=rf"{name}\(\) is a function of R; here it is"):
            parse(f"x + {name}(z) + (1 | g)")
        with pytest.raises(FormulaError, match="is a function of R"):
            parse(f"(0 + I({name}(z, 1) - 2) | g)")
        with pytest.raises(FormulaError, match="a grouping factor is a column"):
            parse(f"x + (1 | site/{name}(g))")
        assert parse(f"{name} + {name}_x + `{name}(x)` + I(x == '{name}(x)')").bars == ()
        if name.isidentifier():
            assert parse(f"{name}(x)", [name]).fixed == f"1 + {name}(x)"


def test_every_example_makes_a_design(rows):
    X, y = rows
    for advice in CALLS.values():
        model = BetaGLMMRegressor(advice.example, inference=False).fit(X, y)
        assert np.isfinite(model.coef_).all()


SPELLED = [
    ("I(x^2)", r"a power is written 'x \*\* 2'"),
    ("x + (0 + (cat == 'a') | g)", r"comparisons stand inside I\(\), I\(cat == 'a'\)"),
    ("x > 0", r"comparisons stand inside I\(\)"),
    ("!x", r"comparisons stand inside I\(\)"),
    ("I(x > 0 & z > 0)", r"a product, \(x > 0\) \* \(z > 0\)"),
    ("I(cat %in% c('a', 'b'))", r"I\(\(cat == 'a'\) \+ \(cat == 'b'\)\)"),
    ("cat %in% site", "write the interaction, a:b"),
    ("I(x:z)", r"I\(x \* z\), outside x:z"),
    ("poly(x, 2, raw=TRUE)", "TRUE is R's; here it is True"),
    ("poly(x, 2, raw=T)", "raw of poly.* is True or False, not 'T'"),
    ("scale(x, scale=FALSE)", "here it is False"),
    ("I(x == NA)", "rows with missing values are dropped from X"),
    ("bs(x, knots=NULL)", "here it is None"),
    ("log(x, 2)", r"log2\(x\), log10\(x\) and I\(log\(x\) / log\(3\)\)"),
    ("log(x, base=2)", "other bases"),
    ("d$x", "columns of X are named by themselves"),
    ("splines::ns(x, 3)", "functions are named without their package"),
    ("cbind(a, b) ~ x", r"y of fit\(X, y\): the successes, with trials='n'"),
]


@pytest.mark.parametrize(("text", "message"), SPELLED)
def test_a_spelling_of_r_says_what_to_write(text, message):
    with pytest.raises(FormulaError, match=message):
        parse(text)


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_other_covariances_are_told_what_to_write(name):
    with pytest.raises(FormulaError, match=r"here|known\(1"):
        parse(f"x + {name}(0 + cat | g)")


def test_words_and_functions_in_quotes_are_names():
    assert parse("`TRUE` + I(cat == 'NA') + log(`s(x)`) + C(TRUE_)").bars == ()


def test_what_is_advised_is_the_same_model(rows):
    X, y = rows
    first = BetaGLMMRegressor("C(cat, contr.treatment('b')) + (1 | g)").fit(X, y)
    second = BetaGLMMRegressor("I((cat == 'a') + (cat == 'b')) + I(cat == 'a') + (1 | g)").fit(X, y)
    assert_allclose(first.log_likelihood_, second.log_likelihood_, rtol=1e-8)
    both = X.assign(both=((X["x"] > 0) & (X["z"] > 0)).astype(float))
    product = BetaGLMMRegressor("I((x > 0) * (z > 0))").fit(X, y)
    assert_allclose(product.coef_, BetaGLMMRegressor("both").fit(both, y).coef_, rtol=1e-8)
    bands = X.assign(cat=pd.cut(X["x"], 3).astype(str))
    assert len(BetaGLMMRegressor("cat + (1 | g)").fit(bands, y).coef_) == 2


CONSTANT = [
    "scale(one)",
    "standardize(one)",
    "scale(log(one))",
    "poly(one, 2)",
    "cr(one, df=4)",
    "(scale(one) | g)",
]


@pytest.mark.parametrize("text", CONSTANT)
def test_a_constant_column_is_called_constant(rows, text):
    X, y = rows
    with pytest.raises(DesignError, match=r"the column 'one' is constant, 1\.0 in all rows"):
        BetaGLMMRegressor(text).fit(X, y)
    with pytest.raises(DesignError, match="perhaps the logarithm"):
        BetaGLMMRegressor("scale(log(x))").fit(X, y)


def test_one_row_is_not_called_constant(rows):
    X, y = rows
    model = BetaGLMMRegressor("scale(x) + poly(z, 2) + (1 | g)").fit(X, y)
    assert_allclose(model.predict(X.head(1)), model.predict(X)[:1], rtol=1e-10)


@pytest.mark.parametrize("value", [np.nextafter(100, 101), 100 + 1e-9, -1e-14])
def test_responses_outside_by_rounding_are_told_apart(rows, value):
    X, y = rows
    y = np.r_[100 * y[:7], value, 100 * y[8:]]
    model = OrderedBetaGLMMRegressor("x + (1 | g)", bounds=(0, 100))
    with pytest.raises(ValueError, match="by no more than rounding") as caught:
        model.fit(X, y)
    for fragment in ("1 of 240", f"y[7]={float(value)!r},", "pass np.clip(y, 0.0, 100.0)"):
        assert fragment in str(caught.value)


def test_responses_outside_are_printed_with_their_digits(rows):
    X, y = rows
    y = np.r_[100 * y[:7], 100.00001, 100 * y[8:]]
    model = OrderedBetaGLMMRegressor("x + (1 | g)", bounds=(0, 100))
    with pytest.raises(ValueError, match=r"y\[7\]=100\.00001 .* to 100\.00001\)"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"y\[7\]=101 .* to 101\)"):
        model.fit(X, np.where(y > 100, 101, y))


def test_the_first_response_outside_is_one_that_rounding_does_not_explain(rows):
    X, y = rows
    y = np.r_[100 * y[:3], np.nextafter(100, 101), 100 * y[4:7], 104.5, 100 * y[8:]]
    model = OrderedBetaGLMMRegressor("x + (1 | g)", bounds=(0, 100))
    with pytest.raises(ValueError, match=r"2 of 240 do not, the first .* y\[7\]=104\.5 "):
        model.fit(X, y)


def test_a_field_without_a_bar_is_not_taken_for_the_exponential_function():
    with pytest.raises(FormulaError, match=r"a field is exp\(0 \+ lon \+ lat \| 1\)"):
        parse("x + exp(0 + lon + lat)")
    parse("exp(x + z)")
