"""Columns of any name in any place of a formula, as the same column with a plain name."""

import ast
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skglmm import (
    BetaGLMMRegressor,
    DesignError,
    FormulaError,
    ZeroInflatedBetaGLMMRegressor,
)
from skglmm.design import Term, learn
from skglmm.formula import parse, parse_groups, quote, read_constraints, variables
from skglmm.inference.diagnosis.advice import _written
from skglmm.syntax import columns_in, name_of, named, read_expression, spelled

N = 60
NAMES = [
    *("class", "yield", "lambda", "None", "True", "in", "match"),  # words of Python
    *("µ", "area m²", "ﬁ", "½", "e\u0301", "é", "\U0001d431", "名", "丁"),  # Unicode
    *("a b", "a_b", "a.b", "a:b", "a|b", "it's", 'he"s', "f(x", "x)", "[0, 1)", "{x}", "~", "-"),
    *("a\\b", "'", '"', "%", ".", "#", " a", "a b + a b"),  # marks
    *("2020", "1", "0", "1.5", "1e3", "²"),  # numbers
    *("log", "poly", "np", "contr", "C", "Q", "I", "Sum", "Treatment", "open"),  # functions
    *("thirds", "µs"),  # functions of the context
    *("_column_61", "_column_", "_0", "__x", "__import__", "log(x)", "_formulaic_a"),
]
CONTEXT = {"thirds": lambda values: values / 3, "µs": np.square}

# @ is the name in back quotes, and NAME the name as a text
NUMERIC = [
    "@",
    "log(@) + sqrt(@)",
    "poly(@, 2)*f",
    "bs(@, df=4) + scale(@) + np.log(@)",
    "cr(@, df=3) + center(@):w",
    "I(@**2):w + thirds(@) + µs(@)",
    "{@ + 1} + {@ > 1.5}",
    "Q(NAME) + poly(Q(NAME), 2)",
]
LABELS = ["C(@, contr.sum)*w", "C(@, Sum)", "@:w", "C(Q(NAME), contr.treatment('p'))"]


def about(text, name):
    return text.replace("NAME", repr(name)).replace("@", f"`{name}`")


def make_frame(seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "w": rng.normal(size=N),
            "f": rng.choice(list("uvw"), N),
            "g": np.arange(N) % 6,
            "plain": rng.uniform(1, 2, N),
            "labels": rng.choice(["p", "q", "r"], N),
        }
    )


def designs(text, frame):
    """Return the spec and the design of a text, as a fixed part and as slopes."""
    canonical = parse(text, tuple(CONTEXT)).fixed
    terms = [Term(canonical, ("g",), correlated=False)]
    return learn(frame, {"mean": canonical, "precision": "1"}, terms, context=CONTEXT)


@cache
def plain(text):
    """Return the design of a text about columns with plain names."""
    return designs(text, make_frame())[1]


def some(names):
    """Return names, of which each third one is fast."""
    slow = pytest.mark.slow
    return [name if k % 3 == 0 else pytest.param(name, marks=slow) for k, name in enumerate(names)]


@pytest.mark.parametrize("name", some(NAMES))
def test_a_column_of_any_name_is_the_same_column_by_another_name(name):
    for kind, text in (("plain", " + ".join(NUMERIC)), ("labels", " + ".join(LABELS))):
        known = plain(about(text, kind))
        mine = make_frame().rename(columns={kind: name})
        spec, design = designs(about(text, name), mine)
        assert_array_equal(design.fixed[0], known.fixed[0])
        assert_array_equal(design.columns[0], known.columns[0])
        assert_array_equal(spec.build(mine[:7], context=CONTEXT).fixed[0], known.fixed[0][:7])
        assert "_column_" not in repr(spec.layout).replace(name, "")


@pytest.mark.parametrize("name", some(NAMES))
def test_the_canonical_formula_of_any_name_says_the_same_again(name):
    for text in (" + ".join(NUMERIC), " + ".join(LABELS)):
        formula = parse(f"{about(text, name)} + (`{name}` | `{name}`:h)", tuple(CONTEXT))
        again = parse(str(formula), tuple(CONTEXT))
        assert again == formula
        assert name in variables(again.fixed)
        assert formula.bars[0].group == tuple(sorted([name, "h"])) or name in formula.bars[0].group


