"""Wald tests of linear hypotheses, and how they are written."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2
from sklearn.exceptions import NotFittedError
from test_separable import crossed_rows

from skglmm import BetaGLMMRegressor
from skglmm.exceptions import FormulaError
from skglmm.formula import read_constraints

NAMES = [
    *("Intercept", "a", "b", "x", "x1", "x:z", "my col"),
    *("C(x)[T.a]", "C(x)[T.b]", "poly(x, 2)[1]", "poly(x, 2)[2]", "I(x ** 2)", "precision(x)"),
]
READINGS = {  # weights by name, and value, of each constraint
    "a = 0": [({"a": 1}, 0)],
    "a": [({"a": 1}, 0)],
    "a = b": [({"a": 1, "b": -1}, 0)],
    "a = b, x = 1": [({"a": 1, "b": -1}, 0), ({"x": 1}, 1)],
    "2 * (a + b) / 4 = 3": [({"a": 0.5, "b": 0.5}, 3)],
    "2*a - a = 3 + b": [({"a": 1, "b": -1}, 3)],
    "a + 1 = 0": [({"a": 1}, -1)],
    "0 = a": [({"a": -1}, 0)],
    "a = -1": [({"a": 1}, -1)],
    "a = - 0.5, -b=+2": [({"a": 1}, -0.5), ({"b": -1}, 2)],
    "a = 1e-3": [({"a": 1}, 0.001)],
    "1.5E1 * a=.5": [({"a": 15}, 0.5)],
    "x = x1": [({"x": 1, "x1": -1}, 0)],
    "x:z = x": [({"x:z": 1, "x": -1}, 0)],
    "my col = 2": [({"my col": 1}, 2)],
    "C(x)[T.a] = C(x)[T.b]": [({"C(x)[T.a]": 1, "C(x)[T.b]": -1}, 0)],
    "`C(x)[T.a]` = `x`": [({"C(x)[T.a]": 1, "x": -1}, 0)],
    "poly(x, 2)[1], poly(x, 2)[2] = 1": [({"poly(x, 2)[1]": 1}, 0), ({"poly(x, 2)[2]": 1}, 1)],
    "I(x ** 2) - Intercept = 0": [({"I(x ** 2)": 1, "Intercept": -1}, 0)],
    "precision(x) = x": [({"precision(x)": 1, "x": -1}, 0)],
}


@pytest.mark.parametrize("text", READINGS)
def test_hypotheses_are_read(text):
    matrix, values = read_constraints(text, NAMES)
    expected = [[weights.get(name, 0) for name in NAMES] for weights, _ in READINGS[text]]
    assert_array_equal(matrix, expected)
    assert_array_equal(values, [value for _, value in READINGS[text]])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("q = 0", "names 'q'; the coefficients are 'Intercept', 'a', 'b'"),
        ("x12 = 0", "names 'x12'"),
        ("ax = 0", "names 'ax'"),
        ("x.1 = 0", "names 'x.1'"),
        ("log(a) = 0", r"names 'log\(a\)'"),
        ("a = b = x", "a constraint has one '='"),
        ("a = 0, x = b = 1", "a constraint has one '='"),
        ("a * b = 1", "not linear"),
        ("1 / a = 1", "not linear"),
        ("a / 0 = 1", "not linear"),
        ("a == 0", "Unknown operator '=='"),
        ("a < 0", "Unknown operator '<'"),
        ("a:b = 0", "names 'a:b'; the coefficients are"),
        ("2 a:b = 0", "names 'a:b'"),
        ("x:z:a = 0", "names 'x:z:a'; .* did you mean 'x:z'"),
        ("a b", "Missing operator"),
        ("a = ", "insufficient arguments"),
        ("a = 'b'", "numeric"),
        ("`a", "quote"),
        ("__import__('os').getcwd() = 0", "names|incorrectly used"),
    ],
)
def test_what_is_no_linear_hypothesis_is_refused(text, problem):
    with pytest.raises(FormulaError, match=problem):
        read_constraints(text, NAMES)


def test_a_name_that_is_close_is_proposed():
    with pytest.raises(FormulaError, match=r"names 'C\(x\)\[b\]'; .* mean 'C\(x\)\[T.b\]'"):
        read_constraints("C(x)[b] = 0", NAMES)


def test_long_lists_of_names_are_cut():
    with pytest.raises(FormulaError, match="'x19' and 80 more"):
        read_constraints("q = 0", [f"x{i}" for i in range(100)])


TERMS = {
    "kind": (2, 3),
    "x:kind": (4, 5),
    "poly(x, 2)": (6, 7),
    "sex": (8,),
    "precision(kind)": (9, 10),
    "precision(log(x):bs(z))": (11, 12),
}
FACTORS = ["x", "kind", "poly(x, 2)", "sex", "log(x)", "bs(z)"]
COLUMNS = [
    *("Intercept", "x", "kind[T.b]", "kind[T.c]", "x:kind[T.b]", "x:kind[T.c]"),
    *("poly(x, 2)[1]", "poly(x, 2)[2]", "sex[T.m]", "precision(kind[T.b])", "precision(kind[T.c])"),
    *("precision(log(x):bs(z)[1])", "precision(log(x):bs(z)[2])"),
]
WHOLE = {  # places of coefficients that are zero
    "kind = 0": (2, 3),
    "kind": (2, 3),
    "0 = kind": (2, 3),
    "`kind` = 0": (2, 3),
    "x:kind = 0": (4, 5),
    "kind:x = 0": (4, 5),
    "kind[T.b]:x = 0": (4,),
    "`kind:x` = 0, x": (4, 5, 1),
    "poly(x, 2) = 0": (6, 7),
    "poly(x,2) = 0": (6, 7),
    "sex = 0": (8,),
    "precision(kind) = 0": (9, 10),
    "kind = 0, precision(kind) = 0": (2, 3, 9, 10),
    "precision(log(x):bs(z)) = 0": (11, 12),
    "precision(bs(z):log(x)) = 0": (11, 12),
}


@pytest.mark.parametrize("text", WHOLE)
def test_the_name_of_a_term_stands_for_all_of_its_coefficients(text):
    matrix, values = read_constraints(text, COLUMNS, TERMS, FACTORS)
    assert_array_equal(np.abs(matrix), np.eye(len(COLUMNS))[list(WHOLE[text])])
    assert_array_equal(values, 0)


def test_a_term_of_one_coefficient_is_that_coefficient():
    matrix, values = read_constraints("2 * sex = x + 1", COLUMNS, TERMS)
    assert_array_equal(matrix[0, [1, 8]], [-1, 2])
    assert_array_equal(values, [1])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind = 1", r"'kind', which has the coefficients 'kind\[T.b\]', 'kind\[T.c\]', with"),
        ("kind = x", "mixes the term 'kind'"),
        ("x + x:kind", "mixes the term 'x:kind'"),
        ("knd = 0", "names 'knd'; .* as a whole 'kind', 'x:kind', .* did you mean 'kind'"),
        ("x:knd = 0", "did you mean 'x:kind' or "),
        ("kind[T.d] = 0", r"did you mean 'kind\[T.c\]' or 'kind\[T.b\]'"),
        ("precision(sex) = 0", r"names 'precision\(sex\)'; .* mean 'precision\(kind\)'"),
        ("poly(x, 3) = 0", r"names 'poly\(x, 3\)'; .* mean 'poly\(x, 2\)'"),
    ],
)
def test_terms_that_cannot_be_tested_are_refused_with_what_can(text, problem):
    with pytest.raises(FormulaError, match=problem):
        read_constraints(text, COLUMNS, TERMS)


# statistics by fixef() and vcov() of glmmTMB 1.1.5, t(b) %*% solve(V) %*% b
OF_R = {
    "f = 0": (9.2744605, ["f[T.b]", "f[T.c]"]),
    "x:f = 0": (4.1942587, ["x:f[T.b]", "x:f[T.c]"]),
    "f:x = 0": (4.1942587, ["x:f[T.b]", "x:f[T.c]"]),
    "precision(f) = 0": (5.1695177, ["precision(f[T.b])", "precision(f[T.c])"]),
}


@pytest.mark.filterwarnings("ignore::skglmm.ImplicitNestingWarning")
def test_whole_categories_and_interactions_are_tested_as_in_r():
    X, y = crossed_rows(3, "abc", (0.6, 0.2, 0.5, 0.8))
    model = BetaGLMMRegressor("x * f + (1 | s)", precision="f").fit(X, y)
    for hypothesis, (statistic, names) in OF_R.items():
        test = model.wald_test(hypothesis)
        assert_allclose(test.statistic, statistic, rtol=2e-4)
        assert test.constraints == tuple(f"{name} = 0" for name in names)
    curved = BetaGLMMRegressor("poly(x, 2) + f + (1 | s)").fit(X, y)
    assert_allclose(curved.wald_test("poly(x, 2) = 0").statistic, 38.362223, rtol=2e-4)


def test_terms_have_the_names_of_their_columns_whatever_these_are(rows):
    X, y = rows
    X = X.assign(**{"my kind": X["kind"], "a[b]": X["x"] ** 2, "c:d": X["kind"] + ":e[1]"})
    model = BetaGLMMRegressor("x * `my kind` + `a[b]` + C(kind, contr.sum):`a[b]`").fit(X, y)
    both = model.wald_test("my kind = 0")
    assert both.constraints == ("my kind[T.b] = 0", "my kind[T.c] = 0")
    assert model.wald_test("x:my kind = 0").df == model.wald_test("`my kind:x`").df == 2
    assert model.wald_test("a[b] = 0").constraints == ("a[b] = 0",)
    assert model.wald_test("C(kind, contr.sum):a[b] = 0").df == 2
    labels = BetaGLMMRegressor("`c:d` + x").fit(X, y)
    assert labels.wald_test("c:d = 0").df == 2


def test_what_was_left_out_of_fit_is_no_part_of_a_term(rows):
    X, y = rows
    X = X.assign(part=np.where(X["kind"] == "c", "u", np.resize(["u", "v"], len(y))))
    with pytest.warns(UserWarning, match="dropped"):
        model = BetaGLMMRegressor("kind * part").fit(X, y)
    test = model.wald_test("kind:part = 0")
    assert test.constraints == ("kind[T.b]:part[T.v] = 0",)
    additive = BetaGLMMRegressor("kind + part").fit(X, y)
    ratio = 2 * (model.log_likelihood_ - additive.log_likelihood_)
    assert_allclose(test.statistic, ratio, rtol=0.05)  # asymptotically the same


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(2)
    X = pd.DataFrame(
        {
            "x": rng.normal(3.0, 2.0, 240),
            "kind": rng.choice(list("abc"), 240),
            "g": np.repeat(np.arange(12), 20).astype(str),
        }
    )
    eta = 0.3 * X["x"] - 1 + (X["kind"] == "b") + np.repeat(rng.normal(0, 0.5, 12), 20)
    mean = (1 / (1 + np.exp(-eta))).to_numpy()
    return X, rng.beta(8 * mean, 8 * (1 - mean))


@pytest.fixture(scope="module")
def model(rows):
    return BetaGLMMRegressor("x + C(kind) + (1 | g)", precision="x").fit(*rows)


def test_one_constraint_is_the_square_of_its_z(model):
    test = model.wald_test("x = 0.25")
    error = np.sqrt(model.vcov().loc["x", "x"])
    z = (model.coef_[model.coef_names_.index("x")] - 0.25) / error
    assert test.df == 1
    assert_allclose([test.statistic, test.p_value], [z**2, chi2.sf(z**2, 1)])
    assert_allclose([test.estimate[0], test.std_error[0]], [z * error, error])


def test_without_a_value_it_is_the_test_of_the_summary(model):
    mean = model.summary().coefficients[0]
    for name, p_value in zip(mean.names, mean.p_value, strict=True):
        assert_allclose(model.wald_test(f"{name} = 0").p_value, p_value, rtol=1e-9)


def test_several_constraints_use_their_covariance(model):
    names = ["C(kind)[T.b]", "C(kind)[T.c]"]
    test = model.wald_test(f"{names[0]} = 0, {names[1]} = 0.1")
    part = model.vcov().loc[names, names].to_numpy()
    beta = np.array([model.coef_[model.coef_names_.index(name)] for name in names]) - [0, 0.1]
    assert test.df == 2
    assert_allclose(test.statistic, beta @ np.linalg.inv(part) @ beta)
    assert_allclose(test.p_value, chi2.sf(test.statistic, 2))


def test_statistics_do_not_depend_on_how_a_hypothesis_is_written(model):
    names = list(model.vcov().index)
    matrix = np.zeros((2, len(names)))
    matrix[0, names.index("x")], matrix[1, names.index("C(kind)[T.b]")] = 1, 1
    plain = model.wald_test("x = 0.2, C(kind)[T.b] = 1")
    mixed = "2 * x + C(kind)[T.b] = 1.4, x - C(kind)[T.b] + 0.8"
    for same in (
        (matrix, [0.2, 1.0]),
        ["x = 0.2", "C(kind)[T.b] = 1"],
        "C(kind)[T.b] = 1, 0.2 = x",
        mixed,
    ):
        assert_allclose(model.wald_test(same).statistic, plain.statistic, rtol=1e-10)
    assert model.wald_test((matrix, [0.2, 1.0])).constraints == plain.constraints
    assert_allclose(model.wald_test(matrix).statistic, model.wald_test("x, C(kind)[T.b]").statistic)


def test_other_units_give_the_same_test(rows, model):
    X, y = rows
    scaled = BetaGLMMRegressor("x + C(kind) + (1 | g)", precision="x")
    scaled.fit(X.assign(x=X["x"] * 1e4), y)
    found = scaled.wald_test("x = 0.25e-4, precision(x) = 0")
    assert_allclose(found.statistic, model.wald_test("x = 0.25, precision(x) = 0").statistic, 1e-4)


def test_coefficients_of_other_predictors_have_their_names(model):
    test = model.wald_test("precision(x) = 0")
    precision = model.summary().coefficients[1]
    assert_allclose(test.p_value, precision.p_value[precision.names.index("x")], rtol=1e-9)


def test_near_the_null_the_statistic_is_near_that_of_the_likelihood_ratio(rows, model):
    smaller = BetaGLMMRegressor("x + C(kind) + (1 | g)").fit(*rows)
    ratio = 2 * (model.log_likelihood_ - smaller.log_likelihood_)
    assert 0.5 < ratio < 10
    wald = model.wald_test("precision(x) = 0").statistic
    assert wald == pytest.approx(ratio, rel=0.1)  # asymptotically the same


@pytest.mark.parametrize(
    ("hypothesis", "problem"),
    [
        ("x = 0, 2 * x = 1", "'2 \\* x = 1' follows from x = 0, or contradicts it"),
        ("x = C(kind)[T.b], C(kind)[T.b] = 1, x = 1", "'x = 1' follows from"),
        ("x - x = 0", "'0 = 0' involves no coefficient"),
        ("3", "involves no coefficient"),
        ("", r"weights of shape \(0, 6\), expected \(m, 6\)"),
        ([], r"weights of shape \(0, 6\)"),
        ([1.0, 0.0], r"weights of shape \(1, 2\), expected \(m, 6\): .* Intercept, "),
        (np.zeros((2, 2, 2)), "weights of shape"),
        ((np.eye(6)[:2], [1.0, 2.0, 3.0]), r"got \(2, 6\) and \(3,\)"),
        ((np.eye(6)[:1], [np.nan]), "finite"),
        ("x == 0", "Unknown operator"),
    ],
)
def test_hypotheses_that_cannot_be_tested_are_refused(model, hypothesis, problem):
    with pytest.raises(ValueError, match=problem):
        model.wald_test(hypothesis)


@pytest.mark.parametrize("hypothesis", [{"x": 0}, ["x = 0", 1], object()])
def test_what_is_neither_text_nor_numbers_is_refused(model, hypothesis):
    with pytest.raises(TypeError, match="a hypothesis is a text such as 'x = 0', a list of these"):
        model.wald_test(hypothesis)


def test_coefficients_without_a_standard_error_are_refused(rows):
    X, y = rows
    with pytest.warns(UserWarning, match="dropped"):
        model = BetaGLMMRegressor("x + twice + (1 | g)").fit(X.assign(twice=2 * X["x"]), y)
    with pytest.raises(ValueError, match="do not determine 'twice'"):
        model.wald_test("twice = 0")
    assert model.wald_test("x = 0").df == 1
    with pytest.raises(ValueError, match="inference=False"):
        BetaGLMMRegressor("x", inference=False).fit(X, y).wald_test("x = 0")
    with pytest.raises(NotFittedError):
        BetaGLMMRegressor("x").wald_test("x = 0")


def test_the_record_shows_itself_as_a_line_as_html_and_as_a_table(model):
    test = model.wald_test("x = 0.25, precision(x) - 2*x = -1")
    written = "x = 0.25, -2 * x + precision(x) = -1"
    assert (
        str(test)
        == repr(test)
        == (f"Wald = {test.statistic:.3f} on 2 df, p = {test.p_value:.2g} ({written})")
    )
    assert "<table" in test._repr_html_()
    table = test.to_frame()
    assert list(table.index) == list(test.constraints) == written.split(", ")
    assert_array_equal(table["estimate"], test.estimate)
    assert_allclose(table["p_value"][0:1], model.wald_test("x = 0.25").p_value)
