"""Formulas that would take for ever, or say nothing, are refused before any column is seen."""

import time

import pytest

from skglmm.exceptions import FormulaError
from skglmm.formula import parse

BARS = ["{}", "z + {}", "({} | g)"]
SOON = 1.0  # seconds, for what took minutes

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
    ("cr(x, 100000000)", "too many"),
    ("cs(x, df=1001)", "too many"),
    ("cc(x, df=1001)", "too many"),
    ("poly(x, 1001)", "too many"),
    ("poly(x, degree=[9])", "df and degree are plain numbers"),
]


@pytest.mark.parametrize(("text", "message"), LARGE)
@pytest.mark.parametrize("place", BARS)
def test_what_would_take_for_ever_is_refused_at_once(text, message, place):
    begin = time.perf_counter()
    with pytest.raises(FormulaError, match=message):
        parse(place.format(text))
    assert time.perf_counter() - begin < SOON


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