PAIRS = [("a b", "a_b"), ("µ", "μ"), ("m²", "m2"), ("log(w)", "w"), ("é", "e\u0301"), ("2", "_2")]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("call", ["poly(@, 2)", "scale(@)", "center(@)", "bs(@, df=4)"])
def test_names_that_look_alike_share_nothing_that_was_learned(pair, call):
    frame = make_frame()[["g"]].assign(**dict.fromkeys(pair, 0.0))
    one, other = np.random.default_rng(1).uniform(1, 2, (2, N))
    frame[pair[0]], frame[pair[1]] = one, 3 * other + 2
    text = parse(" + ".join(about(call, name) for name in pair)).fixed
    spec, design = learn(frame, {"mean": text}, [Term("1", ("g",))])
    assert_array_equal(spec.build(frame[:9]).fixed[0], design.fixed[0][:9])
    for place, name in enumerate(pair):
        alone, _ = learn(frame, {"mean": f"1 + {about(call, name)}"}, [Term("1", ("g",))])
        found = spec.build(frame[:9]).fixed[0][:, 1:]
        half = found.shape[1] // 2
        assert_array_equal(
            alone.build(frame[:9]).fixed[0][:, 1:], found[:, place * half : (place + 1) * half]
        )


def test_a_column_called_like_an_expression_is_not_the_expression():
    frame = make_frame().assign(**{"log(plain)": 5.0})
    texts = {"mean": "1 + `log(plain)`", "precision": "1 + log(plain)"}
    _, design = learn(frame, texts, [Term("1", ("g",))])
    assert_array_equal(design.fixed[0][:, 1], 5.0)
    assert_array_equal(design.fixed[1][:, 1], np.log(frame["plain"]))
    with pytest.raises(DesignError, match=r"two effects are both called 'log\(plain\)'; rename"):
        learn(frame, {"mean": "1 + log(plain) + `log(plain)`"}, [Term("1", ("g",))])


def test_a_column_called_like_a_coefficient_of_another_predictor_is_refused():
    for name, other in (("precision(w)", "w"), ("precision(Intercept)", "w")):
        frame = make_frame().rename(columns={"plain": name})
        with pytest.raises(DesignError, match=r"two coefficients are both called 'precision\("):
            learn(frame, {"mean": f"1 + `{name}`", "precision": f"1 + {other}"})
        learn(frame, {"mean": "1 + w", "precision": f"1 + `{name}`"})


def test_a_column_in_quotes_learns_nothing():
    spec, _ = designs("Q('plain') + log(Q('plain')) + C(Q('labels'))", make_frame())
    assert spec.specs["fixed0"].states == {}
    assert spec.layout.coefficients[0][-2:] == ("C(Q('labels'))[T.q]", "C(Q('labels'))[T.r]")


def test_a_column_called_like_the_constant_is_not_the_intercept():
    assert str(parse("0 + `1` + (0 + `1` | g) + (1 | g)")) == "0 + `1` + (1 | g) + (0 + `1` | g)"
    frame = make_frame().rename(columns={"plain": "1"})
    _, design = learn(frame, {"mean": "1 + `1`"}, [Term("1", ("g",))])
    assert_array_equal(design.fixed[0], np.column_stack([np.ones(N), frame["1"]]))


def test_coefficients_and_hypotheses_have_the_names_of_users():
    frame, rng = make_frame(2), np.random.default_rng(3)
    names = {"plain": "yield", "w": "2020", "labels": "area m²"}
    text = "log(`yield`) + poly(`µ`, 2) + `2020` + C(`area m²`, contr.sum)"
    data = frame.rename(columns=names)
    data["µ"] = rng.normal(size=N)
    y = rng.beta(2, 3, N)
    model = BetaGLMMRegressor(text, precision="log(`yield`)").fit(data, y)
    assert list(model.coef_names_) == [
        *("log(`yield`)", "poly(µ, 2)[1]", "poly(µ, 2)[2]", "2020"),
        *("C(`area m²`, contr.sum)[S.p]", "C(`area m²`, contr.sum)[S.q]"),
    ]
    labels = [*model.coef_names_, "precision(log(`yield`))"]
    for row, label in zip(np.delete(np.eye(9), [0, 7], axis=0), labels, strict=True):
        expected = model.wald_test((row, 0.25)).statistic
        assert_allclose(model.wald_test(f"4*`{label}` = 1").statistic, expected, rtol=1e-9)
        if label != "2020":
            assert_allclose(model.wald_test(f"{label} = 0.25").statistic, expected, rtol=1e-9)
        assert model.confint(parameters=[label]).index.tolist() == [label]
    with pytest.raises(FormulaError, match=r"names 'log\(yeild\)'.* mean 'log\(`yield`\)'"):
        model.wald_test("log(yeild) = 0")
    with pytest.raises(FormulaError, match=r"(?s)one '='.*`2020` = `poly\(µ, 2\)\[1\]` = 0"):
        model.wald_test("`2020` = poly(µ, 2)[1] = 0")


