"""Words before random-effects terms, and the parameter `covariance`: what they are read as."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import LMMRegressor
from skglmm.exceptions import FormulaError
from skglmm.formula import parse, parse_groups
from skglmm.formula.structures import STRUCTURES

COLUMNS = ["x", "z", "t", "lon", "lat", "g", "h", "site", "id"]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("us(x | g)", "(1 + x | g)"),
        ("diag(x|g)", "(1 + x || g)"),
        ("cs(x|`my g`)", "cs(1 + x | `my g`)"),
        ("homcs(x * z | g:h)", "homcs(1 + x + z + x:z | g:h)"),
        ("cs(1 | g)", "(1 | g)"),
        ("ar1(0+t|a/b)", "ar1(0 + t | a) + ar1(0 + t | a:b)"),
        ("exp(0 + lon + lat | 1)", "exp(0 + lon + lat | 1)"),
        ("rr(0 + x + z|site, d = 2)", "rr(0 + x + z | site, 2)"),
        ("known(1 | id, A)", "known(1 | id, A)"),
        ("toep(0 + t | g) + (1 | g)", "(1 | g) + toep(0 + t | g)"),
    ],
)
def test_a_structure_has_one_spelling(text, canonical):
    formula = parse(f"x + {text}")
    assert str(formula) == f"1 + x + {canonical}"
    assert parse(str(formula)) == formula


def test_the_same_word_is_a_function_of_a_column():
    assert parse("exp(x) + log(z)").bars == ()


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("ar1(t | g)", "no intercept; write ar1", "t"),
        ("ar1(0 + t + z | g)", "one column of times, got 2", "0 + t + z"),
        ("gau(0 + lon:lat | g)", "no products of them", "0 + lon:lat"),
        ("rr(0 + x | g)", "a number of latent variables; write rr", "rr(0 + x | g)"),
        ("rr(0 + x | g, two)", "got 'two'", ", two"),
        ("known(1 + x | id, A)", "one effect of a level", "1 + x"),
        ("known(1 | id)", "the name of a matrix", "known(1 | id)"),
        ("cs(x | g, 2)", "nothing beside effects", ", 2"),
        ("cs(x || g)", "with one bar", "cs(x || g)"),
        ("ar2(0 + t | g)", "did you mean ar1", "ar2(0 + t | g)"),
        ("matern(0 + lon | g)", "did you mean mat", "matern(0 + lon | g)"),
        ("field(0 + lon | g)", "known are us, diag", "field(0 + lon | g)"),
        ("un(x | g)", "of SAS", "un(x | g)"),
    ],
)
def test_what_a_structure_cannot_be_is_marked(text, message, marked):
    with pytest.raises(FormulaError, match=message) as raised:
        parse(f"z + {text}")
    *_, line, carets = str(raised.value).splitlines()
    start = carets.index("^")
    assert line[start : start + carets.count("^")].strip() == marked.strip()


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=lambda found: found.word)
def test_names_of_the_parameter_are_the_words_of_formulas(structure):
    effects = {"columns": "x + z", "times": "0 + t", "points": "0 + lon + lat", "one": "1"}
    arguments = {"": "", "rank": "(2)", "matrix": "(A)"}
    groups = {"g": effects[structure.effects]}
    name = structure.name + arguments[structure.argument]
    (bar,) = parse_groups(groups, COLUMNS, covariance={"g": name})
    assert parse(str(bar)).bars == (bar,)
    assert bar.structure == structure.word


@pytest.mark.parametrize(
    ("covariance", "error", "message"),
    [
        ("compond", FormulaError, "did you mean 'compound_symmetry'"),
        ({"h": "cs"}, FormulaError, "a structure for 'h', which groups= does not name"),
        ("factor_analytic", FormulaError, "needs a number of latent variables"),
        ("cs(2)", FormulaError, "nothing beside effects"),
        (3, TypeError, "of type int, expected a name"),
    ],
)
def test_a_wrong_covariance_is_an_error_that_helps(covariance, error, message):
    with pytest.raises(error, match=message):
        parse_groups({"g": "x"}, COLUMNS, covariance=covariance)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=200), "g": np.arange(200) // 10})
    b = rng.normal(size=(20, 1)) + rng.normal(size=(20, 2))
    return X, b[X["g"], 0] + b[X["g"], 1] * X["x"].to_numpy() + rng.normal(size=200)


def test_groups_with_a_covariance_are_the_formula_with_its_word(rows):
    written = LMMRegressor("x + cs(x | g)").fit(*rows)
    chosen = LMMRegressor("x", groups={"g": "x"}, covariance="compound_symmetry").fit(*rows)
    assert chosen.formula_ == written.formula_ == "1 + x + cs(1 + x | g)"
    assert_allclose(chosen.log_likelihood_, written.log_likelihood_, rtol=1e-14)


def test_a_covariance_without_groups_is_refused(rows):
    with pytest.raises(FormulaError, match="about the effects of groups="):
        LMMRegressor("x + (x | g)", covariance="diagonal").fit(*rows)
