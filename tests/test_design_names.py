"""Names in designs: what is dropped is named, what is ambiguous or idle is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skglmm import BetaGLMMRegressor
from skglmm.design import Term, learn
from skglmm.exceptions import DesignError

N = 24
BY_G = Term("1", ("g",))


def make_frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "c": np.tile(list("cab"), 8),
            "u": "one",
            "k": 5,
            "g": np.repeat(list("feabcd"), 4),
        }
    )


def learn_mean(text, terms=(BY_G,), frame=None, **options):
    frame = make_frame() if frame is None else frame
    return learn(frame, {"mean": text, "precision": "1"}, terms, **options)


# fixed text, what its constant categories are, columns of the mean
CONSTANT = [
    ("1 + x + u", {"u": "one"}, ("Intercept", "x")),
    ("1 + x + u + x:u", {"u": "one"}, ("Intercept", "x")),
    ("1 + C(k)", {"C(k)": "5"}, ("Intercept",)),
    ("1 + C(x > -99)", {"C(x > -99)": "True"}, ("Intercept",)),
    ("0 + u", {}, ("u[one]",)),
    ("1 + x", {}, ("Intercept", "x")),
    ("1 + k", {}, ("Intercept", "k")),
]


@pytest.mark.parametrize(("text", "constant", "columns"), CONSTANT)
def test_a_category_with_a_single_level_is_named(text, constant, columns):
    spec, _ = learn_mean(text)
    assert dict(spec.constant) == constant
    assert spec.layout.coefficients[0] == columns


def test_a_constant_category_of_any_predictor_is_named():
    spec, _ = learn(make_frame(), {"mean": "1 + x", "precision": "1 + u"}, [BY_G])
    assert dict(spec.constant) == {"u": "one"}


@pytest.mark.parametrize("effects", ["1 + u", "1 + x + u", "1 + x + x:u + u"])
@pytest.mark.parametrize("structure", ["us", "diag"])
def test_an_effect_with_a_single_level_is_refused(effects, structure):
    with pytest.raises(DesignError, match="the effect 'u' of 'g' has one level, 'one'"):
        learn_mean("1", [Term(effects, ("g",), structure)])


def test_a_term_without_a_column_is_refused():
    with pytest.raises(DesignError, match=r"'poly\(x, 0\)' gives no column"):
        learn_mean("1 + poly(x, 0)")


@pytest.mark.parametrize("text", ["1 + Intercept", "1 + log(Intercept)", "1 + Intercept:x"])
def test_a_column_named_like_the_intercept_is_refused(text):
    frame = make_frame().assign(Intercept=np.arange(1.0, N + 1))
    message = "'Intercept' reads as the intercept .*; rename it"
    with pytest.raises(DesignError, match=message):
        learn_mean(text, frame=frame)
    with pytest.raises(DesignError, match=message):
        learn_mean("1", [Term(text, ("g",))], frame=frame)
    assert learn_mean("1 + x", frame=frame)[0].layout.coefficients[0] == ("Intercept", "x")


# text, what the message says
IDLE = [
    *((name, rf"{name!r} is a function, .* {name}\(x\)") for name in ("log", "C", "I", "bs")),
    *((name, rf"{name!r} is a function") for name in ("abs", "expit", "Treatment")),
    ("x:log", r"'log' is a function, .* log\(x\)"),
    ("np", r"np\.log\(x\)"),
    ("contr", r"contr\.sum"),
    ("I(log)", r"'log' in 'I\(log\)' is a function"),
    ("bs(log)", "'log' in"),
    ("C(c, C)", r"'C' in 'C\(c, C\)'"),
    ("C(c, log)", r"'log' in 'C\(c, log\)'"),
    ("C(c, np)", r"'np' in 'C\(c, np\)'"),
    ("C(c, Treatment)", r"called, C\(x, contr.treatment\)"),
    ("I(Sum)", "'Sum' in"),
    ("twice", r"'twice' is a function"),
]


@pytest.mark.parametrize(("text", "message"), IDLE)
@pytest.mark.parametrize("place", ["fixed", "effects"])
def test_a_function_that_is_not_called_is_refused_in_plain_words(text, message, place):
    texts = ("1 + " + text, [BY_G]) if place == "fixed" else ("1", [Term("0 + " + text, ("g",))])
    with pytest.raises(DesignError, match=message):
        learn_mean(*texts, context={"twice": lambda values: 2 * values})


def test_columns_may_have_the_names_of_functions():
    frame = make_frame().assign(C=np.arange(1.0, N + 1), K=2.0)
    spec, design = learn_mean("1 + log(C) + C", frame=frame)
    np.testing.assert_array_equal(design.fixed[0][:, 1], np.log(frame["C"]))
    assert spec.variables == ("C",)


def test_functions_of_the_context_may_take_functions():
    context = {"apply": lambda function, values: function(values), "twice": lambda v: 2 * v}
    frame = make_frame()
    _, design = learn_mean("1 + apply(twice, x)", frame=frame, context=context)
    np.testing.assert_array_equal(design.fixed[0][:, 1], 2 * frame["x"])


@pytest.mark.parametrize("coding", ["Sum", "Helmert", "Poly", "Diff", "contr.sum", "None"])
def test_codings_need_no_parentheses(coding):
    assert learn_mean(f"1 + C(c, {coding})")[1].fixed[0].shape == (N, 3)


WRONG = [
    "C(c, [1, 2])",
    "C(c, 'a')",
    "C(c, x)",
    "C(c, x > 1)",
    "C(c, contr.custom)",
    "C(c, contr.custom([1]))",
    "C(c, contr.poly(scores=[1]))",
    "C(c, levels=3)",
    "C(c, contr.sum, 3)",
    "Q(x)",
    "I((1, x))",
    "{x + 1, 3}",
    "log(c)",
    "poly(x, x)",
    "bs(x, df=1)",
    "log(x, x, x)",
]


@pytest.mark.parametrize("text", WRONG)
def test_an_expression_that_fails_is_named(text):
    with pytest.raises(DesignError) as caught:
        learn_mean("1 + x + " + text)
    inside = text.strip("{}")
    starts = [f"the expression {inside!r} cannot", f"the expression '({inside})' cannot"]
    assert str(caught.value).startswith(tuple(starts))
    assert "tuple index" not in str(caught.value)


def test_a_logarithm_of_negative_numbers_is_told_in_our_words():
    with pytest.raises(DesignError) as caught:
        learn_mean("1 + log(x)")
    assert str(caught.value) == (
        "the expression 'log(x)' cannot be evaluated: it gives NaN, perhaps the logarithm or root "
        "of a negative number"
    )


def test_columns_that_would_share_a_name_are_refused():
    frame = make_frame().assign(**{"x:k": 1.0, "g:c": np.repeat(list("ab"), 12)})
    with pytest.raises(DesignError, match="two effects are both called 'x:k'; rename"):
        learn_mean("1 + x + k + `x:k` + x:k", frame=frame)
    terms = [Term("1", ("g", "c")), Term("1", ("g:c",))]
    with pytest.raises(DesignError, match="two grouping factors are both called 'g:c'; rename"):
        learn_mean("1", terms, frame=frame)


def test_labels_of_levels_differ_where_their_parts_hold_colons():
    frame = make_frame()
    frame["p"] = np.tile(["p", "p:q", "`p", "p"], 6)
    frame["q"] = np.tile(["q:r", "r", "q", "r"], 6)
    spec, design = learn_mean("1", [Term("1", ("p", "q"))], frame=frame)
    (factor,) = spec.layout.factors
    assert sorted(factor.labels) == sorted(["p:`q:r`", "`p:q`:r", "```p`:q", "p:r"])
    assert len(set(factor.labels[design.codes[0]])) == 4
    alone, _ = learn_mean("1", [Term("1", ("p",))], frame=frame)
    assert sorted(alone.layout.factors[0].labels) == ["`p", "p", "p:q"]


def test_the_estimator_warns_of_a_category_with_a_single_level():
    frame = make_frame()
    y = np.random.default_rng(1).uniform(0.2, 0.8, N)
    with pytest.warns(UserWarning, match="dropped: 'u' has the single level 'one'"):
        model = BetaGLMMRegressor("x + u").fit(frame, y)
    np.testing.assert_array_equal(model.coef_, BetaGLMMRegressor("x").fit(frame, y).coef_)
    with pytest.raises(DesignError, match="'u' of 'g' has one level"):
        BetaGLMMRegressor("x + (u | g)").fit(frame, y)


def test_powers_of_ten_are_powers_of_ten():
    frame = make_frame()
    _, design = learn_mean("1 + exp10(x)", frame=frame)
    np.testing.assert_allclose(design.fixed[0][:, 1], 10 ** frame["x"])


def levels_of(*levels):
    rng = np.random.default_rng(0)
    labels = pd.Categorical(rng.choice(np.array(levels, dtype=object), 60), categories=levels)
    return pd.DataFrame({"u": labels, "v": rng.choice(["p", "q"], 60), "x": rng.normal(size=60)})


@pytest.mark.parametrize(
    "text", ["0 + u", "1 + x:u", "1 + u*v", "1 + C(u, contr.sum)", "0 + u:v:x"]
)
@pytest.mark.parametrize("level", ["__none__", "__", "__x__:", "_", ""])
def test_a_level_of_any_name_has_its_column(text, level):
    _, expected = learn(levels_of("a", "b", "c"), {"mean": text})
    spec, design = learn(levels_of(level, "b", "c"), {"mean": text})
    assert_array_equal(design.fixed[0], expected.fixed[0])
    assert len(spec.layout.coefficients[0]) == expected.fixed[0].shape[1]


@pytest.mark.parametrize("levels", [(1, "1"), (True, "True"), ("z", 1.5, "1.5")])
def test_levels_that_are_written_alike_are_refused(levels):
    for text in ("0 + u", "1 + x:u", "0 + u:v"):
        with pytest.raises(DesignError, match=r"2 columns are all called .* written alike"):
            learn(levels_of(*levels), {"mean": text})


def test_products_that_are_written_alike_are_refused():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"v": rng.choice(["a", "a]:f[b"], 60), "f": rng.choice(["c", "b]:f[c"], 60)})
    with pytest.raises(DesignError, match=r"2 columns are all called 'x:v\[a\]:f\[b\]:f\[c\]'"):
        learn(X.assign(x=rng.normal(size=60)), {"mean": "1 + x:v:f"})