# formula, what the message says; nothing in it is an identifier of ours
MESSAGES = [
    ("log(class)", "a column named 'class' is written in back quotes, `class`"),
    ("log(`class`) + log(`-`)", "the expression 'log\\(`-`\\)' cannot be evaluated"),
    ("`class`.mean()", "Missing operator|back quotes"),
    ("I(`a b`.mean)", "'`a b`.mean' is an attribute"),
    ("I(`a b` @ `a b`)", "the operator of '`a b` @ `a b`' cannot be used"),
    ("`class` `a b`", "Missing operator between `class` and `a b`"),
    ("`nothing here` + `a b`", "unknown column 'nothing here'"),
    ("log(`nothing here`)", "unknown column 'nothing here'"),
    ("log(__x)", "the name '__x' is reserved"),
    ("I(`__import__`('os'))", "the function '__import__' is not known"),
    ("I(`a b`('os'))", "the function 'a b' is not known"),
    ("bs(`a b`, df=1)", "the expression 'bs\\(`a b`, df=1\\)' cannot be evaluated"),
    ("poly(`a b`, 0)", "the term 'poly\\(`a b`, 0\\)' gives no column"),
]


@pytest.mark.parametrize(("formula", "message"), MESSAGES)
def test_messages_have_the_spelling_of_users(formula, message):
    frame = make_frame().assign(**{"class": 1.0, "-": -1.0, "a b": np.arange(N)})
    with pytest.raises((DesignError, FormulaError), match=message) as caught:
        BetaGLMMRegressor(formula).fit(frame, np.full(N, 0.5))
    assert "_column_" not in str(caught.value)


@given(one=st.text(max_size=6), other=st.text(max_size=6))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_no_two_names_have_one_identifier(one, other):
    assert named(one).isidentifier()
    assert name_of(named(one)) == one
    assert (named(one) == named(other)) == (one == other)
    assert name_of(named(named(one))) == named(one)


PARTS = st.sampled_from(
    [
        "`a b`",
        "x",
        "µ",
        "`None`",
        "log(",
        ")",
        "+",
        "'a`b'",
        '"',
        "'",
        "1",
        "_column_61",
        "(",
        "`",
        " ",
    ]
)


@given(parts=st.lists(PARTS, max_size=8))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_an_expression_has_one_spelling(parts):
    try:
        tree, _ = read_expression("".join(parts))
    except SyntaxError:
        return
    again, _ = read_expression(spelled(tree))
    assert ast.dump(again) == ast.dump(tree)
    assert spelled(again) == spelled(tree)


def test_columns_are_the_names_that_are_not_called():
    tree, _ = read_expression("C(`C`, Sum) + log(log) + contr.sum + Q('a`b') + np.log(`np`, x=µ)")
    assert [name for _, name in columns_in(tree)] == ["C", "log", "a`b", "np", "µ"]


def test_every_name_that_can_be_written_is_quoted_and_can_group():
    for name in NAMES:
        assert variables(quote(name)) == {name}
        (bar,) = parse_groups({name: f"0 + log(`{name}`)"}, [name])
        assert bar.group == (name,)
        assert parse_groups(f"`{name}`", []) == parse_groups(name, [name])


def test_advice_quotes_what_is_neither_a_word_nor_a_call():
    found = [_written(name) for name in ("µ", "area (m²)", "log(`a b`)", "2020:x", "poly(x, 2)[1]")]
    assert found == ["µ", "`area (m²)`", "log(`a b`)", "`2020`:x", "poly(x, 2)"]


# @ is the name in back quotes; it is printed bare, before labels in brackets, and inside of calls
PRINTED = {
    "labels": {"mean": "w*@ + f:@:w", "zero": "C(@, contr.sum) + @:w"},
    "plain": {"mean": "@*f + log(@):w", "zero": "poly(@, 2):f + @"},
}
MORE_NAMES = [
    "a)b(c",
    "a[0]:b",
    "a]b",
    "x]:y[",
    ": ",
    "x - y",
    "w + 1",
    "a = b",
    "1 - w",
    "w:f",
    "a, b",
]


