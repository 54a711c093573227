"""Formulas: what each spelling says, and what is refused with which words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skglmm.exceptions import FormulaError
from skglmm.formula import Bar, Formula, check_expressions, parse, parse_groups, quote, variables

G = ("g",)

READINGS = {
    "x": ("1 + x", ()),
    "1": ("1", ()),
    "0": ("0", ()),
    "x - 1": ("0 + x", ()),
    "0+x": ("0 + x", ()),
    "x + -1": ("0 + x", ()),
    "x*z": ("1 + x + z + x:z", ()),
    "(x + z)**2": ("1 + x + z + x:z", ()),
    "x:z + x": ("1 + x + x:z", ()),
    "2:x": ("1 + 2:x", ()),
    "log( x )": ("1 + log(x)", ()),
    "{x+1}": ("1 + {x + 1}", ()),
    "C(s, Treatment('b'))": ("1 + C(s, Treatment('b'))", ()),
    "log(`a b`)": ("1 + log(`a b`)", ()),
    "x.y": ("1 + x.y", ()),
    "größe": ("1 + größe", ()),
    "y ~ x": ("1 + x", ()),
    "~ x": ("1 + x", ()),
    "~ -1 + x": ("0 + x", ()),
    "(1 | g)": ("1", (Bar("1", G),)),
    "(1|g)+x": ("1 + x", (Bar("1", G),)),
    "+ (1|g) + x": ("1 + x", (Bar("1", G),)),
    "0 + (1|g)": ("0", (Bar("1", G),)),
    "(1|g) - 1": ("0", (Bar("1", G),)),
    "x + (1|g) - 1 + z": ("0 + x + z", (Bar("1", G),)),
    "(x | g)": ("1", (Bar("1 + x", G),)),
    "(1+x|g)": ("1", (Bar("1 + x", G),)),
    "(0 + x | g)": ("1", (Bar("0 + x", G),)),
    "(x - 1 | g)": ("1", (Bar("0 + x", G),)),
    "(x || g)": ("1", (Bar("1 + x", G, "diag"),)),
    "diag(x | g)": ("1", (Bar("1 + x", G, "diag"),)),
    "z + diag( 0 + x|a/b )": (
        "1 + z",
        (Bar("0 + x", ("a",), "diag"), Bar("0 + x", ("a", "b"), "diag")),
    ),
    "(1 || g)": ("1", (Bar("1", G),)),
    "((1 | g))": ("1", (Bar("1", G),)),
    "x + (((x | g)))": ("1 + x", (Bar("1 + x", G),)),
    "(1 | a:b)": ("1", (Bar("1", ("a", "b")),)),
    "(1 | a/b)": ("1", (Bar("1", ("a",)), Bar("1", ("a", "b")))),
    "(1 | a/b/c)": ("1", (Bar("1", ("a",)), Bar("1", ("a", "b")), Bar("1", ("a", "b", "c")))),
    "(1 | (a/b))": ("1", (Bar("1", ("a",)), Bar("1", ("a", "b")))),
    "(1|h) + (1|g)": ("1", (Bar("1", G), Bar("1", ("h",)))),
    "(0 + x | g) + (1 | g)": ("1", (Bar("1", G), Bar("0 + x", G))),
    "(1 | b:a) + (0 + x | a:b)": ("1", (Bar("1", ("a", "b")), Bar("0 + x", ("a", "b")))),
    "(x*z | g)": ("1", (Bar("1 + x + z + x:z", G),)),
    "(poly(x, 2) | g)": ("1", (Bar("1 + poly(x, 2)", G),)),
    "`a|b` + (1 | `my col`)": ("1 + `a|b`", (Bar("1", ("my col",)),)),
    "(`a (b)` | `g:h`/k)": ("1", (Bar("1 + `a (b)`", ("g:h",)), Bar("1 + `a (b)`", ("g:h", "k")))),
    "x +\n  (1 | g)": ("1 + x", (Bar("1", G),)),
}


@pytest.mark.parametrize("text", READINGS)
def test_a_formula_reads_as(text):
    fixed, bars = READINGS[text]
    formula = parse(text)
    assert (formula.fixed, formula.bars) == (fixed, bars)


@pytest.mark.parametrize("text", READINGS)
def test_the_canonical_text_reads_as_itself(text):
    formula = parse(text)
    again = parse(str(formula))
    assert str(again) == str(formula)
    assert (again.fixed, again.bars) == (formula.fixed, formula.bars)


def test_the_canonical_text_is_lme4_notation():
    text = "y ~ (x||h) + z + (1|a/`b c`) - 1"
    assert str(parse(text)) == "0 + z + (1 | a) + (1 | a:`b c`) + (1 + x || h)"


SAME = [
    ("x + (x | g)", "(1+x|g)+x", "y ~ 1 + x + (x|g)", "  x+( 1 + x | g )", "((x|g)) + x"),
    ("x + (1 | a/b)", "x + (1|a) + (1|a:b)", "(1|a:b) + x + (1|a)"),
    ("x + (1 | a:b) + (0 + x | a:b)", "x + (1 | b:a) + (0 + x | a:b)"),
    ("(x || g)", "diag(x | g)", "diag(1 + x|g)"),
]


@pytest.mark.parametrize("texts", SAME)
def test_spellings_of_one_model_share_a_text(texts):
    assert len({str(parse(text)) for text in texts}) == 1


GROUPS = [
    ("g", "(1 | g)"),
    (0, "(1 | x)"),
    (np.int64(3), "(1 | `my col`)"),
    (["g", "h"], "(1 | h) + (1 | g)"),
    ({"g": "1 + x"}, "(x | g)"),
    ({"g": "x"}, "(x | g)"),
    ({"g": "1 + x", "a/b": "1"}, "(1 | a/b) + (x | g)"),
    ({"g": ["1", "0 + x"]}, "(1 | g) + (0 + x | g)"),
    ({"g": ["0 + x", "1"]}, "(1 | g) + (0 + x | g)"),
    ("a:b", "(1 | a:b)"),
    ("a/b", "(1 | a/b)"),
    ("a / b", "(1 | a/b)"),
    ({2: "poly(x, 2)"}, "(poly(x, 2) | h)"),
    ("my col", "(1 | `my col`)"),
    (" g ", "(1 | g)"),
    ([" g", "a / b "], "(1 | g) + (1 | a/b)"),
    ("p/q", "(1 | `p/q`)"),
    ("`my col`/g", "(1 | `my col`/g)"),
    ("not there", "(1 | `not there`)"),
]


@pytest.mark.parametrize(("groups", "text"), GROUPS)
def test_groups_and_bars_are_two_spellings_of_one_thing(groups, text):
    columns = ["x", "g", "h", "my col", "p/q", "a", "b"]
    assert parse_groups(groups, columns) == parse(text).bars


def test_no_groups_are_no_bars():
    assert parse_groups(None, ["x"]) == ()


BAD_GROUPS = [
    (("g",), TypeError, "tuple"),
    (1.5, TypeError, "float"),
    (True, TypeError, "bool"),
    (np.array([1.0]), TypeError, "ndarray"),
    ([["g"]], TypeError, "list"),
    ({"g": 1}, TypeError, "are a formula such as"),
    ({"g": None}, TypeError, "are a formula such as"),
    ({"g": []}, FormulaError, "are a formula such as"),
    ({("a", "b"): "1"}, TypeError, "tuple"),
    ([], FormulaError, "names no column"),
    ({}, FormulaError, "names no column"),
    ("", FormulaError, "names no column"),
    (7, FormulaError, r"X has 4 feature\(s\)"),
    (-1, FormulaError, r"X has 4 feature\(s\)"),
    ("C(g)", FormulaError, "not an expression"),
    ("a+b", FormulaError, "cannot be joined"),
    ("a*b", FormulaError, "cannot be joined"),
    (["g", "g"], FormulaError, "both have an intercept"),
    ({"g": "0"}, FormulaError, "no effects"),
    ({"g": ""}, FormulaError, "no effects"),
    ({"g": "x | h"}, FormulaError, "has a bar; .* belongs in formula"),
    ({"g": "(x | h)"}, FormulaError, "has a bar; .* belongs in formula"),
    ("(1|g)", FormulaError, "a term with a bar, .* belongs in formula"),
    ("x || g", FormulaError, "a term with a bar, .* belongs in formula"),
    (["g", "(1 | x)"], FormulaError, "a term with a bar, .* belongs in formula"),
    ("a`b", FormulaError, "'a`b' cannot be written in a formula; rename"),
    (3, FormulaError, "'a`b' cannot be written in a formula; rename"),
    ("  ", FormulaError, "cannot be written|no column|no grouping"),
    ({"g": "f(x)"}, FormulaError, "'f' is not known"),
    ({"g": ["x", "1"]}, FormulaError, "both have an intercept"),
]


@pytest.mark.parametrize(("groups", "error", "message"), BAD_GROUPS)
def test_groups_that_cannot_be_read_are_refused(groups, error, message):
    with pytest.raises(error, match=message):
        parse_groups(groups, ["x", "g", "h", "a`b"])


def test_functions_of_the_context_are_allowed_in_groups():
    assert parse_groups({"g": "f(x)"}, ["x", "g"], ["f"]) == (Bar("1 + f(x)", G),)


def test_a_term_without_grouping_factor_is_dropped_and_recorded():
    formula = parse("x + (x | 1) + (1 | g)")
    assert formula.dropped == ("(1 + x | 1)",)
    assert formula.bars == (Bar("1", G),)
    assert str(formula) == "1 + x + (1 | g)"


@pytest.mark.parametrize(
    ("text", "response"), [("y ~ x", "y"), ("`my y`~x", "my y"), ("x", None), ("~ x", None)]
)
def test_the_left_hand_side_is_a_label(text, response):
    assert parse(text).response == response


# text, what the message says, what the carets stand under
BAD = [
    ("x | g", r"write \(x \| g\)", "|"),
    ("x || g", r"write \(x \| g\)", "||"),
    ("y ~ x | g", r"write \(x \| g\)", "|"),
    ("x + (1 | g", "never closed", "("),
    ("x + ((1 | g)", "never closed", "("),
    ("x + 1 | g)", "closes nothing", ")"),
    ("(x]", "closes nothing", "]"),
    ("x[", "quote context", "x["),
    ("log(x", "quote context", "log(x"),
    ("`x", "quote context", "`x"),
    ("(| g)", "no effects before the bar", None),
    ("( | g)", "no effects before the bar", None),
    ("(1 |)", "no grouping factor", None),
    ("(1 | )", "no grouping factor", None),
    ("(1 | ())", "no grouping factor", None),
    ("(|)", "no effects before the bar", None),
    ("(0 | g)", "0 removes its intercept", "0"),
    ("x * (1 | g)", r"only \+ joins", "*"),
    ("x:(1 | g)", r"only \+ joins", ":"),
    ("-(1 | g)", r"only \+ joins", "-"),
    ("x - (1 | g)", r"only \+ joins", "-"),
    ("(1 | g) * x", r"only \+ joins", "*"),
    ("x + (1 | g):z", r"only \+ joins", ":"),
    ("x (1 | g)", r"missing '\+' before", "x ("),
    ("x + (1 | g) z", r"missing '\+' after", ") z"),
    ("(1 | g)(1 | h)", r"missing '\+'", None),
    ("log(x) (1 | g)", r"missing '\+' before", None),
    ("x(1 | g)", r"written \+ \(1 \| g\)", None),
    ("{1 | g}", r"written \+ \(1 \| g\)", None),
    ("(x + (1 | g))", "take it out of these parentheses", ")"),
    ("((1 | g) | h)", "take it out of these parentheses", "("),
    ("(1 | g | h)", "one bar", "| g |"),
    ("(1 | (g | h))", r"only \+ joins", "|"),
    ("(1 | | g)", "got '| |'", "| |"),
    ("(1 |+ g)", r"got '\|\+'", "|+"),
    ("diag(x || g)", "one bar", "diag(x || g)"),
    ("diag(x)", "'diag' is not known", None),
    ("(1 | C(g))", "not an expression", "C(g)"),
    ("(1 | 2)", "not the value 2", "2"),
    ("(1 | 1.5)", "not the value 1.5", "1.5"),
    ("(1 | 'g')", "not the value 'g'", "'g'"),
    ("(1 | a + b)", r"\(1 \| a\) \+ \(1 \| b\)", "+"),
    ("(1 | a * b)", r"\(1 \| a\) \+ \(1 \| b\)", "*"),
    ("(1 | a - b)", "use : or /", "-"),
    ("(1 | a b)", "Missing operator", None),
    ("(1 | a/)", "cannot read", "/"),
    ("(1 | /a)", r"got '\| /'", "| /"),
    ("(x | g) + (1 | g)", "both have an intercept", None),
    ("(1 | g) + (1 | g)", "both have an intercept", None),
    ("(0 + x | a:b) + (0 + x | b:a)", "both have the effect 'x'", None),
    ("(1 | a/b) + (1 | a)", r"both have an intercept.* stands for \(1 \| a\)", None),
    ("log(y) ~ x", "TransformedTargetRegressor", "log(y)"),
    ("y + z ~ x", "TransformedTargetRegressor", "y + z"),
    ("1 ~ x", "TransformedTargetRegressor", "1"),
    ("x ~ y ~ z", "only once", "~"),
    ("(x ~ z | g)", "TransformedTargetRegressor", None),
    ("", "no terms", None),
    ("  ", "no terms", None),
    ("y ~", "no terms", None),
    ("x y", "in back quotes, as `x y`", "x y"),
    ("x +", "insufficient", None),
    ("x + .", "'.' is not read", "."),
    ("3 + x", "Numeric literals", "3"),
    ("'a'", "String literals", "'a'"),
    ("(x)[1]", "Missing operator|square brackets", None),
    ("(a + b)**99", "whole number from 1 to 9", "99"),
    ("a**b", "whole number from 1 to 9", "b"),
    ("log('x)", "cannot read", None),
    ("log(" * 2000 + "x" + ")" * 2000, "cannot read", None),
]


@pytest.mark.parametrize(("text", "message", "marked"), BAD)
def test_a_formula_that_cannot_be_read_is_refused(text, message, marked):
    with pytest.raises(FormulaError, match=message) as caught:
        parse(text)
    if marked is not None:
        *_, shown, carets = str(caught.value).split("\n")
        start, stop = carets.index("^"), len(carets)
        assert shown[start:stop].strip() == marked


@pytest.mark.parametrize("formula", [1, 2.5, ["x"], {}, np.array([1.0])])
def test_a_formula_of_another_type_is_refused(formula):
    with pytest.raises(TypeError, match="a formula is a text"):
        parse(formula)


ALLOWED = [
    "x + log(x) + sqrt(x) + abs(x) + expit(x) + log1p(x)",
    "I(x**2) + {x / 2 + 1} + I(-x % 3 // 2)",
    "I(x > 0) + I(x == 'a') + I(x != 1)",
    "poly(x, degree=2) + cr(x, df=4) + bs(x, knots=[1, 2.5], extrapolation='extend')",
    "C(s, contr.sum) + C(s, Treatment('b')) + C(s, levels=['a', None, True])",
    "np.log(x) + np.square(x) + scale(center(x)) + Q('my col') + log(`my col`)",
]


@pytest.mark.parametrize("text", ALLOWED)
def test_known_functions_and_arithmetic_are_allowed(text):
    check_expressions(text)
    assert parse(text).bars == ()


REFUSED = [
    ("I(x + __import__('os').getpid())", "__import__|attribute"),
    ("I(__import__('os'))", "'__import__' is reserved"),
    ("I(__builtins__)", "reserved"),
    ("{len(open('f').read()) + x}", "len|attribute|open"),
    ("open('f')", "'open' is not known; own functions are added with context="),
    ("{exec('1')}", "exec"),
    ("I(x if x.to_csv('f') is None else x)", "IfExp|attribute"),
    ("{np.__builtins__}", "attribute"),
    ("np.load('f')", "attribute"),
    ("np.log.__class__(x)", "attribute"),
    ("x.map(lambda v: v)", "attribute|Lambda"),
    ("{(lambda v: v)(x)}", "Lambda|Call"),
    ("log(x)(x)", "Call"),
    ("{[v for v in x]}", "ListComp|comprehension"),
    ("I({v for v in x})", "SetComp"),
    ("I({'a': x})", "Dict"),
    ("{x[0]}", "Subscript"),
    ("x[0]", "Subscript"),
    ("{x and x}", "BoolOp"),
    ("{not x}", "Not"),
    ("{~x}", "Invert"),
    ("{x & x}", "operator"),
    ("{x << 2}", "operator"),
    ("{x @ x}", "operator"),
    ("{x is x}", "Is"),
    ("{x in x}", "In"),
    ("{f'{x}'}", "JoinedStr|cannot"),
    ("{x := 1}", "cannot"),
    ("log(*x)", "Starred"),
    ("log(**x)", "ordinary names"),
    ("poly(x, _state=x)", "ordinary names"),
    ("{9**9**9}", "power of constants"),
    ("I(x + (2 + 3)**(9 * 9))", "power of constants"),
    ("I('a' * 9)", "arithmetic with a text"),
    ("I([1] * 9)", "arithmetic with a list"),
    ("I(2j * x)", "Constant"),
    ("I(b'a')", "Constant"),
    ("I(...)", "Constant"),
    ("lag(x)", "'lag' is not known"),
    ("hashed(x)", "'hashed' is not known"),
    ("log(a.b)", "back quotes, `a.b`"),
    ("log(x|1)", r"\(1 \| g\)"),
    ("x1.f(1 | g)", r"\(1 \| g\)"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
@pytest.mark.parametrize("place", ["{}", "z + {}", "({} | g)"])
def test_anything_else_is_refused_before_evaluation(text, message, place):
    with pytest.raises(FormulaError, match=message):
        parse(place.format(text))


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_the_check_alone_refuses_it_too(text, message):
    with pytest.raises(FormulaError, match=message):
        check_expressions(text)


def test_code_in_a_back_quoted_name_is_never_evaluated():
    smuggled = """I(`'+__import__("os").getpid()+'` + '_formulaic___import____os___getpid____')"""
    with pytest.raises(FormulaError):
        parse(smuggled)


def test_the_context_adds_functions():
    with pytest.raises(FormulaError, match="context="):
        parse("f(x)")
    assert parse("f(x)", ["f"]).fixed == "1 + f(x)"
    assert parse("(f(x) | g)", ["f"]).bars == (Bar("1 + f(x)", G),)


VARIABLES = {
    "1": set(),
    "x + log(z):w": {"x", "z", "w"},
    "np.log(x) + C(s, contr.sum) + C(t, Sum)": {"x", "s", "t"},
    "poly(x, 2) + bs(z, df=4) + cr(`a b`, df=4)": {"x", "z", "a b"},
    "log(`a b`) + `c|d` + Q('e f')": {"a b", "c|d", "e f"},
    "I(log + 1)": {"log"},
    "log": {"log"},
    "x.y": {"x.y"},
    "f(x) * K": {"x", "K"},
}


@pytest.mark.parametrize("text", VARIABLES)
def test_variables_are_the_columns_of_a_formula(text):
    assert variables(text) == VARIABLES[text]


def test_constants_of_the_context_are_no_variables():
    assert variables("{x * K}", ["K"]) == {"x"}


def test_records_compare_and_hash_by_value():
    assert hash(parse("x + (1 | g)")) == hash(parse("1+x+(1|g)"))
    assert parse("x") == Formula("1 + x")


@pytest.mark.parametrize("name", ["a`b", "`", "", "\\"])
def test_a_name_that_no_formula_can_hold_is_named(name):
    with pytest.raises(FormulaError) as caught:
        quote(name)
    assert str(caught.value) == (
        f"the column name {name!r} cannot be written in a formula; rename the column"
    )


names = st.text("abc |:/+~()'{}%\\", min_size=1).filter(lambda name: "\\" not in name)


@given(x=names, g=names)
@settings(deadline=None, derandomize=True)
def test_any_name_works_in_back_quotes(x, g):
    formula = parse(f"`{x}` + (`{x}` | `{g}`)")
    assert formula.bars[0].group == (g,)
    assert variables(formula.fixed) == {x} == variables(formula.bars[0].effects)
    assert parse(str(formula)) == formula


@given(text=st.text("x1g0 |:/+-*~()`.", max_size=12))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_text_is_read_or_refused_and_reading_again_changes_nothing(text):
    try:
        formula = parse(text)
    except FormulaError:
        return
    assert str(parse(str(formula))) == str(formula)
