"""Formulas that would take for ever, read what they must not, or say nothing, are refused."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skglmm import BetaGLMMRegressor
from skglmm.design import Term, learn
from skglmm.exceptions import DesignError, FormulaError
from skglmm.formula import parse, parse_groups, read_constraints

BARS = ["{}", "z + {}", "({} | g)"]
SOON = 1.0  # processor seconds, for what took minutes

LARGE = [
    ("(x + z + k + c)**9", r"products of different terms end at 4; write \*\*4"),
    ("(a + b + c + d + e + f + g)**9", r"write \*\*7"),
    ("(a + b + c + d + e + f + g)**7", "more than 10000 products"),
    ("(a + b + c + d + e + f + g)^7", "more than 10000 products"),
    ("*".join("abcdefghijklmnopqrstuvw"), "more than 10000 products"),
    ("((a + b + c)**3)**9", "more than 10000 products"),
    ("x**9**9", "a power of a power"),
    ("(a + b)**2**2", "a power of a power"),
    ("x**2", r"the square of a column is I\(x\*\*2\)"),
    ("bs(x, df=100000000)", "100000000 columns are too many, 1000 at most"),
    ("bs(x, 100000000)", "too many"),
    ("bs(x, df=1e300)", "too many"),
    ("bs(x, df=1e999)", "too many"),
    ("bs(x, 5, None, 100000000)", "too many"),
    ("bs(x, degree=100000000)", "too many"),
    ("bs(x, df=10000*10000)", "df and degree are plain numbers"),
    ("log(cr(x, df=abs(100000000)))", "df and degree are plain numbers"),
    ("bs(x, degree=999)", "degree of bs\\(\\) is 25 at most"),
    ("log(bs(x, 1000, None, 26))", "25 at most, not 26; a spline gets flexible by its knots"),
    ("cr(x, 100000000)", "too many"),
    ("cs(x, df=1001)", "too many"),
    ("cc(x, df=1001)", "too many"),
    ("poly(x, 1001)", "too many"),
    ("poly(x, degree=[9])", "df and degree are plain numbers"),
]


@pytest.mark.parametrize(("text", "message"), LARGE)
@pytest.mark.parametrize("place", BARS)
def test_what_would_take_for_ever_is_refused_at_once(text, message, place):
    begin = time.process_time()
    with pytest.raises(FormulaError, match=message):
        parse(place.format(text))
    assert time.process_time() - begin < SOON


EMPTY = ["I(None)", "I(1)", "{1 + 2}", "log(2)", "np.log(2)", "C('a')", "f()", "f(2)", "I()"]


@pytest.mark.parametrize("text", EMPTY)
@pytest.mark.parametrize("place", BARS)
def test_an_expression_without_a_column_is_refused(text, place):
    with pytest.raises(FormulaError, match="uses no column"):
        parse(place.format(text), ["f"])


FINE = [
    "I(x**2) + {x**3}",
    "poly(x, 3) + poly(z, degree=2, raw=True)",
    "bs(x, 4, None, 3) + bs(x, df=K) + cr(x, df=1000) + bs(z, knots=[5000], upper_bound=1e9)",
    "(x + z + k + c)**2",
    "(x + z + k + c)**4",
    "(a + b + c + d + e)**5",
    "*".join("abcdefgh"),
    "Q('my col') + log(C) + log(`my col`) + {K * 2}",
    " + ".join(f"x{i}" for i in range(1000)),
]


@pytest.mark.parametrize("text", FINE)
def test_formulas_of_an_ordinary_size_are_read(text):
    assert parse(text, ["K"]).bars == ()


# What a stranger may try, and why it is refused.
HOSTILE = [
    # arguments that numpy knows: memory that was never written, columns overwritten
    ("log(w, where=False)", "has no argument 'where'"),
    ("log(w, out=x)", "has no argument 'out'"),
    ("log(w, x)", r"log\(\) has 1 argument in order \(x\), not 2"),
    ("np.exp(w, x)", "has 1 argument"),
    ("abs(w, dtype='O')", "has no argument 'dtype'"),
    ("sqrt(w, casting='unsafe')", "has no argument 'casting'"),
    ("expit(w, order='F')", "has no argument 'order'"),
    ("center(w, [1])", "has 1 argument"),
    ("scale(w, True, True, 1, x)", "has 4 arguments in order"),
    ("poly(x, 2, False, [])", "has 3 arguments in order"),
    ("poly(x, 2, degree=2)", "has the argument 'degree' twice"),
    ("bs(x, knots=w)", "knots of bs"),
    ("bs(x, knots=[log(9)])", "knots of bs"),
    (f"bs(x, knots={list(range(1001))})", "knots of bs"),
    ("bs(x, knots=[0.9, 0.1])", "knots of bs.* in their order"),
    ("cr(x, knots=[1, 3, 2])", "knots of cr.* in their order"),
    ("bs(x, df=0)", "df of bs.* is 1 or more, not 0"),
    ("cs(x, 0)", "df of cs.* is 1 or more, not 0"),
    ("bs(x, lower_bound=w)", "lower_bound of bs"),
    ("cr(x, df=4, constraints=[[1]] * 9)", "constraints of cr"),
    (f"cr(x, df=4, constraints={[[0] * 40] * 40})", "constraints of cr"),
    ("cr(x, df=4, constraints='centre')", "constraints of cr"),
    ("scale(x, center=w)", "center of scale"),
    ("C(s, w)", "contrasts of C"),
    ("C(s, {'a': [1]})", "contrasts of C"),
    ("C(s, contr.custom(w))", "contrasts of contr.custom"),
    ("C(s, levels=w)", "levels of C"),
    (f"C(s, levels={list(range(1001))})", "levels of C"),
    ("C(s, levels=['a', 'b', 'a'])", "levels of C.* a list of different levels"),
    ("C(s, contr.custom([[1, 0], [0, 1]], names=['p', 'p']))", "names of contr.custom.* different"),
    ("C(s, contr.treatment(w))", "base of contr.treatment"),
    ("Q(x)", "variable of Q"),
    ("Q('x' + 'y')", "variable of Q"),
    # numbers that grow
    ("{x + I(9)**I(9)**I(9)}", "a power of constants"),
    ("{x + abs(9)**abs(9)}", "a power of constants"),
    ("I(x**I(9))", "exponent .* plain number"),
    ("I(x**1e9)", "exponent .* plain number"),
    ("I(x**-101)", "exponent .* plain number"),
    ("I(x**log(1e9))", "exponent .* plain number"),
    ("I(x * 1e101)", "too large or too small"),
    ("I(x * 1e-101)", "too large or too small"),
    ("I(x + 1e999)", "too large or too small"),
    (f"I(x + {'9' * 500})", "too large or too small"),
    (f"{'9' * 500}:x", "too large or too small"),
    ("I('a') * 999999999 + {I('a') * 999999999}", "."),
    ("{x + I('a') * 999999999}", "uses no column"),
    ("{x + I([1]) * 999999999}", "a List"),
    ("I(x == 'a') + I('%999999999d' % x)", "arithmetic with a text"),
    # rows crossed with rows
    ("{scale(x) * poly(x, 1)}", "is a matrix, no operand"),
    ("I(scale(x) > poly(x, 1))", "is a matrix, no operand"),
    ("{x - center(poly(x, 1))}", "is a matrix, no operand"),
    # sizes
    ("x" * 1_000_000, "has 1000000 letters, 20000 at most"),
    ("x + `" + "x" * 1001 + "`", "the name .* has 1001 letters, 1000 at most"),
    ("+".join(f"I(x+{i})" for i in range(1500)), "has 1500 terms, 1001 at most"),
    ("*".join(f"I(x+{i})" for i in range(14)), "more than 10000 products"),
    ("/".join(f"x{i}" for i in range(300)), "products of 16 factors, 8 at most"),
    (":".join(f"x{i}" for i in range(9)), "products of 9 factors, 8 at most"),
    ("x:" * 6000 + "x", "products of .* factors|names, numbers and calls"),
    ("(a + b + c + d)/(e + f):g:h:i:j", "products of 9 factors"),
    ("*".join(900 * name for name in "abcdefgh"), "its products written out"),
    ("I(" + "x+" * 270 + "x)", "nested more than 250 deep"),
    ("I(" + "x+" * 5000 + "x)", "nested more than 250 deep|cannot read"),
    ("I(" + "-" * 9000 + "x)", "nested more than 250 deep|cannot read"),
    ("log(" * 240 + "x" + ")" * 240, "cannot read"),
    # other ways to say things
    ("{f'{x}'}", "cannot be used|cannot read"),
    ("I(x := 1)", "cannot be used|cannot read"),
    ("I((x, x))", "a Tuple"),
    ("I([x, x])", "a List"),
    ("log(*[x, x])", "Starred"),
    ("log(x, **{'out': x})", "ordinary names"),
    ("I(x if x else x)", "IfExp"),
    ("(x - x)/z", "cannot read"),
    ("[a ~ b] + x", "."),
    ("x %in% g", "write the interaction"),
    ("x + .", "'.' is not read"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE, ids=lambda text: text[:40])
def test_what_a_stranger_may_try_is_refused_at_once(text, message):
    begin = time.process_time()
    with pytest.raises(FormulaError, match=message) as caught:
        parse(text)
    assert time.process_time() - begin < SOON
    assert len(str(caught.value)) < 2000


def test_random_terms_are_counted_and_bounded():
    terms = [f"(x | g{i})" for i in range(101)]
    assert len(parse(" + ".join(terms[:100])).bars) == 100
    with pytest.raises(FormulaError, match="has 101 random terms, 100 at most"):
        parse(" + ".join(terms))
    with pytest.raises(FormulaError, match=r"products of \d+ factors, 8 at most"):
        parse(f"(1 | {'/'.join(f'g{i}' for i in range(9))})")


def test_groups_are_counted_and_bounded():
    with pytest.raises(FormulaError, match="has 101 random terms, 100 at most"):
        parse_groups([f"g{i}" for i in range(101)], ["x"])


@pytest.mark.parametrize("groups", ["g" * 30_000, {"g": "x" * 30_000}, {"a" * 30_000: "1"}])
def test_groups_are_bounded(groups):
    with pytest.raises(FormulaError, match="has 30000 letters, 20000 at most"):
        parse_groups(groups, ["x"])


HYPOTHESES = [
    ("x" * 1_000_000, "has 1000000 letters, 4000 at most"),
    ("9*" * 1900 + "x = 0", "not linear|cannot read"),
    ("1e308 * 1e308 * x = 0", "not linear|too large"),
    ("x / 1e-320 = 0", "too large or too small"),
    ("x = 1e400", "names 'inf'"),
    ("x = __import__('os')", "."),
    ("x = 'a'", "names 'a'"),
]


@pytest.mark.parametrize(("text", "message"), HYPOTHESES, ids=lambda text: text[:20])
def test_hypotheses_are_bounded_too(text, message):
    begin = time.process_time()
    with pytest.raises(FormulaError, match=message):
        read_constraints(text, ["Intercept", "x"])
    assert time.process_time() - begin < SOON


def test_functions_of_the_context_take_any_arguments():
    text = "f(x, [1, 2], 'a', where=False, out=(x, None)) + f(f(x, where=2), ['b' , [x]])"
    assert parse(text, ["f"]).fixed.startswith("1 + f(")
    assert parse("log(x, where=1)", ["log"]).fixed == "1 + log(x, where=1)"
    for bad in ("f(x, _state=1)", "f(**x)", "f(x.y)", "f(lambda: x)", "f(x, 9**9**9)", "f(g(x))"):
        with pytest.raises(FormulaError):
            parse(bad, ["f"])


PLAIN = [
    "I(x**(1 / 3)) + I(x**-2) + I(x**0.5) + I(2**x) + I(x**z)",
    "I(x - log(2)) + I((x > 0) * (z > 0)) + I(0 < x) + I(x == 'a')",
    "scale(x, ddof=0) + scale(z, False, 2.5) + standardize(x, rescale=False)",
    "bs(x, knots=(-1, 0.5), degree=2, include_intercept=True, lower_bound=-3, upper_bound=3.5)",
    "cr(x, 4, None, -1, 1, [[1, 0, 0, -1]], 'clip') + cc(x, df=4, constraints='center')",
    "C(s, contr.custom([[1, 0], [0, 1], [0, 0]], names=['a', 'b'])) + C(s, [[1], [0]])",
    "C(s, contr.poly(scores=[1, 2, 4])) + C(s, contr.helmert(scale=True)) + C(s, Diff)",
    "C(s, contr.SAS) + C(s, contr.treatment(base=-1)) + C(data=s) + C(x > 0, spans_intercept=True)",
    "I(" + " + ".join(f"x{i}" for i in range(200)) + ")",
    "0.5:x",
]


@pytest.mark.parametrize("text", PLAIN)
def test_what_the_functions_take_is_read(text):
    assert parse(str(parse(text))) == parse(text)


WORDS = (
    "x w g 9 1 1e9 'a' `x` __ T lambda log( I( C( Q( bs( poly( cr( offset( np.exp( contr. diag( "
    "where= df= knots= == ** || %in% * : / ^ ( ) | ~ - { } [ ] , = ` ' % . & $"
).split()
PIECES = st.lists(st.sampled_from([*WORDS, " + ", " ", "\n", "\\", '"', "0 + "]), max_size=14)


def _reads(text):
    try:
        formula = parse(text)
    except FormulaError:
        return None
    assert str(parse(str(formula))) == str(formula)
    return formula


@pytest.mark.slow
@given(pieces=PIECES, times=st.sampled_from([1, 1, 1, 3, 40, 700]))
@settings(deadline=2000, derandomize=True, max_examples=4000)
def test_any_pieces_of_formulas_are_read_or_refused_soon(pieces, times):
    _reads("".join(pieces) * times)


@pytest.mark.slow
@given(pieces=PIECES)
@settings(deadline=5000, derandomize=True, max_examples=1500)
def test_what_is_read_is_evaluated_or_refused_soon(pieces):
    formula = _reads("".join(pieces))
    if formula is None:
        return
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=40), rng.uniform(1, 2, 40)
    frame = pd.DataFrame({"x": x, "w": w, "g": [*"abcd"] * 10})
    kept = frame.copy()
    terms = [Term(bar.effects, bar.group, bar.correlated) for bar in formula.bars]
    try:
        _, design = learn(frame, {"mean": formula.fixed}, terms, offsets={"mean": formula.offsets})
    except DesignError:
        return
    assert all(np.isfinite(matrix).all() for matrix in design.fixed)
    assert design.fixed[0].shape[0] == 40
    pd.testing.assert_frame_equal(frame, kept)


@pytest.mark.slow
@given(pieces=PIECES)
@settings(deadline=2000, derandomize=True, max_examples=1500)
def test_any_pieces_of_hypotheses_are_read_or_refused_soon(pieces):
    try:
        matrix, values = read_constraints("".join(pieces), ["Intercept", "x", "w"])
    except FormulaError:
        return
    assert np.isfinite(matrix).all()
    assert np.isfinite(values).all()


LARGE_DESIGNS = [
    ("a:b", [], "a product makes .* columns or more, 5000 at most"),
    ("C(x)", [], r"'C\(x\)' makes 6000 columns or more, 5000 at most"),
    ("C(x + 1)", [], "makes 6000 columns or more"),
    (f"C(a, levels={[str(i) for i in range(900)]}):b", [], "a product makes"),
    ("bs(x, 1000):bs(w, 900)", [], "a product makes 900000 columns"),
    ("1", [Term("1 + a", ("g",))], "variances and correlations, 1000 at most"),
    ("1", [Term("1 + bs(x, 200)", ("g",))], "variances and correlations, 1000 at most"),
]


@pytest.mark.parametrize(("text", "terms", "message"), LARGE_DESIGNS)
def test_columns_are_counted_before_they_are_made(text, terms, message):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(6000, 2)), columns=["x", "w"])
    frame = frame.assign(a=rng.integers(110, size=6000).astype(str), g=np.arange(6000) % 9)
    frame["b"] = frame["a"].to_numpy()[::-1]
    with pytest.raises(DesignError, match=message):
        learn(frame, {"mean": text}, terms)


@pytest.mark.parametrize("formula", ["tiny", "x + (0 + tiny | g)"])
def test_no_estimate_is_published_that_is_not_finite(formula):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=80), "g": np.arange(80) % 8})
    frame["tiny"] = 1e-310 * rng.normal(size=80)
    with pytest.raises(DesignError, match=r"not finite|0 in all rows"), np.errstate(all="ignore"):
        BetaGLMMRegressor(formula).fit(frame, rng.beta(2, 3, 80))