@pytest.mark.parametrize("name", some([*NAMES, *MORE_NAMES]))
@pytest.mark.parametrize("kind", PRINTED)
def test_hypotheses_may_have_every_name_that_is_printed(name, kind):
    frame = make_frame(4).rename(columns={kind: name})
    frame["f"] = frame["f"].replace({"v": "v]:w[T.w", "w": "1 = a, b"})
    texts = {key: parse(about(text, name)).fixed for key, text in PRINTED[kind].items()}
    spec, _ = learn(frame, texts)
    names, terms, factors = vocabulary(spec)
    for place, printed in enumerate(names):
        for text in (printed, f"{printed} = 0", f"`{printed}` = 0", f"2 * `{printed}` = 0"):
            matrix, values = read_constraints(text, names, terms, factors)
            assert_array_equal(matrix / np.abs(matrix).max(), np.eye(len(names))[[place]])
            assert_array_equal(values, [0.0])
    for term, places in terms.items():
        for text in (term, f"{term} = 0", f"`{term}`"):
            found, _ = read_constraints(text, names, terms, factors)
            assert_array_equal(found, np.eye(len(names))[list(places)])


def vocabulary(spec):
    """Return the names of coefficients and of terms, and their factors, as estimators do."""
    wrap = {"mean": "{}", "zero": "zero({})"}
    labels = dict(zip(wrap, spec.layout.coefficients, strict=True))
    names = [wrap[key].format(name) for key, found in labels.items() for name in found]
    terms, factors, start = {}, set(), 0
    for key, found in zip(wrap, spec.fixed_terms, strict=True):
        for parts, columns in found.items():
            terms[wrap[key].format(":".join(parts))] = [start + column for column in columns]
            factors.update(parts)
        start += len(labels[key])
    return names, terms, factors


# name of a column of labels, hypothesis with @ for the name in back quotes, coefficients
QUOTED = [
    ("a:b", "@[T.q] = 0", ["a:b[T.q]"]),
    ("a:b", "w:@[T.q] = 0", ["w:a:b[T.q]"]),
    ("a:b", "`a:b[T.q]`:`w` = 0", ["w:a:b[T.q]"]),
    ("a:b", "@:w = 0", ["w:a:b[T.q]", "w:a:b[T.r]"]),
    ("it's", "zero(@:w) = 0", ["zero(it's[p]:w)", "zero(it's[q]:w)", "zero(it's[r]:w)"]),
    ("f(x", "zero(w:@[q]) = zero(`w`:@[p])", ["zero(f(x[p]:w)", "zero(f(x[q]:w)"]),
    ("class", "zero(C(@,contr.sum)[S.p])", ["zero(C(`class`, contr.sum)[S.p])"]),
    (
        "µ",
        "zero(C(@,  contr.sum)) = 0",
        ["zero(C(µ, contr.sum)[S.p])", "zero(C(µ, contr.sum)[S.q])"],
    ),
]


@pytest.mark.parametrize(("name", "text", "expected"), QUOTED)
def test_hypotheses_may_quote_each_factor_of_a_name(name, text, expected):
    frame = make_frame(4).rename(columns={"labels": name})
    texts = {key: parse(about(found, name)).fixed for key, found in PRINTED["labels"].items()}
    names, terms, factors = vocabulary(learn(frame, texts)[0])
    matrix, _ = read_constraints(about(text, name), names, terms, factors)
    assert [names[place] for place in np.flatnonzero(np.any(matrix != 0, axis=0))] == expected


def test_numbers_and_blanks_are_names_where_they_can_be_nothing_else():
    names = ["0", "2", "a", " a", "-"]
    for text, weights, value in [
        ("2 = 1", [0, 1, 0, 0, 0], 1),
        ("a = 2", [0, 0, 1, 0, 0], 2),
        ("0 = a", [0, 0, -1, 0, 0], 0),
        ("2 * a - `0` = 2", [-1, 0, 2, 0, 0], 2),
        ("` a` = a", [0, 0, -1, 1, 0], 0),
        ("2 * a + a = 0", [0, 0, 3, 0, 0], 0),
        (" a = 0", [0, 0, 0, 1, 0], 0),
        ("- = 0", [0, 0, 0, 0, 1], 0),
    ]:
        matrix, values = read_constraints(text, names)
        assert_array_equal(matrix, [weights])
        assert_array_equal(values, [value])


@pytest.mark.parametrize("name", ["a:b", "it's", "1"])
def test_every_name_of_a_table_can_be_tested(name):
    frame = make_frame(2).rename(columns={"labels": name})
    y = np.random.default_rng(3).beta(2, 3, N)
    y[::5] = 0
    mean, zero = (about(text, name) for text in ("@*w + f", "@ + C(@, contr.sum):w"))
    model = ZeroInflatedBetaGLMMRegressor(mean, zero=zero).fit(frame, y)
    for _, row in model.tidy().iterrows():
        is_mean = row["component"] == "mean"
        label = row["term"] if is_mean else f"{row['component']}({row['term']})"
        statistic = model.wald_test(f"{label} = 0").statistic
        assert_allclose(statistic, row["statistic"] ** 2, rtol=1e-6)
